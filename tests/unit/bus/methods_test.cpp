#include "bus_fixture.hpp"

#include "codec/json.hpp"

namespace kheish::bus {
namespace {

using codec::Json;
using Methods = BusTest;

Json parsed(const std::string& text) {
    Result<Json> json = codec::parse_json(text);
    EXPECT_TRUE(json) << text;
    return json.value_or(Json());
}

TEST_F(Methods, DescribesStatusAndCapabilitiesToAnyone) {
    authorizer_.allowed.clear();
    EXPECT_EQ(
        parsed(call(kRootPath, kManagerInterface, "DescribeStatus").text())
            .find("status")
            ->string(),
        "ready");
    EXPECT_TRUE(parsed(call(kRootPath, kManagerInterface, "DescribeCapabilities").text())
                    .find("approvals")
                    ->boolean());
    EXPECT_TRUE(authorizer_.requests.empty());
}

TEST_F(Methods, CreatesASessionForTheCaller) {
    const Reply reply =
        call(kRootPath, kManagerInterface, "CreateSession", [](sd_bus_message* message) {
            return sd_bus_message_append(
                message, "a{sv}", 2, "session_id", "s", "de.mo", "workspace", "s", "/srv/x");
        });
    EXPECT_EQ(reply.path(), "/ai/kheish/Daemon1/session/de_2emo");
    EXPECT_EQ(service_.last_caller.principal, Principal::user(1000));
    EXPECT_FALSE(service_.last_caller.acts_for_others);
    EXPECT_EQ(service_.last_session.workspace, "/srv/x");
    EXPECT_EQ(authorizer_.requests.at(0).action, "ai.kheish.daemon1.submit");
    EXPECT_FALSE(authorizer_.requests.at(0).interactive);
}

int append_capability_scope(sd_bus_message* message) {
    return sd_bus_message_append(
        message, "a{sv}", 1, "capability_scope", "a{sv}", 1, "mcp_tool_allow", "as", 0);
}

TEST_F(Methods, TakesScopesAsJsonAndAsDictionaries) {
    const auto create = [this](const std::string& key, const std::string& value) {
        return call(kRootPath, kManagerInterface, "CreateSession", option(key, value)).error;
    };
    EXPECT_EQ(create("capability_scope_json", R"({"mcp_server_allow":[]})"), "");
    EXPECT_FALSE(service_.last_session.capability_scope->mcp_servers.permits("files"));
    EXPECT_FALSE(service_.last_session.credential_scope.has_value());
    EXPECT_EQ(create("credential_scope_json", R"({"route_allow":[]})"), "");
    EXPECT_FALSE(service_.last_session.credential_scope->routes.permits("claude"));
    EXPECT_EQ(
        call(kRootPath, kManagerInterface, "CreateSession", append_capability_scope).error, "");
    EXPECT_FALSE(service_.last_session.capability_scope->mcp_tools.permits("mcp__a__b"));
    for (const std::string key : {"capability_scope_json", "credential_scope_json"}) {
        EXPECT_EQ(create(key, "{"), error_name(Errc::invalid_json));
        EXPECT_EQ(create(key, "[]"), error_name(Errc::bad_request));
        EXPECT_EQ(create(key, R"({"mcp_server_allow":[""]})"), error_name(Errc::bad_request));
        EXPECT_EQ(create(key, R"({"nonsense_allow":[]})"), error_name(Errc::unknown_field));
    }
}

TEST_F(Methods, RefusesUnknownKeysWrongTypesAndBadNames) {
    const auto error_of = [this](const Append& append) {
        return call(kRootPath, kManagerInterface, "CreateSession", append).error;
    };
    EXPECT_EQ(error_of(option("colour", "red")), error_name(Errc::unknown_field));
    EXPECT_EQ(error_of(number_option("workspace", 7)), error_name(Errc::bad_request));
    EXPECT_EQ(error_of(option("session_id", "..")), error_name(Errc::invalid_session_id));
    EXPECT_EQ(error_of(option("workspace", "relative")), error_name(Errc::bad_request));
    EXPECT_EQ(
        error_of([](sd_bus_message* message) {
            return sd_bus_message_append(
                message, "a{sv}", 2, "thread_id", "s", "a", "thread_id", "s", "b");
        }),
        error_name(Errc::bad_request));
    EXPECT_EQ(
        error_of([](sd_bus_message* message) {
            return sd_bus_message_append(message, "a{sv}", 1, "thread_id", "h", 0);
        }),
        error_name(Errc::bad_request));
    EXPECT_EQ(
        error_of([](sd_bus_message* message) { return sd_bus_message_append(message, "s", "x"); }),
        SD_BUS_ERROR_INVALID_ARGS);
    EXPECT_TRUE(service_.live_sessions(10).empty());
}

int append_input_with_options(sd_bus_message* message) {
    return sd_bus_message_append(
        message,
        "sa{sv}",
        "hold on",
        4,
        "idempotency_key",
        "s",
        "k1",
        "metadata",
        "a{sv}",
        1,
        "ticket",
        "x",
        std::int64_t{7},
        "generation",
        "a{sv}",
        1,
        "max_output_tokens",
        "u",
        100U,
        "provider",
        "s",
        "scripted");
}

TEST_F(Methods, SubmitsInputWithOptions) {
    const std::string session = create_session("demo");
    const Reply reply = call(session, kSessionInterface, "SubmitInput", append_input_with_options);
    const char* run = nullptr;
    const char* path = nullptr;
    ASSERT_GE(sd_bus_message_read(reply.raw.get(), "so", &run, &path), 0);
    EXPECT_STREQ(run, "run-1");
    EXPECT_STREQ(path, "/ai/kheish/Daemon1/run/1");
    EXPECT_EQ(service_.last_input.content, "hold on");
    EXPECT_EQ(service_.last_input.metadata, R"({"ticket":7})");
    EXPECT_EQ(service_.last_input.max_output_tokens, 100);
    EXPECT_EQ(service_.last_input.route, "scripted");
    EXPECT_EQ(service_.last_input.idempotency_key, "k1");
}

TEST_F(Methods, TakesMetadataAsJsonText) {
    const std::string session = create_session("demo");
    const auto with = [this, &session](const char* key, const char* value) {
        return call(
                   session,
                   kSessionInterface,
                   "SubmitInput",
                   [key, value](sd_bus_message* m) {
                       return sd_bus_message_append(m, "sa{sv}", "text", 1, key, "s", value);
                   })
            .error;
    };
    EXPECT_EQ(with("metadata_json", R"({"a":null,"b":[1,"x"]})"), "");
    EXPECT_EQ(service_.last_input.metadata, R"({"a":null,"b":[1,"x"]})");
    EXPECT_EQ(with("metadata_json", "{"), error_name(Errc::invalid_json));
    EXPECT_EQ(with("metadata_json", R"({"a":1,"a":2})"), error_name(Errc::invalid_json));
    EXPECT_EQ(with("metadata_json", "[]"), error_name(Errc::bad_request));
    EXPECT_EQ(with("content", "twice"), error_name(Errc::bad_request));
    EXPECT_EQ(
        call(session, kSessionInterface, "SubmitInput", input("  ")).error,
        error_name(Errc::bad_request));
}

TEST_F(Methods, ListsDescribesAndCancelsRuns) {
    const std::string run = submit(create_session("demo"), "hold");
    EXPECT_EQ(
        parsed(call(kRootPath, kManagerInterface, "ListSessions", no_options()).text()).size(), 1U);
    const Json runs =
        parsed(call(kRootPath, kManagerInterface, "ListRuns", option("session_id", "demo")).text());
    ASSERT_EQ(runs.size(), 1U);
    EXPECT_EQ(runs.at(0).find("run_id")->string(), "run-1");
    EXPECT_EQ(
        parsed(call(run, kRunInterface, "Describe").text()).find("status")->string(), "running");
    const Json cancelled =
        parsed(call(run, kRunInterface, "Cancel", option("reason", "enough")).text());
    EXPECT_EQ(cancelled.find("status")->string(), "cancelled");
    EXPECT_EQ(service_.last_reason, "enough");
    EXPECT_EQ(
        call(run, kRunInterface, "Cancel", option("why", "x")).error,
        error_name(Errc::unknown_field));
    EXPECT_EQ(
        call(kRootPath, kManagerInterface, "ListRuns", option("session_id", "nope")).error,
        error_name(Errc::session_not_found));
    EXPECT_EQ(
        call(kRootPath, kManagerInterface, "ListRuns", number_option("limit", 0)).error,
        error_name(Errc::invalid_limit));
}

TEST_F(Methods, InterruptsAndEndsASession) {
    const std::string session = create_session("demo");
    submit(session, "hold");
    EXPECT_TRUE(
        parsed(call(session, kSessionInterface, "Interrupt", option("reason", "stop")).text())
            .find("interrupted")
            ->boolean());
    EXPECT_EQ(service_.last_reason, "stop");
    EXPECT_EQ(call(session, kSessionInterface, "End", option("reason", "done")).error, "");
    EXPECT_EQ(service_.last_reason, "done");
    EXPECT_TRUE(parsed(call(session, kSessionInterface, "Describe").text()).is_object());
}

TEST_F(Methods, ResolvesAnApprovalOnce) {
    submit(create_session("demo"), "gate");
    const std::string approval = "/ai/kheish/Daemon1/approval/approval_2d1_2d1";
    EXPECT_EQ(
        parsed(call(kRootPath, kManagerInterface, "ListApprovals", no_options()).text()).size(),
        1U);
    EXPECT_EQ(
        parsed(call(approval, kApprovalInterface, "Describe").text()).find("tool_name")->string(),
        "bash");
    EXPECT_EQ(
        call(approval, kApprovalInterface, "Allow", option("digest", "zz")).error,
        error_name(Errc::bad_request));
    authorizer_.requests.clear();
    const Reply allowed =
        call(approval, kApprovalInterface, "Allow", option("justification", "seen"), true);
    EXPECT_EQ(parsed(allowed.text()).find("run_id")->string(), "run-1");
    EXPECT_EQ(service_.last_reason, "seen");
    const govern::AuthorizationRequest& asked = authorizer_.requests.at(0);
    EXPECT_EQ(asked.action, "ai.kheish.daemon1.approve");
    EXPECT_TRUE(asked.interactive);
    EXPECT_EQ(asked.details.at(4).second, "rm -rf build");
    EXPECT_EQ(asked.details.at(5).second, std::string(64, 'a'));
    EXPECT_EQ(
        call(approval, kApprovalInterface, "Deny", option("reason", "no")).error,
        error_name(Errc::approval_request_not_pending));
}

TEST_F(Methods, TakesAnUpdatedInputAsAnyJson) {
    submit(create_session("demo"), "gate");
    const std::string approval = "/ai/kheish/Daemon1/approval/approval_2d1_2d1";
    EXPECT_EQ(
        call(approval, kApprovalInterface, "Allow", option("updated_input_json", "{")).error,
        error_name(Errc::invalid_json));
    EXPECT_EQ(
        call(approval, kApprovalInterface, "Deny", option("updated_input_json", "{}")).error,
        error_name(Errc::bad_request));
    EXPECT_EQ(
        call(
            approval,
            kApprovalInterface,
            "Allow",
            option("updated_input_json", R"({"command":"ls","cwd":null})"))
            .error,
        "");
    EXPECT_EQ(service_.last_resolutions.at(0).updated_input, R"({"command":"ls","cwd":null})");
}

TEST_F(Methods, TakesWhatCameOfACallWithoutAKnownOutcome) {
    submit(create_session("demo"), "gate");
    const std::string approval = "/ai/kheish/Daemon1/approval/approval_2d1_2d1";
    EXPECT_EQ(
        call(approval, kApprovalInterface, "Supply", no_options()).error,
        error_name(Errc::bad_request));
    EXPECT_EQ(
        call(approval, kApprovalInterface, "Supply", option("result", "it is built")).error, "");
    EXPECT_EQ(service_.last_resolutions.at(0).result, "it is built");
}

/// The batch that allows one approval.
std::function<int(sd_bus_message*)> allow_all_of(const char* approval) {
    return [approval](sd_bus_message* message) {
        constexpr const char* kBatch = "aa{sv}";
        constexpr int kOne = 1;
        constexpr int kMembers = 2;
        // clang-format off
        return sd_bus_message_append(
            message, "a{sv}", kOne, "resolutions", kBatch, kOne, kMembers,
            "request_id", "s", approval, "behavior", "s", "allow");
        // clang-format on
    };
}

TEST_F(Methods, ResolvesTheGatesOfARunTogether) {
    submit(create_session("demo"), "gate");
    const std::string run = "/ai/kheish/Daemon1/run/1";
    EXPECT_EQ(
        call(run, kRunInterface, "ResolveApprovals", no_options()).error,
        error_name(Errc::approval_batch_empty));
    EXPECT_EQ(
        call(run, kRunInterface, "ResolveApprovals", allow_all_of("approval-7-7")).error,
        error_name(Errc::approval_not_found));
    authorizer_.requests.clear();
    EXPECT_EQ(call(run, kRunInterface, "ResolveApprovals", allow_all_of("approval-1-1")).error, "");
    ASSERT_EQ(authorizer_.requests.size(), 1U) << "one question for all of them";
    EXPECT_EQ(authorizer_.requests.at(0).action, "ai.kheish.daemon1.approve");
    EXPECT_EQ(authorizer_.requests.at(0).details.back().second, "allow rm -rf build");
    ASSERT_EQ(service_.last_resolutions.size(), 1U);
}

TEST_F(Methods, AnswersAQuestionOnce) {
    submit(create_session("demo"), "ask");
    const std::string question = "/ai/kheish/Daemon1/question/question_2d1_2d1";
    EXPECT_EQ(
        parsed(call(kRootPath, kManagerInterface, "ListQuestions", no_options()).text()).size(),
        1U);
    EXPECT_EQ(
        parsed(call(question, kQuestionInterface, "Describe").text()).find("state")->string(),
        "pending");
    EXPECT_EQ(
        call(question, kQuestionInterface, "Answer", option("answers", "blue")).error,
        error_name(Errc::bad_request));
    authorizer_.requests.clear();
    const Reply answered = call(
        question,
        kQuestionInterface,
        "Answer",
        option("answers_json", R"([{"question_id":"color","selected_option_ids":["blue"]}])"));
    ASSERT_EQ(answered.error, "");
    EXPECT_EQ(parsed(answered.text()).find("run_id")->string(), "run-1");
    ASSERT_EQ(service_.last_answer.answers.size(), 1U);
    EXPECT_EQ(service_.last_answer.answers[0].options, std::vector<std::string>{"blue"});
    EXPECT_EQ(authorizer_.requests.at(0).action, "ai.kheish.daemon1.answer");
    EXPECT_EQ(authorizer_.requests.at(0).details.back().second, "Which color?");
    EXPECT_EQ(
        call(question, kQuestionInterface, "Answer", bool_option("declined")).error,
        error_name(Errc::question_resolution_conflict));
}

TEST_F(Methods, CancelsTheRunThatAsks) {
    submit(create_session("demo"), "ask");
    const std::string question = "/ai/kheish/Daemon1/question/question_2d1_2d1";
    const Reply cancelled =
        call(question, kQuestionInterface, "Cancel", option("justification", "not now"));
    EXPECT_EQ(parsed(cancelled.text()).find("status")->string(), "cancelled");
    EXPECT_EQ(service_.last_reason, "not now");
}

TEST_F(Methods, NamesWhatIsNotThere) {
    EXPECT_EQ(
        call("/ai/kheish/Daemon1/session/nope", kSessionInterface, "Describe").error,
        error_name(Errc::session_not_found));
    EXPECT_EQ(
        call("/ai/kheish/Daemon1/run/77", kRunInterface, "Describe").error,
        error_name(Errc::run_not_found));
    EXPECT_EQ(
        call("/ai/kheish/Daemon1/approval/x", kApprovalInterface, "Describe").error,
        error_name(Errc::approval_not_found));
    EXPECT_EQ(
        call("/ai/kheish/Daemon1/question/x", kQuestionInterface, "Describe").error,
        error_name(Errc::question_not_found));
    EXPECT_EQ(
        call("/ai/kheish/Daemon1/run/077", kRunInterface, "Describe").error,
        SD_BUS_ERROR_UNKNOWN_OBJECT);
    EXPECT_EQ(
        call("/ai/kheish/Daemon1/session/_64emo", kSessionInterface, "Describe").error,
        SD_BUS_ERROR_UNKNOWN_OBJECT);
    EXPECT_EQ(call(kRootPath, kManagerInterface, "Nonsense").error, SD_BUS_ERROR_UNKNOWN_METHOD);
}

TEST_F(Methods, GivesEventListsAsSealedFiles) {
    const std::string run = submit(create_session("demo"), "quick");
    const Fd file = call(run, kRunInterface, "Events").fd();
    const Result<std::string> text = read_all(file.get(), 1 << 20);
    ASSERT_TRUE(text);
    EXPECT_EQ(parsed(*text).size(), 5U);
    EXPECT_LT(write(file.get(), "x", 1), 0);
    const Fd session = call(object_path(SessionId{"demo"}), kSessionInterface, "Events").fd();
    EXPECT_EQ(read_all(session.get(), 1 << 20).value_or(""), R"({"run_events":[]})");
}

TEST_F(Methods, EveryErrorOfTheTableHasItsErrno) {
    for (const ErrorInfo& info : error_table()) {
        const std::string name = std::string(kDbusErrorPrefix) + std::string(info.dbus);
        BusError error;
        (void)sd_bus_error_set_const(error.get(), name.c_str(), "x");

        EXPECT_EQ(sd_bus_error_get_errno(error.get()), info.sys_errno) << info.name;
    }
}

} // namespace
} // namespace kheish::bus
