#include "control_fixture.hpp"

/// What kheish.toml(5) bounds, where the bound is kept.
namespace kheish::control {
namespace {

class LimitsTest : public ControlFixture {
  protected:
    /// A new start with the settings as the test has changed them.
    void configure() {
        crash();
        boot();
    }
};

TEST_F(LimitsTest, RunsBeyondTheLiveOnesWaitTheOldestFirst) {
    settings_.live_runs = 1;
    configure();
    for (const char* session : {"a", "b", "c"})
        make_session(session);
    const RunId first = submit("a", "1");
    const RunId second = submit("b", "2");
    const RunId third = submit("c", "3");
    const RunId next_of_first = submit("a", "4");
    EXPECT_EQ(status(first), "running");
    EXPECT_EQ(status(second), "queued");
    EXPECT_EQ(wait_reason(second), "queue");
    EXPECT_EQ(status(third), "queued");
    routes_->fake.answer("one");
    settle();
    EXPECT_EQ(status(first), "completed");
    EXPECT_EQ(status(second), "running");
    EXPECT_EQ(status(third), "queued");
    EXPECT_EQ(status(next_of_first), "queued") << "its session is free, but the others are older";
}

TEST_F(LimitsTest, WhoeverLeavesTheLineKeepsNobodyOut) {
    settings_.live_runs = 1;
    configure();
    for (const char* session : {"a", "b", "c"})
        make_session(session);
    const RunId first = submit("a", "1");
    const RunId second = submit("b", "2");
    const RunId third = submit("c", "3");
    ASSERT_TRUE(wait_for<codec::Json>([this, second](Responder<codec::Json> responder) {
                    plane_->cancel_run(Caller::user(kAlice), second, {""}, std::move(responder));
                }).has_value());
    EXPECT_EQ(status(second), "cancelled");
    EXPECT_EQ(status(third), "queued");
    routes_->fake.answer("one");
    settle();
    EXPECT_EQ(status(first), "completed");
    EXPECT_EQ(status(third), "running");
}

TEST_F(LimitsTest, LiveRunsAreCountedAcrossARestart) {
    make_session("a");
    make_session("b");
    const RunId first = submit("a", "1");
    settings_.live_runs = 1;
    configure();
    const RunId second = submit("b", "2");
    EXPECT_EQ(status(first), "running");
    EXPECT_EQ(status(second), "queued");
    routes_->fake.answer("one");
    settle();
    EXPECT_EQ(status(second), "running");
}

TEST_F(LimitsTest, InputThatIsTooLongIsRefusedAndNamesTheLimit) {
    settings_.input_limit_bytes = 10;
    configure();
    make_session("demo");
    EXPECT_EQ(status(submit("demo", std::string(10, 'x'))), "running");
    SubmitInput input;
    input.content = std::string(11, 'x');
    const Result<SubmittedRun> refused =
        wait_for<SubmittedRun>([&](Responder<SubmittedRun> responder) {
            plane_->submit(
                Caller::user(kAlice), SessionId{"demo"}, std::move(input), std::move(responder));
        });
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::payload_too_large);
    EXPECT_NE(refused.error().message.find("11 bytes; 10 are allowed"), std::string::npos)
        << refused.error().message;
}

TEST_F(LimitsTest, CallsGetNoMoreTimeAndRoomThanConfigured) {
    settings_.tool_timeout_max = std::chrono::seconds(5);
    settings_.tool_output_limit_bytes = 4096;
    settings_.permission_mode = govern::Mode::bypass_permissions;
    configure();
    make_session("demo");
    const RunId run = submit("demo", "build");
    launched(run);
    routes_->fake.answer_calls(
        {{"a", "bash", R"({"command":"make","timeout_ms":60000})"},
         {"b", "bash", R"({"command":"make","timeout_ms":1000})"}});
    settle();
    ASSERT_EQ(host_->executions.size(), 1U) << "bash runs alone";
    EXPECT_EQ(host_->executions[0].second.timeout, std::chrono::seconds(5));
    EXPECT_EQ(host_->executions[0].second.output_limit_bytes, 4096);
    finish_call(run, "call-1-0", "made");
    ASSERT_EQ(host_->executions.size(), 2U);
    EXPECT_EQ(host_->executions[1].second.timeout, std::chrono::seconds(1));
}

TEST_F(LimitsTest, TheStatusSaysWhatCallsAreBoundedBy) {
    settings_.tool_timeout_max = std::chrono::seconds(5);
    settings_.tool_output_limit_bytes = 4096;
    configure();
    const codec::Json limits = *plane_->status_view().find("runtime")->find("tool_runtime_limits");
    EXPECT_EQ(limits.find("max_timeout_ms")->integer(), 5000);
    EXPECT_EQ(limits.find("max_output_bytes")->integer(), 4096);
    EXPECT_EQ(limits.find("max_calls_per_turn")->integer(), 256);
}

} // namespace
} // namespace kheish::control
