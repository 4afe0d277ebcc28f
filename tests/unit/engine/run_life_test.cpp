#include "story.hpp"

namespace kheish::engine {
namespace {

using Texts = std::vector<std::string>;

class RunLife : public ::testing::Test {
  protected:
    Story story;
};

TEST_F(RunLife, FirstTurnAndScopeGoSideBySide) {
    story.accept();
    EXPECT_EQ(story.state.status, RunStatus::queued);
    EXPECT_EQ(wait_reason(story.state), WaitReason::queue);
    EXPECT_TRUE(story.next().empty());
    story.happen(RunStarted{});
    EXPECT_EQ(story.next(), (Texts{"RequestModel turn 1 attempt 1", "Launch attempt 1 in 0 us"}));
    EXPECT_EQ(wait_reason(story.state), WaitReason::model);
    story.ask_model();
    EXPECT_EQ(story.next(), Texts{"Launch attempt 1 in 0 us"});
    story.happen(LaunchRequested{1, "b1"});
    EXPECT_TRUE(story.next().empty());
}

TEST_F(RunLife, WithoutToolsOfTheSandboxThereIsNoScope) {
    RunAccepted request;
    request.uses_runner = false;
    story.start(request);
    EXPECT_EQ(story.next(), Texts{"RequestModel turn 1 attempt 1"});
}

TEST_F(RunLife, AnAnswerWithoutCallsEndsTheRun) {
    story.start();
    story.launch();
    story.ask_model();
    story.answer_text("the answer");
    EXPECT_EQ(story.next(), (Texts{"RecordOutput", "Finish completed"}));
    story.refuse(RunCompleted{}, "output is not recorded");
    story.happen(OutputRecorded{"assistant_text", codec::blob_ref("the answer"), {}});
    EXPECT_EQ(story.next(), Texts{"Finish completed"});
    story.refuse(OutputRecorded{"assistant_text", {}, {}}, "no answer to record");
    story.happen(RunCompleted{});
    EXPECT_EQ(story.state.status, RunStatus::completed);
    EXPECT_EQ(wait_reason(story.state), WaitReason::none);
    EXPECT_EQ(story.state.finished_at_us, story.now_us);
    // Then the scope goes, and its accounting comes.
    EXPECT_EQ(story.next(), Texts{"StopScope attempt 1 in 0 us"});
    EXPECT_FALSE(is_settled(story.state));
    story.happen(ScopeStopRequested{1});
    EXPECT_TRUE(story.next().empty());
    story.end_scope(false);
    EXPECT_TRUE(is_settled(story.state));
    EXPECT_EQ(story.state.scope.usage().cpu_usage_us, 100);
}

TEST_F(RunLife, AnAnswerWithoutTextHasNoOutput) {
    story.start();
    story.ask_model();
    story.answer_text("");
    EXPECT_EQ(story.effect<Finish>(), (Finish{RunStatus::completed, "", ""}));
    EXPECT_FALSE(story.wants<RecordOutput>());
}

TEST_F(RunLife, RefusalAndCutAnswersFailTheRun) {
    story.start();
    story.ask_model();
    story.answer_text("no", "refusal");
    EXPECT_EQ(story.effect<Finish>().code, "model_refused");
    EXPECT_TRUE(story.wants<RecordOutput>());

    story = {};
    story.start();
    story.ask_model();
    story.answer_text("this is as far as", "max_tokens");
    EXPECT_EQ(story.effect<Finish>().status, RunStatus::failed);
    EXPECT_EQ(story.effect<Finish>().code, "output_limit");
    story.cooperate();
    EXPECT_EQ(story.state.failure_code, "output_limit");
}

TEST_F(RunLife, ARefusalWithCallsExecutesNone) {
    story.start();
    story.launch();
    story.ask_model();
    story.answer({proposed(1, 0)}, "refusal");
    EXPECT_EQ(
        story.next(), (Texts{"SettleCall call-1-0 cancelled", "Finish failed model_refused"}));
}

TEST_F(RunLife, TranscriptHoldsResultsInTheOrderOfTheCalls) {
    story.start();
    story.launch();
    story.ask_model();
    story.answer({parallel(1, 0), parallel(1, 1)});
    story.judge(call_id(1, 0), Decision::allow);
    story.judge(call_id(1, 1), Decision::allow);
    story.start_calls();
    story.finish(call_id(1, 1));
    EXPECT_EQ(story.state.transcript.size(), 2U);
    story.finish(call_id(1, 0), "failed");
    const std::vector<TranscriptEntry>& transcript = story.state.transcript;
    ASSERT_EQ(transcript.size(), 4U);
    EXPECT_EQ(transcript[0].kind, TranscriptEntry::Kind::user);
    EXPECT_EQ(transcript[0].content, codec::blob_ref("Inspect this repo"));
    EXPECT_EQ(transcript[1].kind, TranscriptEntry::Kind::assistant);
    EXPECT_EQ(transcript[1].content, codec::blob_ref("answer 1"));
    EXPECT_EQ(transcript[2].provider_call_id, "toolu_call-1-0");
    EXPECT_TRUE(transcript[2].is_error);
    EXPECT_EQ(transcript[3].content, codec::blob_ref("result of call-1-1"));
    EXPECT_FALSE(transcript[3].is_error);
    EXPECT_EQ(story.next(), Texts{"RequestModel turn 2 attempt 1"});
}

TEST_F(RunLife, UsageAddsUpOverTurns) {
    story.start();
    story.launch();
    for (int turn = 1; turn <= 3; ++turn) {
        story.ask_model();
        story.answer({proposed(turn, 0)});
        story.judge(call_id(turn, 0), Decision::deny);
        story.settle_all();
    }
    EXPECT_EQ(story.state.usage, (TokenUsage{30, 3, 0, 0}));
    EXPECT_EQ(story.state.model_attempts, 3);
    EXPECT_EQ(story.state.tool_calls, 3);
}

TEST_F(RunLife, TheTurnCeilingFailsTheRunAfterItsLastBatch) {
    RunAccepted request;
    request.max_turns = 2;
    story.start(request);
    story.launch();
    for (int turn = 1; turn <= 2; ++turn) {
        story.ask_model();
        story.answer({proposed(turn, 0)});
        story.judge(call_id(turn, 0), Decision::allow);
        story.start_calls();
        story.finish(call_id(turn, 0));
    }
    EXPECT_EQ(story.effect<Finish>().code, "turn_limit");
    story.refuse(ModelRequested{3, 1, "r", "m", {}}, "ending");
    story.cooperate();
    EXPECT_EQ(story.state.status, RunStatus::failed);
}

TEST_F(RunLife, ZeroTurnsIsNoCeilingAndALastAnswerIsWithinIt) {
    RunAccepted request;
    request.max_turns = 0;
    story.start(request);
    story.launch();
    for (int turn = 1; turn <= 40; ++turn) {
        story.ask_model();
        story.answer({proposed(turn, 0)});
        story.judge(call_id(turn, 0), Decision::deny);
        story.settle_all();
    }
    EXPECT_TRUE(story.wants<RequestModel>());

    story = {};
    request.max_turns = 1;
    story.start(request);
    story.ask_model();
    story.answer_text();
    EXPECT_EQ(story.effect<Finish>().status, RunStatus::completed);
}

TEST_F(RunLife, EventsOutOfPlaceAreRefused) {
    story.refuse(RunStarted{}, "not accepted yet");
    story.accept();
    story.refuse(RunAccepted{}, "accepted already");
    story.refuse(RunCompleted{}, "a run that is queued cannot become completed");
    story.refuse(RunInterrupted{}, "cannot become interrupted");
    story.refuse(RunCancelled{}, "nothing says that the run is cancelled");
    story.refuse(LaunchRequested{1, "b1"}, "only a running run");
    story.refuse(ModelRequested{1, 1, "", "", {}}, "only a running run");
    story.refuse(SessionEnded{}, "belongs to no run");
    story.refuse(RunQueued{-1}, "negative");
    story.happen(RunStarted{});
    story.refuse(RunStarted{}, "not queued");
    story.refuse(RunQueued{0}, "left the queue");
    story.refuse(RunCompleted{}, "nothing says");
    story.refuse(RunCancelled{}, "nothing says");
    story.refuse(ModelRequested{2, 1, "", "", {}}, "attempt 1 of turn 1 is next");
    story.refuse(ModelCompleted{}, "not under way");
    story.refuse(ModelRetryDue{}, "no attempt waits");
    story.refuse(ToolFinished{}, "no call");
    story.refuse(Launched{1, "", {}}, "not the last one");
}

TEST_F(RunLife, EventsOfOtherRunsAndOldEventsAreRefused) {
    story.accept();
    Event event;
    event.run = RunId{8};
    event.body = RunStarted{};
    EXPECT_FALSE(apply(story.state, event));
    event.run = RunId{7};
    event.seq = 1;
    const Status status = apply(story.state, event);
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find("not later"), std::string::npos);
    EXPECT_FALSE(fold({}));
}

TEST_F(RunLife, FoldOfAllIsFoldOfTheParts) {
    story.start();
    story.launch();
    story.ask_model();
    story.answer({proposed(1, 0)});
    story.gate(call_id(1, 0));
    story.resolve(call_id(1, 0), true);
    story.cooperate();
    const std::span<const Event> all(story.events);
    for (std::size_t split = 1; split <= all.size(); ++split) {
        Result<RunState> state = fold(all.first(split));
        ASSERT_TRUE(state);
        for (const Event& event : all.subspan(split))
            ASSERT_TRUE(apply(*state, event));
        EXPECT_EQ(describe(*state), describe(story.state));
    }
}

// --- the end on request
// ---------------------------------------------------------------------------

TEST_F(RunLife, CancelledInTheQueue) {
    story.accept();
    story.happen(RunCancelRequested{false, "by alice"});
    EXPECT_EQ(story.effect<Finish>(), (Finish{RunStatus::cancelled, "", "by alice"}));
    story.refuse(RunStarted{}, "to be cancelled");
    story.happen(RunCancelled{"by alice"});
    EXPECT_TRUE(is_settled(story.state));
}

TEST_F(RunLife, InterruptedInTheQueueIsCancelled) {
    story.accept();
    story.happen(RunCancelRequested{true, "session interrupted"});
    EXPECT_EQ(story.effect<Finish>().status, RunStatus::cancelled);
}

TEST_F(RunLife, CancelledWhileTheModelAnswers) {
    story.start();
    story.launch();
    story.ask_model();
    story.happen(RunCancelRequested{false, "enough"});
    EXPECT_EQ(story.next(), (Texts{"AbortModel turn 1 attempt 1", "Finish cancelled"}));
    story.refuse(RunCancelRequested{false, "again"}, "requested already");
    story.refuse(RunFailed{}, "nothing says that the run is failed");
    story.refuse(RunInterrupted{}, "nothing says");
    story.happen(RunCancelled{"enough"});
    EXPECT_EQ(story.next(), Texts{"StopScope attempt 1 in 0 us"});
}

TEST_F(RunLife, CancelledWhileItWaitsForARetry) {
    story.start();
    story.ask_model();
    story.fail_model("network");
    story.happen(*intent(story.state, story.effect<ScheduleModelRetry>()));
    story.happen(RunCancelRequested{true, "shutdown"});
    EXPECT_EQ(story.next(), Texts{"Finish interrupted"});
    story.cooperate();
    EXPECT_EQ(story.state.status, RunStatus::interrupted);
}

TEST_F(RunLife, CancelledWithCallsInFlightWaitsForThem) {
    story.start();
    story.launch();
    story.ask_model();
    story.answer({parallel(1, 0), parallel(1, 1), proposed(1, 2)});
    for (std::size_t i = 0; i < 3; ++i)
        story.judge(call_id(1, i), Decision::allow);
    story.start_calls();
    story.happen(RunCancelRequested{false, "enough"});
    EXPECT_EQ(
        story.next(),
        (Texts{
            "CancelCall call-1-0",
            "CancelCall call-1-1",
            "SettleCall call-1-2 cancelled",
            "StopScope attempt 1 in 10000000 us"}));
    EXPECT_EQ(wait_reason(story.state), WaitReason::tools);
    story.refuse(RunCancelled{}, "not finished");
    story.finish(call_id(1, 0), "cancelled");
    story.finish(call_id(1, 1), "ok");
    EXPECT_FALSE(story.wants<Finish>() && story.wants<CancelCall>());
    story.settle_all();
    EXPECT_EQ(story.next(), Texts{"Finish cancelled"});
    story.cooperate();
}

TEST_F(RunLife, CallsThatDoNotEndGoWithTheirScope) {
    story.start();
    story.launch();
    story.ask_model();
    story.answer({proposed(1, 0, EffectClass::at_most_once)});
    story.judge(call_id(1, 0), Decision::allow);
    story.start_calls();
    story.happen(RunCancelRequested{false, "enough"});
    story.happen(ScopeStopRequested{1});
    EXPECT_EQ(story.next(), Texts{"CancelCall call-1-0"});
    story.end_scope(false);
    EXPECT_EQ(story.next(), (Texts{"SettleCall call-1-0 outcome_unknown", "Finish cancelled"}));
    story.cooperate();
    EXPECT_EQ(story.state.status, RunStatus::cancelled);
}

TEST_F(RunLife, CancelledAtAGateVoidsIt) {
    story.start();
    story.launch();
    story.ask_model();
    story.answer({proposed(1, 0)});
    story.gate(call_id(1, 0));
    EXPECT_EQ(story.state.status, RunStatus::waiting_for_approval);
    story.happen(RunCancelRequested{false, "enough"});
    EXPECT_EQ(story.state.status, RunStatus::waiting_for_approval);
    const Gate gate = *story.state.calls[0].gate;
    story.refuse(ApprovalResolved{gate.approval, call_id(1, 0), gate.digest, true, ""}, "ending");
    EXPECT_EQ(story.next(), (Texts{"SettleCall call-1-0 cancelled", "Finish cancelled"}));
    story.settle_all();
    EXPECT_EQ(story.state.status, RunStatus::waiting_for_approval);
    story.happen(RunCancelled{});
}

TEST_F(RunLife, AfterTheEndOnlyTheScopeHasNews) {
    story.start();
    story.happen(LaunchRequested{1, "b1"});
    story.ask_model();
    story.happen(RunCancelRequested{false, "enough"});
    story.happen(RunCancelled{});
    story.refuse(RunCancelRequested{}, "cancelled");
    story.refuse(ModelCompleted{}, "cancelled");
    story.refuse(LaunchRequested{2, "b1"}, "cancelled");
    story.refuse(OutputRecorded{}, "cancelled");
    story.happen(Launched{1, "unit", {}});
    EXPECT_EQ(story.next(), Texts{"StopScope attempt 1 in 0 us"});
    story.recover();
    EXPECT_EQ(story.next(), Texts{"StopScope attempt 1 in 0 us"});
    story.happen(ScopeStopRequested{1});
    story.recover();
    EXPECT_EQ(story.next(), Texts{"StopScope attempt 1 in 0 us"});
    story.happen(ScopeStopRequested{1});
    story.end_scope(false);
    EXPECT_TRUE(is_settled(story.state));
    story.refuse(RunRecovered{}, "settled");
    EXPECT_EQ(story.state.status, RunStatus::cancelled);
}

TEST_F(RunLife, ARunMayFailForReasonsOfTheCaller) {
    story.accept();
    story.happen(RunFailed{"route_not_ready", "the route is gone"});
    EXPECT_EQ(story.state.failure_code, "route_not_ready");

    story = {};
    story.start();
    story.launch();
    story.ask_model();
    story.answer({proposed(1, 0)});
    story.refuse(RunFailed{"route_not_ready", ""}, "not finished");
}

} // namespace
} // namespace kheish::engine
