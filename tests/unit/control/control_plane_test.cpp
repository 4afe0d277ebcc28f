#include "control_fixture.hpp"

namespace kheish::control {
namespace {

using std::chrono::seconds;

const models::ToolCall kList{"toolu_1", "list_files", R"({"path":"."})"};
const models::ToolCall kBash{"toolu_2", "bash", R"({"command":"make"})"};

TEST_F(ControlFixture, ARunGoesThroughToolsToItsAnswer) {
    make_session("demo");
    const RunId run = submit("demo", "look around");
    EXPECT_EQ(run.number, 1);
    EXPECT_EQ(status(run), "running");
    ASSERT_EQ(host_->launches.size(), 1U) << "the scope is made while the model thinks";
    EXPECT_EQ(host_->launches[0].run_as, kAlice);
    EXPECT_EQ(host_->launches[0].workspace, "/home/user/project");
    launched(run);
    routes_->fake.answer_calls({kList});
    settle();
    ASSERT_EQ(host_->executions.size(), 1U) << "an allowed tool needs nobody";
    EXPECT_EQ(host_->executions[0].second.call.value, "call-1-0");
    finish_call(run, "call-1-0", "README.md");
    EXPECT_EQ(host_->acknowledged.size(), 1U);
    ASSERT_NE(routes_->fake.current(), nullptr);
    EXPECT_EQ(routes_->fake.current()->request.messages.size(), 3U);
    routes_->fake.answer("There is a README.");
    settle();
    EXPECT_EQ(status(run), "completed");
    EXPECT_EQ(view(run).find("outputs")->at(0).find("content")->string(), "There is a README.");
    EXPECT_EQ(host_->stops.size(), 1U);
    scopes::Accounting accounting;
    accounting.cpu_usage_us = 1234;
    host_->observer->on_stopped(run, 1, accounting);
    settle();
    EXPECT_EQ(view(run).find("accounting")->find("cpu_usage_us")->integer(), 1234);
    EXPECT_EQ(host_->released.size(), 1U);
    expect_rows_follow_events(run);
}

TEST_F(ControlFixture, NothingIsAnsweredBeforeTheCommit) {
    make_session("demo");
    bool answered = false;
    SubmitInput input;
    input.content = "x";
    plane_->submit(
        Caller::user(kAlice),
        SessionId{"demo"},
        std::move(input),
        Responder<SubmittedRun>([&answered](Result<SubmittedRun>) { answered = true; }));
    EXPECT_FALSE(answered);
    EXPECT_EQ(routes_->fake.call_count(), 0U) << "nor is anything done";
    EXPECT_TRUE(host_->launches.empty());
    settle();
    EXPECT_TRUE(answered);
}

TEST_F(ControlFixture, AGateHoldsTheCallUntilItsOwnerAllowsIt) {
    make_session("demo");
    const RunId run = submit("demo", "build");
    launched(run);
    routes_->fake.answer_calls({kBash});
    settle();
    EXPECT_EQ(status(run), "waiting_for_approval");
    EXPECT_EQ(wait_reason(run), "approval");
    EXPECT_TRUE(host_->executions.empty());
    const std::string approval = only_approval(run);
    EXPECT_EQ(resolve(run, approval, true, kBob).error().code, Errc::forbidden);
    ASSERT_TRUE(resolve(run, approval, true).has_value());
    EXPECT_EQ(host_->executions.size(), 1U);
    EXPECT_EQ(resolve(run, approval, true).error().code, Errc::approval_request_not_pending)
        << "a gate releases once";
    EXPECT_EQ(host_->executions.size(), 1U);
    expect_rows_follow_events(run);
}

TEST_F(ControlFixture, ADeniedCallIsToldToTheModelAndNeverRuns) {
    make_session("demo");
    const RunId run = submit("demo", "build");
    launched(run);
    routes_->fake.answer_calls({kBash});
    settle();
    ASSERT_TRUE(resolve(run, only_approval(run), false).has_value());
    EXPECT_TRUE(host_->executions.empty());
    ASSERT_NE(routes_->fake.current(), nullptr);
    const models::Message& last = routes_->fake.current()->request.messages.back();
    const auto& result = std::get<models::ToolResult>(last.parts.at(0));
    EXPECT_TRUE(result.is_error);
    EXPECT_NE(result.text.find("because"), std::string::npos) << result.text;
}

TEST_F(ControlFixture, AnUnknownToolAndABadInputAreRefusedWithoutAsking) {
    make_session("demo");
    const RunId run = submit("demo", "x");
    launched(run);
    routes_->fake.answer_calls(
        {{"a", "no_such_tool", "{}"}, {"b", "bash", R"({"cmd":"ls"})"}, {"c", "bash", "nonsense"}});
    settle();
    EXPECT_TRUE(host_->executions.empty());
    ASSERT_NE(routes_->fake.current(), nullptr) << status(run) << wait_reason(run);
    EXPECT_EQ(routes_->fake.current()->request.messages.back().parts.size(), 3U);
}

TEST_F(ControlFixture, RunsOfASessionStandInLine) {
    make_session("demo");
    const RunId first = submit("demo", "1");
    const RunId second = submit("demo", "2");
    const RunId third = submit("demo", "3");
    EXPECT_EQ(status(second), "queued");
    EXPECT_EQ(view(third).find("queued_position")->integer(), 1);
    EXPECT_EQ(wait_reason(third), "queue");
    routes_->fake.answer("one");
    settle();
    EXPECT_EQ(status(first), "completed");
    EXPECT_EQ(status(second), "running");
    EXPECT_EQ(view(third).find("queued_position")->integer(), 0);
}

TEST_F(ControlFixture, EmitOutputIsTheDaemonsOwnWork) {
    make_session("demo");
    const RunId run = submit("demo", "x");
    launched(run);
    routes_->fake.answer_calls({{"a", "emit_output", R"({"content":"half-time"})"}});
    settle();
    EXPECT_TRUE(host_->executions.empty());
    routes_->fake.answer("done");
    settle();
    const codec::Json outputs = view(run).find("outputs").value();
    ASSERT_EQ(outputs.size(), 2U);
    EXPECT_EQ(outputs.at(0).find("source_kind")->string(), "emit_output");
    EXPECT_EQ(outputs.at(0).find("content")->string(), "half-time");
    expect_rows_follow_events(run);
}

TEST_F(ControlFixture, CancelEndsARunOnceAndStopsItsScope) {
    make_session("demo");
    const RunId run = submit("demo", "x");
    launched(run);
    const auto cancel = [this, run] {
        return wait_for<codec::Json>([this, run](Responder<codec::Json> responder) {
            plane_->cancel_run(Caller::user(kAlice), run, {"enough"}, std::move(responder));
        });
    };
    ASSERT_TRUE(cancel().has_value());
    EXPECT_EQ(status(run), "cancelled");
    EXPECT_EQ(routes_->fake.current(), nullptr) << "the model call is aborted";
    EXPECT_EQ(host_->stops.size(), 1U);
    const std::size_t events = event_types(run).size();
    ASSERT_TRUE(cancel().has_value()) << "again is no error";
    EXPECT_EQ(event_types(run).size(), events) << "and no event";
}

TEST_F(ControlFixture, BobCannotSeeControlOrFillAlicesSession) {
    make_session("demo");
    const RunId run = submit("demo", "x");
    EXPECT_EQ(plane_->run_view(Caller::user(kBob), run).error().code, Errc::forbidden);
    EXPECT_EQ(
        plane_->session_view(Caller::user(kBob), SessionId{"demo"}).error().code, Errc::forbidden);
    EXPECT_EQ(
        plane_->subscribe(Caller::user(kBob), {.session = {}, .run = run}, 0, {}).error().code,
        Errc::forbidden);
    EXPECT_EQ(plane_->runs_view(Caller::user(kBob), {})->size(), 0U);
    const Result<codec::Json> cancelled =
        wait_for<codec::Json>([this, run](Responder<codec::Json> responder) {
            plane_->cancel_run(Caller::user(kBob), run, {""}, std::move(responder));
        });
    EXPECT_EQ(cancelled.error().code, Errc::forbidden);
    const Result<std::unique_ptr<Subscription>> all =
        plane_->subscribe(Caller::user(kBob), {}, 0, {});
    EXPECT_TRUE((*all)->read(1 << 20).empty()) << "nor overhear";
}

TEST_F(ControlFixture, WithoutARouteInputIsRefusedByName) {
    make_session("demo");
    routes_->configured = false;
    const Result<SubmittedRun> run =
        wait_for<SubmittedRun>([this](Responder<SubmittedRun> responder) {
            SubmitInput input;
            input.content = "x";
            plane_->submit(
                Caller::user(kAlice), SessionId{"demo"}, std::move(input), std::move(responder));
        });
    EXPECT_EQ(run.error().code, Errc::route_not_ready);
    EXPECT_EQ(plane_->runs_view(Caller::user(kAlice), {})->size(), 0U) << "no run exists";
}

TEST_F(ControlFixture, AnIdempotencyKeyNamesOneRun) {
    make_session("demo");
    const auto send = [this](const std::string& text) {
        return wait_for<SubmittedRun>([this, &text](Responder<SubmittedRun> responder) {
            SubmitInput input;
            input.content = text;
            input.idempotency_key = "key";
            plane_->submit(
                Caller::user(kAlice), SessionId{"demo"}, std::move(input), std::move(responder));
        });
    };
    const RunId run = send("refund")->run;
    crash();
    boot();
    const Result<SubmittedRun> again = send("refund");
    ASSERT_TRUE(again.has_value()) << again.error().to_string();
    EXPECT_EQ(again->run, run);
    EXPECT_FALSE(again->created);
    EXPECT_EQ(send("another refund").error().code, Errc::idempotency_conflict);
}

TEST_F(ControlFixture, APendingApprovalSurvivesARestartAndThenRunsTheCall) {
    make_session("demo");
    const RunId run = submit("demo", "build");
    launched(run);
    routes_->fake.answer_calls({kBash});
    settle();
    const std::string approval = only_approval(run);
    crash();
    boot();
    EXPECT_EQ(status(run), "waiting_for_approval");
    EXPECT_EQ(only_approval(run), approval);
    ASSERT_EQ(host_->adoptions.size(), 1U);
    host_->observer->on_adopted(run, 1, {});
    settle();
    ASSERT_TRUE(resolve(run, approval, true).has_value());
    EXPECT_EQ(host_->executions.size(), 1U);
    expect_rows_follow_events(run);
}

TEST_F(ControlFixture, AToolThatOutlivesTheDaemonIsNotRunAgain) {
    make_session("demo");
    const RunId run = submit("demo", "build");
    launched(run);
    routes_->fake.answer_calls({kBash});
    settle();
    ASSERT_TRUE(resolve(run, only_approval(run), true).has_value());
    ASSERT_EQ(host_->executions.size(), 1U);
    crash();
    boot();
    ASSERT_EQ(host_->adoptions.size(), 1U);
    EXPECT_EQ(host_->swept.size(), 1U) << "the sweep spares it";
    scopes::Outcome outcome;
    outcome.call = CallId{"call-1-0"};
    outcome.text = "built";
    host_->observer->on_adopted(run, 1, {.running = {}, .finished = {outcome}});
    settle();
    EXPECT_TRUE(host_->executions.empty()) << "not executed by this daemon";
    EXPECT_EQ(host_->acknowledged.size(), 1U);
    routes_->fake.answer("It builds.");
    settle();
    EXPECT_EQ(status(run), "completed");
    expect_rows_follow_events(run);
}

TEST_F(ControlFixture, ALostRunnerLeavesAnOutcomeThatSomebodyMustTell) {
    make_session("demo");
    const RunId run = submit("demo", "build");
    launched(run);
    routes_->fake.answer_calls({kBash});
    settle();
    ASSERT_TRUE(resolve(run, only_approval(run), true).has_value());
    crash();
    boot();
    host_->observer->on_lost(run, 1, {}, "the host was rebooted");
    settle();
    EXPECT_TRUE(host_->executions.empty());
    EXPECT_EQ(status(run), "waiting_for_approval");
    EXPECT_EQ(wait_reason(run), "outcome_unknown");
    ASSERT_TRUE(resolve(run, only_approval(run), false).has_value());
    settle();
    ASSERT_NE(routes_->fake.current(), nullptr) << "the model goes on, and knows";
    expect_rows_follow_events(run);
}

TEST_F(ControlFixture, AnUnreachableProviderIsAWaitAndNoFailure) {
    make_session("demo");
    const RunId run = submit("demo", "x");
    launched(run);
    for (int i = 0; i < 20; ++i) {
        routes_->fake.fail(models::CallError::Kind::network);
        settle();
        EXPECT_EQ(status(run), "running");
        EXPECT_EQ(wait_reason(run), "network");
        timers_->pass(seconds(70));
        settle();
    }
    routes_->fake.answer("back again");
    settle();
    EXPECT_EQ(status(run), "completed");
}

TEST_F(ControlFixture, AStreamGoesOnAcrossARestartWithoutGapOrDuplicate) {
    make_session("demo");
    const RunId run = submit("demo", "x");
    const StreamFilter filter{.session = {}, .run = run};
    std::vector<EventSeq> seen;
    const auto read = [&seen](Subscription& subscription) {
        for (;;) {
            const std::vector<Frame> frames = subscription.read(300);
            for (const Frame& frame : frames)
                seen.push_back(frame.id);
            if (frames.empty())
                return;
        }
    };
    auto first = plane_->subscribe(Caller::user(kAlice), filter, 0, {}).value();
    read(*first);
    launched(run);
    read(*first);
    first.reset();
    crash();
    boot();
    host_->observer->on_adopted(run, 1, {});
    settle();
    auto second = plane_->subscribe(Caller::user(kAlice), filter, seen.back(), {}).value();
    read(*second);
    routes_->fake.answer("done");
    settle();
    read(*second);
    std::vector<EventSeq> expected;
    const journal::Page<journal::StoredEvent> page =
        journal_->events(0, {.session = {}, .run = run}, journal::kPageLimit).value();
    for (const journal::StoredEvent& event : page.items)
        expected.push_back(event.seq);
    EXPECT_EQ(seen, expected);
}

TEST_F(ControlFixture, ASubscriberIsWokenOnceThereIsMore) {
    make_session("demo");
    int woken = 0;
    SubscriptionHandlers handlers;
    handlers.on_available = [&woken] {
        ++woken;
    };
    auto subscription =
        plane_->subscribe(Caller::user(kAlice), {}, std::nullopt, std::move(handlers)).value();
    EXPECT_TRUE(subscription->read(1000).empty());
    (void)submit("demo", "x");
    EXPECT_EQ(woken, 1) << "once until it reads";
    EXPECT_FALSE(subscription->read(1 << 20).empty());
}

TEST_F(ControlFixture, QueuedRunsKeepTheirOrderOverARestart) {
    make_session("demo");
    const RunId first = submit("demo", "1");
    const RunId second = submit("demo", "2");
    const RunId third = submit("demo", "3");
    crash();
    boot();
    host_->observer->on_lost(first, 1, {}, "never started");
    settle();
    EXPECT_EQ(status(first), "running");
    EXPECT_EQ(view(second).find("queued_position")->integer(), 0);
    EXPECT_EQ(view(third).find("queued_position")->integer(), 1);
    routes_->fake.answer("1");
    settle();
    EXPECT_EQ(status(second), "running");
}

TEST_F(ControlFixture, RootsWorkIsDoneByTheAgentUser) {
    make_session("admin", 0);
    (void)submit("admin", "x", 0);
    ASSERT_EQ(host_->launches.size(), 1U);
    EXPECT_EQ(host_->launches[0].run_as, 990U);
}

} // namespace
} // namespace kheish::control
