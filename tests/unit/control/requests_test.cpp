#include "control/requests.hpp"

#include <gtest/gtest.h>

#include <array>

namespace kheish::control {
namespace {

using Behavior = Resolution::Behavior;

codec::Json json(std::string_view text) {
    return codec::parse_json(text).value();
}

TEST(ParseSubmitInput, TakesTextInTwoForms) {
    EXPECT_EQ(parse_submit_input(json(R"({"content":"hi"})"))->content, "hi");
    EXPECT_EQ(
        parse_submit_input(
            json(R"({"input_items":[{"type":"text","text":"a"},{"type":"text","text":"b"}]})"))
            ->content,
        "a\nb");
}

TEST(ParseSubmitInput, ReadsEveryMember) {
    const SubmitInput input = parse_submit_input(json(R"({
        "content":"x","provider":"main","source_plugin":"cli","source_kind":"input","actor_id":"me",
        "generation":{"model":"m","max_output_tokens":10},"permission_mode":"dontAsk",
        "metadata":{"b":1,"a":2},"idempotency_key":"k"})"))
                                  .value();
    EXPECT_EQ(input.route, "main");
    EXPECT_EQ(input.source_plugin, "cli");
    EXPECT_EQ(input.model, "m");
    EXPECT_EQ(input.max_output_tokens, 10);
    EXPECT_EQ(input.permission_mode, govern::Mode::dont_ask);
    EXPECT_EQ(input.metadata, R"({"a":2,"b":1})");
    EXPECT_EQ(input.idempotency_key, "k");
}

struct Refusal {
    const char* body;
    Errc code;
    const char* message;
};

TEST(ParseSubmitInput, SaysWhatIsWrong) {
    const std::array refusals{
        Refusal{R"({})", Errc::bad_request, "body.content must hold some text"},
        Refusal{R"({"content":" \n"})", Errc::bad_request, "body.content must hold some text"},
        Refusal{
            R"({"content":1})", Errc::bad_request, "body.content must be a string, not integer"},
        Refusal{R"({"content":"a","typo":1})", Errc::unknown_field, "body has no field \"typo\""},
        Refusal{
            R"({"content":"a","generation":{"top_p":1}})",
            Errc::unknown_field,
            "body.generation has no field \"top_p\""},
        Refusal{
            R"({"content":"a","input_items":[{"type":"text","text":"b"}]})",
            Errc::bad_request,
            "body.input_items must not be mixed with content"},
        Refusal{
            R"({"input_items":[{"type":"video","text":"b"}]})",
            Errc::bad_request,
            "body.input_items[0].type must be one of text"},
        Refusal{
            R"({"content":"a","provider":"x","route_id":"y"})",
            Errc::bad_request,
            "body.route_id differs from provider, which means the same"},
        Refusal{
            R"({"content":"a","metadata":{"kheish_flow":1}})",
            Errc::bad_request,
            "body.metadata holds the reserved key \"kheish_flow\""},
        Refusal{
            R"({"content":"a","idempotency_key":""})",
            Errc::invalid_idempotency_key,
            "an idempotency key has 1 to 256 printable characters"},
        Refusal{R"([])", Errc::bad_request, "body must be an object, not array"},
    };
    for (const Refusal& refusal : refusals) {
        const Result<SubmitInput> parsed = parse_submit_input(json(refusal.body));
        ASSERT_FALSE(parsed.has_value()) << refusal.body;
        EXPECT_EQ(parsed.error().code, refusal.code) << refusal.body;
        EXPECT_EQ(parsed.error().message, refusal.message);
    }
}

TEST(ParseSubmitInput, KeyInHeaderAndBodyMustAgree) {
    const codec::Json body = json(R"({"content":"a","idempotency_key":"k"})");
    EXPECT_EQ(parse_submit_input(body, "k")->idempotency_key, "k");
    EXPECT_EQ(parse_submit_input(body, "other").error().code, Errc::invalid_idempotency_key);
    EXPECT_EQ(parse_submit_input(json(R"({"content":"a"})"), "h")->idempotency_key, "h");
}

TEST(ParseCreateSession, ChecksIdAndPath) {
    EXPECT_EQ(parse_create_session(json(R"({"session_id":"demo"})"))->session->value, "demo");
    EXPECT_FALSE(parse_create_session(json("{}"))->session);
    EXPECT_EQ(
        parse_create_session(json(R"({"session_id":".."})")).error().code,
        Errc::invalid_session_id);
    EXPECT_EQ(
        parse_create_session(json(R"({"workspace":"relative"})")).error().message,
        "body.workspace must be an absolute path");
    EXPECT_FALSE(parse_create_session(json(R"({"workspace":"/a\u0000b"})")).has_value());
}

TEST(ParseResolveApprovals, RefusesEmptyAndDoubleBatches) {
    EXPECT_EQ(parse_resolve_approvals(json("{}")).error().code, Errc::approval_batch_empty);
    EXPECT_EQ(
        parse_resolve_approvals(json(R"({"resolutions":[{"request_id":"a","behavior":"allow"},
                                                        {"request_id":"a","behavior":"deny"}]})"))
            .error()
            .code,
        Errc::approval_duplicate_resolution);
    EXPECT_EQ(
        parse_resolve_approvals(json(R"({"resolutions":[{"request_id":"a","behavior":"maybe"}]})"))
            .error()
            .message,
        "body.resolutions[0].behavior must be one of allow, deny, supply");
}

TEST(ParseResolveOne, CannotChangeWhatItResolves) {
    const ApprovalId approval{"approval-1-1"};
    const ResolveApprovals request =
        parse_resolve_one(
            approval, Behavior::deny, json(R"({"reason":"no","idempotency_key":"k"})"))
            .value();
    ASSERT_EQ(request.resolutions.size(), 1U);
    EXPECT_EQ(request.resolutions[0].behavior, Behavior::deny);
    EXPECT_EQ(request.resolutions[0].reason, "no");
    EXPECT_EQ(request.idempotency_key, "k");
    EXPECT_EQ(
        parse_resolve_one(approval, Behavior::deny, json(R"({"behavior":"allow"})")).error().code,
        Errc::unknown_field);
}

TEST(ParseResolveOne, TakesWhatBelongsToItsBehaviorOnly) {
    const ApprovalId approval{"approval-1-1"};
    const auto parse = [&approval](Behavior behavior, const char* options) {
        return parse_resolve_one(approval, behavior, json(options));
    };
    EXPECT_EQ(
        parse(Behavior::allow, R"({"updated_input":{"b":1,"a":null}})")
            ->resolutions[0]
            .updated_input,
        R"({"a":null,"b":1})");
    EXPECT_EQ(parse(Behavior::supply, R"({"result":""})")->resolutions[0].result, "");
    for (const Behavior behavior : {Behavior::deny, Behavior::supply})
        EXPECT_EQ(
            parse(behavior, R"({"updated_input":{},"result":"x"})").error().code,
            Errc::bad_request);
    for (const Behavior behavior : {Behavior::allow, Behavior::deny})
        EXPECT_EQ(parse(behavior, R"({"result":"x"})").error().code, Errc::bad_request);
    EXPECT_EQ(parse(Behavior::supply, "{}").error().code, Errc::bad_request);
    EXPECT_EQ(
        parse(Behavior::allow, R"({"updated_input":"text"})").error().code, Errc::bad_request);
    const std::string long_text(kSuppliedResultLimitBytes + 1, 'x');
    EXPECT_FALSE(
        parse_resolve_one(approval, Behavior::supply, codec::Json::object({{"result", long_text}}))
            .has_value());
    const codec::Json wide =
        codec::Json::object({{"a", std::string(kUpdatedInputLimitBytes, 'x')}});
    EXPECT_FALSE(
        parse_resolve_one(approval, Behavior::allow, codec::Json::object({{"updated_input", wide}}))
            .has_value());
}

TEST(ParseListRuns, ReadsQueriesAndDictionaries) {
    EXPECT_EQ(parse_list_runs(json(R"({"limit":"7","session_id":"demo"})"))->page.limit, 7);
    EXPECT_EQ(parse_list_runs(json(R"({"limit":7})"))->page.limit, 7);
    EXPECT_EQ(parse_list_runs(json(R"({"limit":100000})"))->page.limit, kPageLimitMax);
    EXPECT_EQ(parse_list_runs(json(R"({"limit":"0"})")).error().code, Errc::invalid_limit);
    EXPECT_FALSE(parse_list_runs(json(R"({"limit":"many"})")).has_value());
    EXPECT_TRUE(parse_list_runs(json(R"({"cursor":"abc"})"))->page.enveloped);
    EXPECT_TRUE(parse_list_runs(json(R"({"order":"asc"})"))->page.ascending);
    EXPECT_FALSE(parse_list_runs(json(R"({"order":"up"})")).has_value());
}

TEST(ParseEventCursor, IsADecimalNumber) {
    EXPECT_EQ(parse_event_cursor("0").value(), 0);
    EXPECT_EQ(parse_event_cursor("42").value(), 42);
    for (const char* text : {"", "-1", "4x", " 4", "99999999999999999999"})
        EXPECT_EQ(parse_event_cursor(text).error().code, Errc::invalid_event_cursor) << text;
}

} // namespace
} // namespace kheish::control
