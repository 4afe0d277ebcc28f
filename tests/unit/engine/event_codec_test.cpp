#include "engine/event.hpp"

#include <fstream>
#include <iterator>
#include <set>

#include <gtest/gtest.h>

namespace kheish::engine {
namespace {

using codec::blob_ref;
using codec::sha256;

ProposedCall sample_call() {
    return {
        CallId{"call-3-0"},
        "toolu_01",
        "bash",
        blob_ref("{\"command\":\"ls\"}"),
        EffectClass::reconcilable,
        ToolPlace::daemon,
        true,
        "input.command is required"};
}

std::vector<EventBody> session_samples() {
    return {
        SessionCreated{Principal::user(1000), 1000, "/home/alice/\"w\"", "thread-1"},
        SessionEnded{"asked to\n"},
        RunAccepted{
            "scheduled_input",
            blob_ref("Inspect this repo"),
            "Inspect",
            "slack",
            "mention",
            "U1",
            "{\"a\":1}",
            "anthropic",
            "claude",
            PermissionMode::dont_ask,
            12,
            4096,
            1001,
            "/srv/w",
            false},
        RunQueued{2},
        RunStarted{},
        RunCancelRequested{true, "shutdown"},
        RunCompleted{},
        RunFailed{"turn_limit", "12 turns"},
        RunInterrupted{"session interrupted"},
        RunCancelled{"by alice"},
        RunStuckReported{"tools", "look at it"},
        RunRecovered{"0123456789abcdef0123456789abcdef"},
    };
}

std::vector<EventBody> scope_samples() {
    return {
        LaunchRequested{2, "0123456789abcdef0123456789abcdef"},
        Launched{2, "kheish-run-7-2.scope", {"MemoryMax", "TasksMax"}},
        LaunchFailed{2, "no such user", true},
        RunnerAdopted{2, {CallId{"call-1-0"}}, {CallId{"call-1-1"}, CallId{"call-1-2"}}},
        ScopeStopRequested{2},
        ScopeEnded{2, true, "killed", {1234567, 4096, 3, 10, 20}},
    };
}

std::vector<EventBody> model_samples() {
    return {
        ModelRequested{3, 2, "anthropic", "claude", sha256("request")},
        ModelCompleted{
            3,
            2,
            blob_ref("message"),
            "I will look \u00e9",
            "tool_use",
            {10, 20, 30, 40},
            "claude-1",
            {sample_call()}},
        ModelFailed{3, 2, "rate_limited", "429", true, 1500000},
        ModelRetryScheduled{3, 3, true, {1700000000000000, 5000000, "0123"}},
        ModelRetryDue{3, 3},
        ModelRetryWoken{3, 3},
        ContextTrimmed{12},
    };
}

std::vector<EventBody> call_samples() {
    return {
        PermissionDecided{
            CallId{"call-3-0"},
            Decision::ask,
            Decision::allow,
            PermissionMode::accept_edits,
            "edit allowed",
            "bash(git *)",
            "project",
            "asks for commands"},
        ApprovalRequested{
            ApprovalId{"approval-7-1"}, CallId{"call-3-0"}, sha256("action"), "bash: ls", "rule"},
        ApprovalResolved{
            ApprovalId{"approval-7-1"}, CallId{"call-3-0"}, sha256("action"), true, "looks fine"},
        ToolStarted{CallId{"call-3-0"}, 2, 4, "run-7/call-3-0"},
        ToolFinished{
            CallId{"call-3-0"},
            "timed_out",
            true,
            blob_ref("output"),
            "outp",
            137,
            true,
            blob_ref("the whole output"),
            180000000},
        ToolOutcomeUnknown{CallId{"call-3-0"}, "runner gone"},
        QuestionAsked{
            QuestionId{"question-7-1"},
            CallId{"call-3-0"},
            "Which color?",
            {1'700'000'000'000'000, 5'000'000, "0123456789abcdef0123456789abcdef"}},
        QuestionResolved{
            QuestionId{"question-7-1"}, CallId{"call-3-0"}, true, blob_ref("declined"), "no time"},
        ApprovalExpired{ApprovalId{"approval-7-1"}, CallId{"call-3-0"}},
        ApprovalReminded{ApprovalId{"approval-7-1"}, CallId{"call-3-0"}},
        ApprovalEscalated{
            ApprovalId{"approval-7-1"}, CallId{"call-3-0"}, {"user:1002", "token:ops"}},
        GrantCreated{
            "grant-7-1",
            ApprovalId{"approval-7-1"},
            CallId{"call-3-0"},
            "bash",
            "command",
            "git push *",
            sha256("action"),
            "days",
            1'700'000'000'000'000},
        GrantRevoked{"grant-7-1", "no more"},
        QuestionExpired{QuestionId{"question-7-1"}, CallId{"call-3-0"}},
        OutcomeResolved{
            CallId{"call-3-0"}, OutcomeChoice::result, blob_ref("it was done"), "looked"},
        OutputRecorded{"emit_output", blob_ref("answer"), CallId{"call-3-0"}},
        ToolPrepared{CallId{"call-3-0"}, {sha256("before"), sha256("after")}},
    };
}

std::vector<EventBody> governance_samples() {
    return {
        TokenCreated{"ci", "operator", sha256("secret"), 1'700'000'000'000'000},
        TokenRotated{"ci", sha256("other"), 1'800'000'000'000'000},
        TokenRevoked{"ci", "it was on a screen"},
        SecretStored{"claude", 2, "anthropic-api-key"},
        SecretRevoked{"claude", "leaked"},
        SecretDeleted{"claude", "not needed"},
        MasterKeyRotated{"0123456789abcdef", "fedcba9876543210", 3},
        SubjectRevoked{"session:demo", "gone astray"},
        SubjectRestored{"session:demo", "looked at"},
        LeaseRevoked{"lease-7-1-1", "too long"},
        DaemonStarted{"1.0", "0123456789abcdef0123456789abcdef", blob_ref("the configuration")},
        AuthenticationFailed{"invalid_token", "127.0.0.1", "POST", "/v1/sessions", true},
    };
}

/// One event of every type with every member set.
std::vector<EventBody> samples() {
    std::vector<EventBody> all;
    for (const std::vector<EventBody>& part :
         {session_samples(),
          scope_samples(),
          model_samples(),
          call_samples(),
          governance_samples()})
        all.insert(all.end(), part.begin(), part.end());
    return all;
}

std::string golden(std::string_view type) {
    std::ifstream file(std::string(KHEISH_TEST_DATA) + "/events/" + std::string(type) + ".json");
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(EventCodec, SamplesCoverEveryType) {
    std::set<std::string_view> seen;
    for (const EventBody& body : samples())
        seen.insert(event_type(body));
    const std::span<const std::string_view> types = event_types();
    EXPECT_EQ(seen, std::set<std::string_view>(types.begin(), types.end()));
    EXPECT_EQ(types.size(), std::variant_size_v<EventBody>);
    EXPECT_EQ(samples().size(), types.size());
}

TEST(EventCodec, BytesAreThoseOnRecord) {
    for (const EventBody& body : samples()) {
        const EncodedBody encoded = encode(body);
        EXPECT_EQ(encoded.body + "\n", golden(encoded.type)) << encoded.type;
        EXPECT_EQ(encoded.version, 1);
    }
}

TEST(EventCodec, RoundTripKeepsEveryMember) {
    for (const EventBody& body : samples()) {
        const EncodedBody encoded = encode(body);
        const Result<EventBody> decoded = decode(encoded.type, encoded.version, encoded.body);
        ASSERT_TRUE(decoded) << decoded.error().to_string();
        EXPECT_EQ(decoded->index(), body.index());
        EXPECT_EQ(encode(*decoded).body, encoded.body);
    }
}

template <class Body>
void expect_scopes_where_there_are_some() {
    Body body;
    EXPECT_EQ(encode(body).body.find("_scope"), std::string::npos);
    body.credential_scope = R"({"route_allow":[]})";
    body.capability_scope = R"({"mcp_server_allow":[]})";
    const EncodedBody encoded = encode(body);
    const Body decoded = std::get<Body>(*decode(encoded.type, 1, encoded.body));
    EXPECT_EQ(decoded.credential_scope, body.credential_scope);
    EXPECT_EQ(decoded.capability_scope, body.capability_scope);
}

TEST(EventCodec, AScopeIsThereWhereThereIsOne) {
    expect_scopes_where_there_are_some<SessionCreated>();
    expect_scopes_where_there_are_some<RunAccepted>();
}

TEST(EventCodec, WhatCameLaterIsAbsentWhereItIsNotSet) {
    RunAccepted accepted;
    const std::string before = encode(accepted).body;
    EXPECT_EQ(before.find("context_limit_bytes"), std::string::npos);
    accepted.context_limit_bytes = 5000;
    const EncodedBody encoded = encode(accepted);
    const Result<EventBody> decoded = decode(encoded.type, 1, encoded.body);
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    EXPECT_EQ(std::get<RunAccepted>(*decoded).context_limit_bytes, 5000);
}

TEST(EventCodec, AnUnknownOutcomeThatIsEscalatedIsAsOnRecord) {
    const Deadline when{1'700'000'000'000'000, 5'000'000, "0123456789abcdef0123456789abcdef"};
    const EncodedBody encoded = encode(ToolOutcomeUnknown{
        CallId{"call-3-0"}, "runner gone", when, when, {"user:1002", "token:ops"}});
    EXPECT_EQ(encoded.body + "\n", golden("tool.outcome_unknown.escalated"));
    const Result<EventBody> decoded = decode(encoded.type, 1, encoded.body);
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    EXPECT_EQ(encode(*decoded).body, encoded.body);
}

TEST(EventCodec, RoundTripOfDefaults) {
    const std::vector<EventBody> bodies = {
        ToolFinished{}, OutcomeResolved{}, RunnerAdopted{}, ModelCompleted{}, ScopeEnded{}};
    for (const EventBody& body : bodies) {
        const EncodedBody encoded = encode(body);
        const Result<EventBody> decoded = decode(encoded.type, 1, encoded.body);
        ASSERT_TRUE(decoded) << decoded.error().to_string();
        EXPECT_EQ(encode(*decoded).body, encoded.body);
    }
}

TEST(EventCodec, DecodedValuesAreTheEncodedOnes) {
    const EncodedBody encoded = encode(model_samples()[1]);
    const Result<EventBody> decoded = decode(encoded.type, 1, encoded.body);
    ASSERT_TRUE(decoded);
    const ModelCompleted& event = std::get<ModelCompleted>(*decoded);
    EXPECT_EQ(event.turn, 3);
    EXPECT_EQ(event.usage, (TokenUsage{10, 20, 30, 40}));
    ASSERT_EQ(event.calls.size(), 1U);
    EXPECT_EQ(event.calls[0].effect_class, EffectClass::reconcilable);
    EXPECT_EQ(event.calls[0].place, ToolPlace::daemon);
    EXPECT_EQ(event.calls[0].input, blob_ref("{\"command\":\"ls\"}"));
    EXPECT_TRUE(event.calls[0].parallel);
}

TEST(EventCodec, AnUpdatedInputIsKeptAndStored) {
    const ApprovalResolved resolved{
        ApprovalId{"approval-7-1"},
        CallId{"call-3-0"},
        sha256("action"),
        true,
        "but so",
        blob_ref("input"),
        sha256("another action")};
    const EncodedBody encoded = encode(resolved);
    EXPECT_EQ(encoded.blob_refs, std::vector{blob_ref("input")});
    const Result<EventBody> decoded = decode(encoded.type, encoded.version, encoded.body);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().to_string();
    EXPECT_EQ(std::get<ApprovalResolved>(*decoded).updated_input, resolved.updated_input);
    EXPECT_EQ(std::get<ApprovalResolved>(*decoded).updated_digest, resolved.updated_digest);
}

TEST(EventCodec, WhatCameLaterIsLeftOutWhereItIsNotThere) {
    EXPECT_EQ(encode(SessionCreated{}).body.find("permission_rules"), std::string::npos);
    EXPECT_EQ(encode(RunAccepted{}).body.find("reads_project"), std::string::npos);
    EXPECT_EQ(encode(Launched{}).body.find("project"), std::string::npos);
    SessionCreated created{Principal::user(1000), 1000, "/w", ""};
    created.permission_rules = blob_ref("[]");
    RunAccepted accepted;
    accepted.permission_rules = blob_ref("[]");
    accepted.reads_project = true;
    const ProjectPermissions project{blob_ref("rules = []"), "why not"};
    for (const EventBody& body : std::vector<EventBody>{
             created, accepted, Launched{1, "u", {}, project}, RunnerAdopted{1, {}, {}, project}}) {
        const EncodedBody encoded = encode(body);
        EXPECT_FALSE(encoded.blob_refs.empty()) << encoded.body;
        const Result<EventBody> decoded = decode(encoded.type, encoded.version, encoded.body);
        ASSERT_TRUE(decoded.has_value()) << decoded.error().to_string();
        EXPECT_EQ(encode(*decoded).body, encoded.body);
    }
    EXPECT_FALSE(decode(
        "run.launched",
        1,
        R"({"attempt":1,"degraded":[],"project":{"error":""},"unit":"u","x":1})"));
}

TEST(EventCodec, BlobRefsNameWhatIsStored) {
    EXPECT_EQ(
        encode(model_samples()[1]).blob_refs,
        (std::vector<codec::BlobRef>{blob_ref("message"), blob_ref("{\"command\":\"ls\"}")}));
    // The spool of a call is a file, not a blob.
    EXPECT_EQ(encode(call_samples()[4]).blob_refs, std::vector{blob_ref("output")});
    EXPECT_EQ(encode(call_samples()[14]).blob_refs, std::vector{blob_ref("it was done")});
    EXPECT_EQ(encode(call_samples()[7]).blob_refs, std::vector{blob_ref("declined")});
    EXPECT_TRUE(encode(RunStarted{}).blob_refs.empty());
}

TEST(EventCodec, BytesThatAreNotTextAreMarked) {
    const EncodedBody encoded = encode(RunCancelled{"\xff!"});
    EXPECT_EQ(encoded.body, "{\"reason\":\"\uFFFD!\"}");
    EXPECT_TRUE(decode(encoded.type, 1, encoded.body));
}

struct BadBody {
    std::string_view type;
    int version;
    std::string_view body;
    Errc code;
    std::string_view part; ///< of the message
};

class EventCodecRefuses : public ::testing::TestWithParam<BadBody> {};

TEST_P(EventCodecRefuses, WithAPreciseError) {
    const BadBody& bad = GetParam();
    const Result<EventBody> decoded = decode(bad.type, bad.version, bad.body);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, bad.code);
    EXPECT_NE(decoded.error().message.find(bad.part), std::string::npos) << decoded.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    All,
    EventCodecRefuses,
    ::testing::Values(
        BadBody{"run.dreamt", 1, "{}", Errc::journal_newer_schema, "run.dreamt"},
        BadBody{"run.queued", 2, "{\"position\":0}", Errc::journal_newer_schema, "version 2"},
        BadBody{"run.queued", 0, "{\"position\":0}", Errc::journal_corrupt, "version 0"},
        BadBody{"run.queued", 1, "", Errc::journal_corrupt, "run.queued"},
        BadBody{"run.queued", 1, "[]", Errc::journal_corrupt, "must be an object"},
        BadBody{"run.queued", 1, "{}", Errc::journal_corrupt, "position is required"},
        BadBody{"run.queued", 1, "{\"position\":\"0\"}", Errc::journal_corrupt, "an integer"},
        BadBody{"run.queued", 1, "{\"position\":0,\"x\":1}", Errc::journal_corrupt, "\"x\""},
        BadBody{"run.queued", 1, "{\"position\": 0}", Errc::journal_corrupt, "canonical"},
        BadBody{"run.started", 1, "{\"position\":null}", Errc::journal_corrupt, "\"position\""},
        BadBody{
            "run.scope_stop_requested",
            1,
            "{\"attempt\":99999999999}",
            Errc::journal_corrupt,
            "attempt must lie between"},
        BadBody{
            "output.recorded",
            1,
            "{\"call\":\"\",\"content\":{\"sha256\":\"12\",\"size\":1},\"source_kind\":\"x\"}",
            Errc::journal_corrupt,
            "SHA-256"},
        BadBody{
            "outcome.resolved",
            1,
            "{\"call\":\"c\",\"choice\":\"guess\",\"reason\":\"\"}",
            Errc::journal_corrupt,
            "retry, result, abandon"},
        BadBody{
            "outcome.resolved",
            1,
            "{\"call\":\"c\",\"choice\":\"retry\",\"reason\":\"\",\"text\":null}",
            Errc::journal_corrupt,
            "canonical"}));

} // namespace
} // namespace kheish::engine
