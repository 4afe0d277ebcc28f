#include "story.hpp"

namespace kheish::engine {
namespace {

using Texts = std::vector<std::string>;

/// What is to come of a call of each effect class after its runner is gone.
struct ClassCase {
    EffectClass effect_class;
    bool again;
};

class Recovery : public ::testing::TestWithParam<ClassCase> {
  protected:
    void propose(PermissionMode mode = PermissionMode::standard) {
        RunAccepted request;
        request.mode = mode;
        story.start(request);
        story.launch();
        story.ask_model();
        story.answer({proposed(1, 0, GetParam().effect_class)});
    }
    void start_call(PermissionMode mode = PermissionMode::standard) {
        propose(mode);
        story.judge(call, Decision::allow);
        story.start_calls();
    }
    void adopt(std::vector<CallId> running, std::vector<CallId> finished) {
        story.happen(
            RunnerAdopted{story.state.scope.attempt, std::move(running), std::move(finished)});
    }

    Story story;
    const CallId call = call_id(1, 0);
};

TEST_P(Recovery, BeforeTheJudgementItIsJudged) {
    propose();
    story.recover();
    EXPECT_EQ(story.next(), (Texts{"JudgeCall call-1-0", "AdoptRunner attempt 1"}));
}

TEST_P(Recovery, AtItsGateItStaysGated) {
    propose();
    story.gate(call);
    story.recover();
    EXPECT_EQ(story.state.status, RunStatus::waiting_for_approval);
    story.resolve(call, true);
    EXPECT_EQ(wait_reason(story.state), WaitReason::launch);
    adopt({}, {});
    EXPECT_EQ(story.effect<StartCalls>().calls.at(0).execution, 1);
}

TEST_P(Recovery, BeforeItsStartItIsStartedOnce) {
    propose();
    story.judge(call, Decision::allow);
    story.recover();
    EXPECT_EQ(story.next(), Texts{"AdoptRunner attempt 1"});
    story.end_scope(true);
    EXPECT_EQ(story.next(), Texts{"Launch attempt 2 in 0 us"});
    story.launch();
    EXPECT_EQ(story.effect<StartCalls>().calls.at(0).execution, 1);
}

TEST_P(Recovery, InFlightInALivingRunnerItGoesOn) {
    start_call();
    story.recover();
    EXPECT_EQ(story.next(), Texts{"AdoptRunner attempt 1"});
    EXPECT_EQ(wait_reason(story.state), WaitReason::launch);
    ToolFinished early;
    early.call = call;
    early.outcome = "ok";
    story.refuse(early, "unconfirmed");
    adopt({call}, {});
    EXPECT_TRUE(story.next().empty());
    EXPECT_EQ(wait_reason(story.state), WaitReason::tools);
    story.finish(call);
    EXPECT_EQ(story.state.find_call(call)->executions, 1);
}

TEST_P(Recovery, FinishedInALivingRunnerItsResultIsTaken) {
    start_call();
    story.recover();
    adopt({}, {call, CallId{"call-0-9"}});
    story.finish(call);
    EXPECT_EQ(story.next(), Texts{"RequestModel turn 2 attempt 1"});
}

TEST_P(Recovery, UnknownToALivingRunnerItIsDeliveredAgain) {
    start_call();
    story.recover();
    adopt({}, {});
    EXPECT_EQ(
        story.effect<StartCalls>().calls,
        (std::vector<CallStart>{{call, ToolPlace::runner, 2, 1, "run-7/call-1-0"}}));
    // It was never delivered: an end of the run settles it as not executed.
    story.happen(RunCancelRequested{});
    EXPECT_EQ(story.effect<SettleCall>().outcome, "cancelled");
}

TEST_P(Recovery, InFlightInALostRunnerGoesByItsClass) {
    start_call();
    story.recover();
    story.end_scope(true);
    if (GetParam().again) {
        EXPECT_EQ(story.next(), Texts{"Launch attempt 2 in 0 us"});
        story.launch();
        EXPECT_EQ(
            story.effect<StartCalls>().calls,
            (std::vector<CallStart>{{call, ToolPlace::runner, 2, 2, "run-7/call-1-0"}}));
        story.start_calls();
        story.finish(call);
        return;
    }
    EXPECT_EQ(story.next(), Texts{"AskOutcome call-1-0"});
    story.happen(*intent(story.state, story.effect<AskOutcome>()));
    EXPECT_EQ(story.state.status, RunStatus::waiting_for_approval);
    EXPECT_EQ(wait_reason(story.state), WaitReason::outcome_unknown);
    EXPECT_EQ(story.state.pending_outcomes().size(), 1U);
    EXPECT_TRUE(story.next().empty());
}

TEST_P(Recovery, ALossWithoutARestartIsTheSame) {
    start_call();
    story.end_scope(true);
    EXPECT_EQ(story.wants<AskOutcome>(), !GetParam().again);
    EXPECT_EQ(story.wants<Launch>(), GetParam().again);
    EXPECT_EQ(story.state.scope.lost_in_a_row, 1);
}

TEST_P(Recovery, NobodyIsAskedInDontAsk) {
    start_call(PermissionMode::dont_ask);
    story.end_scope(true);
    EXPECT_FALSE(story.wants<AskOutcome>());
    if (GetParam().again)
        return;
    EXPECT_EQ(story.effect<SettleCall>().outcome, "outcome_unknown");
    EXPECT_TRUE(story.effect<SettleCall>().is_error);
    story.refuse(ToolOutcomeUnknown{call, ""}, "dontAsk");
    story.settle_all();
    EXPECT_EQ(story.next(), Texts{"RequestModel turn 2 attempt 1"});
}

TEST_P(Recovery, ADaemonsOwnCallGoesByItsClassAtOnce) {
    RunAccepted request;
    request.uses_runner = false;
    story.start(request);
    story.ask_model();
    ProposedCall own = proposed(1, 0, GetParam().effect_class);
    own.place = ToolPlace::daemon;
    story.answer({own});
    story.judge(call, Decision::allow);
    story.start_calls();
    story.recover();
    EXPECT_EQ(story.wants<StartCalls>(), GetParam().again);
    EXPECT_EQ(story.wants<AskOutcome>(), !GetParam().again);
}

TEST_P(Recovery, ACancelledRunTellsWhatItDoesNotKnow) {
    start_call();
    story.happen(RunCancelRequested{});
    story.recover();
    EXPECT_EQ(story.next(), Texts{"AdoptRunner attempt 1"});
    story.end_scope(true);
    const bool pure = GetParam().effect_class == EffectClass::pure;
    EXPECT_EQ(story.effect<SettleCall>().outcome, pure ? "cancelled" : "outcome_unknown");
    story.cooperate();
    EXPECT_EQ(story.state.status, RunStatus::cancelled);
}

TEST_P(Recovery, ASecondCrashChangesNothing) {
    start_call();
    story.recover();
    const std::vector<Effect> once = decide(story.state);
    story.recover();
    EXPECT_EQ(decide(story.state), once);
    adopt({call}, {});
    story.recover();
    story.end_scope(true);
    EXPECT_EQ(story.wants<AskOutcome>(), !GetParam().again);
}

TEST_P(Recovery, AnUndeliveredRepetitionStillMayHaveHappenedBefore) {
    start_call();
    story.end_scope(true);
    if (!GetParam().again)
        return;
    story.launch();
    story.start_calls();
    story.recover();
    adopt({}, {});
    story.happen(RunCancelRequested{});
    const bool pure = GetParam().effect_class == EffectClass::pure;
    EXPECT_EQ(story.effect<SettleCall>().outcome, pure ? "cancelled" : "outcome_unknown");
}

INSTANTIATE_TEST_SUITE_P(
    Classes,
    Recovery,
    ::testing::Values(
        ClassCase{EffectClass::pure, true},
        ClassCase{EffectClass::keyed, true},
        ClassCase{EffectClass::reconcilable, true},
        ClassCase{EffectClass::at_most_once, false}),
    [](const ::testing::TestParamInfo<ClassCase>& row) {
        return std::string(engine::to_string(row.param.effect_class));
    });

class OutcomeUnknown : public ::testing::Test {
  protected:
    void SetUp() override {
        story.start();
        story.launch();
        story.ask_model();
        ProposedCall first = proposed(1, 0, EffectClass::at_most_once);
        ProposedCall second = proposed(1, 1);
        first.parallel = second.parallel = true;
        story.answer({first, second});
        story.judge(a, Decision::allow);
        story.judge(b, Decision::allow);
        story.start_calls();
        story.end_scope(true);
        story.happen(*intent(story.state, story.effect<AskOutcome>()));
    }

    Story story;
    const CallId a = call_id(1, 0);
    const CallId b = call_id(1, 1);
};

TEST_F(OutcomeUnknown, HoldsTheWholeBatch) {
    EXPECT_EQ(story.state.find_call(b)->phase, CallPhase::allowed);
    EXPECT_TRUE(story.next().empty());
    story.refuse(OutcomeResolved{b, OutcomeChoice::retry, {}, ""}, "not outcome_unknown");
    story.refuse(OutcomeResolved{a, OutcomeChoice::result, {}, ""}, "text");
    story.refuse(OutcomeResolved{a, OutcomeChoice::retry, codec::blob_ref("x"), ""}, "text");
}

TEST_F(OutcomeUnknown, RetryExecutesItAgain) {
    story.happen(OutcomeResolved{a, OutcomeChoice::retry, {}, "nothing happened"});
    EXPECT_EQ(story.state.status, RunStatus::running);
    story.launch();
    EXPECT_EQ(story.effect<StartCalls>().calls.size(), 2U);
    story.start_calls();
    EXPECT_EQ(story.state.find_call(a)->executions, 2);
}

TEST_F(OutcomeUnknown, ResultIsTold) {
    const codec::BlobRef text = codec::blob_ref("it was done");
    story.happen(OutcomeResolved{a, OutcomeChoice::result, text, "looked"});
    EXPECT_EQ(story.effect<SettleCall>(), (SettleCall{a, "ok", false, "", text}));
    story.settle_all();
    EXPECT_EQ(story.state.find_call(a)->result, text);
}

TEST_F(OutcomeUnknown, AbandonedIsToldAsUnknown) {
    story.happen(OutcomeResolved{a, OutcomeChoice::abandon, {}, ""});
    EXPECT_EQ(story.effect<SettleCall>().outcome, "outcome_unknown");
    story.settle_all();
    story.launch();
    story.start_calls();
    story.finish(b);
    EXPECT_EQ(story.next(), Texts{"RequestModel turn 2 attempt 1"});
}

TEST_F(OutcomeUnknown, ACancelSettlesIt) {
    story.happen(RunCancelRequested{});
    EXPECT_EQ(
        story.next(),
        (Texts{
            "SettleCall call-1-0 outcome_unknown",
            "SettleCall call-1-1 cancelled",
            "Finish cancelled"}));
}

} // namespace
} // namespace kheish::engine
