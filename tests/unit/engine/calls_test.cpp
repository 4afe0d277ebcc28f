#include "story.hpp"

namespace kheish::engine {
namespace {

using Texts = std::vector<std::string>;

class Calls : public ::testing::Test {
  protected:
    void propose(std::vector<ProposedCall> calls, RunAccepted request = {}) {
        story.start(std::move(request));
        story.launch();
        story.ask_model();
        story.answer(std::move(calls));
    }
    void allow_all() {
        for (const CallState& call : std::vector<CallState>(story.state.calls))
            story.judge(call.proposal.call, Decision::allow);
    }
    std::vector<CallId> starting() const {
        std::vector<CallId> calls;
        for (const Effect& effect : decide(story.state))
            if (const StartCalls* start = std::get_if<StartCalls>(&effect))
                for (const CallStart& call : start->calls)
                    calls.push_back(call.call);
        return calls;
    }

    Story story;
    const CallId a = call_id(1, 0);
    const CallId b = call_id(1, 1);
    const CallId c = call_id(1, 2);
    const CallId d = call_id(1, 3);
};

TEST_F(Calls, AreAllJudgedBeforeOneStarts) {
    propose({proposed(1, 0), proposed(1, 1)});
    EXPECT_EQ(story.next(), (Texts{"JudgeCall call-1-0", "JudgeCall call-1-1"}));
    EXPECT_EQ(wait_reason(story.state), WaitReason::tools);
    story.judge(a, Decision::allow);
    EXPECT_EQ(story.next(), Texts{"JudgeCall call-1-1"});
    story.refuse(ToolStarted{a, 1, 1, "run-7/call-1-0"}, "wait for other calls");
    story.judge(b, Decision::allow);
    EXPECT_EQ(starting(), std::vector{a});
}

TEST_F(Calls, CarryTheirKeyAndPlace) {
    ProposedCall own = proposed(1, 1);
    own.place = ToolPlace::daemon;
    own.parallel = true;
    propose({parallel(1, 0), own});
    allow_all();
    EXPECT_EQ(
        story.effect<StartCalls>().calls,
        (std::vector<CallStart>{
            {a, ToolPlace::runner, 1, 1, "run-7/call-1-0"},
            {b, ToolPlace::daemon, 1, 0, "run-7/call-1-1"}}));
    story.refuse(ToolStarted{a, 2, 1, "run-7/call-1-0"}, "execution 1 is next");
    story.refuse(ToolStarted{a, 1, 2, "run-7/call-1-0"}, "no live runner");
    story.refuse(ToolStarted{a, 1, 1, "another"}, "idempotency key");
    story.refuse(ToolStarted{b, 1, 1, "run-7/call-1-1"}, "daemon's own");
    story.start_calls();
    story.refuse(ToolStarted{a, 2, 1, "run-7/call-1-0"}, "call-1-0 is started, not allowed");
    EXPECT_TRUE(story.next().empty());
}

TEST_F(Calls, WithoutParallelGoOneByOneInOrder) {
    propose({proposed(1, 0), proposed(1, 1)});
    allow_all();
    EXPECT_EQ(starting(), std::vector{a});
    story.start_calls();
    EXPECT_TRUE(starting().empty());
    story.refuse(ToolStarted{b, 1, 1, "run-7/call-1-1"}, "wait for other calls");
    story.finish(a);
    EXPECT_EQ(starting(), std::vector{b});
}

TEST_F(Calls, ParallelOnesGoTogetherBetweenTheOthers) {
    propose({parallel(1, 0), parallel(1, 1), proposed(1, 2), parallel(1, 3)});
    allow_all();
    EXPECT_EQ(starting(), (std::vector{a, b}));
    story.start_calls();
    story.finish(b);
    EXPECT_TRUE(starting().empty()); // c goes alone, after a
    story.finish(a);
    EXPECT_EQ(starting(), std::vector{c});
    story.start_calls();
    EXPECT_TRUE(starting().empty());
    story.finish(c);
    EXPECT_EQ(starting(), std::vector{d});
}

TEST_F(Calls, ARefusedCallIsNoBarrier) {
    propose({parallel(1, 0), proposed(1, 1), parallel(1, 2)});
    story.judge(a, Decision::allow);
    story.judge(b, Decision::deny);
    story.judge(c, Decision::allow);
    EXPECT_EQ(starting(), (std::vector{a, c}));
    EXPECT_EQ(story.effect<SettleCall>().outcome, "denied");
    EXPECT_NE(story.effect<SettleCall>().text.find("a rule"), std::string::npos);
}

TEST_F(Calls, AtMostSixteenAtOnce) {
    std::vector<ProposedCall> calls;
    for (std::size_t i = 0; i < 20; ++i)
        calls.push_back(parallel(1, i));
    propose(calls);
    allow_all();
    EXPECT_EQ(starting().size(), 16U);
    story.start_calls();
    EXPECT_TRUE(starting().empty());
    story.finish(call_id(1, 5));
    EXPECT_EQ(starting(), std::vector{call_id(1, 16)});
}

TEST_F(Calls, BeyondTheLimitOfATurnAreInvalid) {
    std::vector<ProposedCall> calls;
    for (std::size_t i = 0; i < kMaxCallsPerTurn + 2; ++i)
        calls.push_back(parallel(1, i));
    propose(calls);
    std::size_t judged = 0;
    std::size_t settled = 0;
    for (const Effect& effect : decide(story.state)) {
        judged += std::holds_alternative<JudgeCall>(effect) ? 1U : 0U;
        if (const SettleCall* settle = std::get_if<SettleCall>(&effect)) {
            ++settled;
            EXPECT_EQ(settle->outcome, "invalid");
            EXPECT_NE(settle->text.find("256"), std::string::npos);
        }
    }
    EXPECT_EQ(judged, 256U);
    EXPECT_EQ(settled, 2U);
}

TEST_F(Calls, ThatCannotBeJudgedAreInvalid) {
    ProposedCall call = proposed(1, 0);
    call.invalid_reason = "there is no tool \"bush\"";
    propose({call});
    EXPECT_EQ(
        story.effect<SettleCall>(),
        (SettleCall{a, "invalid", true, "there is no tool \"bush\"", {}}));
    story.settle_all();
    EXPECT_EQ(story.next(), Texts{"RequestModel turn 2 attempt 1"});
}

TEST_F(Calls, OfACutAnswerAreNotExecuted) {
    story.start();
    story.launch();
    story.ask_model();
    story.answer({proposed(1, 0), proposed(1, 1)}, "max_tokens");
    EXPECT_EQ(story.next(), (Texts{"SettleCall call-1-0 invalid", "SettleCall call-1-1 invalid"}));
    story.settle_all();
    EXPECT_EQ(story.next(), Texts{"RequestModel turn 2 attempt 1"});
}

TEST_F(Calls, OutOfOrderAreRefused) {
    story.start();
    story.ask_model();
    ModelCompleted completed;
    completed.calls = {proposed(1, 1)};
    story.refuse(completed, "numbered in order");
    completed.calls = {proposed(2, 0)};
    story.refuse(completed, "numbered in order");
}

// --- gates
// ----------------------------------------------------------------------------------------

TEST_F(Calls, TheWholeBatchWaitsForItsGates) {
    propose({parallel(1, 0), parallel(1, 1), parallel(1, 2)});
    story.judge(a, Decision::allow);
    story.judge(b, Decision::ask);
    EXPECT_EQ(story.state.status, RunStatus::running);
    EXPECT_TRUE(story.wants<RequestApproval>());
    story.happen(*intent(story.state, RequestApproval{b}));
    EXPECT_EQ(story.state.status, RunStatus::running); // c is not judged yet
    story.gate(c);
    EXPECT_EQ(story.state.status, RunStatus::waiting_for_approval);
    EXPECT_EQ(wait_reason(story.state), WaitReason::approval);
    EXPECT_TRUE(starting().empty());
    story.refuse(ToolStarted{a, 1, 1, "run-7/call-1-0"}, "wait for other calls");
    EXPECT_EQ(story.state.pending_gates().size(), 2U);
    story.resolve(b, true);
    EXPECT_EQ(story.state.status, RunStatus::waiting_for_approval);
    story.resolve(c, false);
    EXPECT_EQ(story.state.status, RunStatus::running);
    EXPECT_EQ(starting(), (std::vector{a, b}));
    EXPECT_EQ(story.effect<SettleCall>().call, c);
    EXPECT_NE(story.effect<SettleCall>().text.find("because"), std::string::npos);
}

TEST_F(Calls, DeniedOnesEndWhileOthersWait) {
    propose({parallel(1, 0), parallel(1, 1)});
    story.gate(a);
    story.judge(b, Decision::deny);
    EXPECT_EQ(story.state.status, RunStatus::waiting_for_approval);
    story.settle_all();
    EXPECT_EQ(story.state.find_call(b)->phase, CallPhase::finished);
    EXPECT_EQ(story.state.status, RunStatus::waiting_for_approval);
}

TEST_F(Calls, AGateOpensForItsOwnDigestOnce) {
    propose({proposed(1, 0), proposed(1, 1)});
    story.gate(a);
    story.gate(b);
    const Gate gate = *story.state.find_call(a)->gate;
    EXPECT_EQ(gate.approval, ApprovalId{"approval-7-1"});
    EXPECT_EQ(story.state.find_call(b)->gate->approval, ApprovalId{"approval-7-2"});
    EXPECT_EQ(story.state.find_gate(gate.approval), story.state.find_call(a));
    EXPECT_EQ(story.state.find_gate(ApprovalId{"approval-7-3"}), nullptr);
    const codec::Digest other = codec::sha256("something else");
    story.refuse(ApprovalResolved{gate.approval, a, other, true, ""}, "another digest");
    story.refuse(ApprovalResolved{gate.approval, b, gate.digest, true, ""}, "not the gate of");
    story.resolve(a, true);
    story.refuse(ApprovalResolved{gate.approval, a, gate.digest, true, ""}, "not gated");
    story.resolve(b, false);
    EXPECT_FALSE(story.state.find_call(a)->gate->consumed);
    story.start_calls();
    EXPECT_TRUE(story.state.find_call(a)->gate->consumed);
}

TEST_F(Calls, AnUpdatedInputComesWithItsDigestAndReplacesWhatWasProposed) {
    propose({proposed(1, 0)});
    story.gate(a);
    const Gate gate = *story.state.find_call(a)->gate;
    const codec::BlobRef proposed_input = story.state.find_call(a)->proposal.input;
    const codec::BlobRef input = codec::blob_ref("other input");
    const codec::Digest digest = codec::sha256("other action");
    story.refuse(ApprovalResolved{gate.approval, a, gate.digest, true, "", input}, "only with it");
    story.refuse(
        ApprovalResolved{gate.approval, a, gate.digest, true, "", {}, digest}, "only with it");
    story.refuse(
        ApprovalResolved{gate.approval, a, gate.digest, false, "", input, digest},
        "has no updated input");
    story.refuse(
        ApprovalResolved{gate.approval, a, digest, true, "", input, digest}, "another digest");
    EXPECT_EQ(story.state.find_call(a)->proposal.input, proposed_input);
    story.happen(ApprovalResolved{gate.approval, a, gate.digest, true, "", input, digest});
    EXPECT_EQ(story.state.find_call(a)->proposal.input, input);
    EXPECT_EQ(story.state.find_call(a)->gate->digest, digest);
    story.start_calls();
    story.finish(a);
    EXPECT_EQ(story.state.transcript.back().updated_input, input);
}

TEST_F(Calls, WithAGateThatNoLongerFitsEndAsInvalid) {
    propose({proposed(1, 0), proposed(1, 1)});
    story.gate(a);
    ToolFinished withdrawn;
    withdrawn.call = a;
    withdrawn.outcome = "invalid";
    withdrawn.is_error = true;
    story.refuse(withdrawn, "gated");
    story.gate(b);
    story.resolve(a, true);
    story.resolve(b, true);
    story.happen(withdrawn);
    EXPECT_EQ(starting(), std::vector{b});
    story.start_calls();
    withdrawn.call = b;
    story.refuse(withdrawn, "does not end as");
}

TEST_F(Calls, ThatMayHaveHappenedAreWithdrawnAsUnknown) {
    propose({proposed(1, 0, EffectClass::keyed)});
    story.gate(a);
    story.resolve(a, true);
    EXPECT_EQ(withdrawal_of(*story.state.find_call(a)).outcome, "invalid");
    story.start_calls();
    story.end_scope(true);
    story.launch();
    EXPECT_EQ(withdrawal_of(*story.state.find_call(a)).outcome, "outcome_unknown");
    story.happen(*intent(story.state, SettleCall{a, "outcome_unknown", true, "", {}}));
    EXPECT_EQ(story.next(), Texts{"RequestModel turn 2 attempt 1"});
}

TEST_F(Calls, GatesAreNumberedInTheRun) {
    propose({proposed(1, 0)});
    story.judge(a, Decision::ask);
    story.refuse(ApprovalRequested{ApprovalId{"approval-7-2"}, a, {}, "", ""}, "approval-7-1");
    story.refuse(ApprovalRequested{ApprovalId{"approval-7-1"}, b, {}, "", ""}, "no call");
}

TEST_F(Calls, NobodyIsAskedInDontAsk) {
    RunAccepted request;
    request.mode = PermissionMode::dont_ask;
    propose({proposed(1, 0)}, request);
    PermissionDecided decided;
    decided.call = a;
    decided.decision = Decision::ask;
    story.refuse(decided, "dontAsk");
    story.judge(a, Decision::deny);
    EXPECT_EQ(story.effect<SettleCall>().outcome, "denied");
}

TEST_F(Calls, SettleAsTheirStateSaysOnly) {
    propose({proposed(1, 0), proposed(1, 1)});
    ToolFinished finished;
    finished.call = a;
    finished.outcome = "cancelled";
    finished.is_error = true;
    story.refuse(finished, "proposed");
    story.judge(a, Decision::deny);
    story.refuse(finished, "denied");
    story.judge(b, Decision::allow);
    story.start_calls();
    finished.call = b;
    finished.outcome = "denied";
    story.refuse(finished, "does not end as");
    finished.outcome = "outcome_unknown";
    story.refuse(finished, "does not end as");
    story.finish(b);
    finished.outcome = "ok";
    story.refuse(finished, "finished");
}

TEST_F(Calls, OutputBelongsToACallInFlightOnce) {
    ProposedCall emit = proposed(1, 0, EffectClass::keyed);
    emit.place = ToolPlace::daemon;
    propose({emit});
    const OutputRecorded output{"emit_output", codec::blob_ref("x"), a};
    story.refuse(output, "not in flight");
    story.judge(a, Decision::allow);
    story.start_calls();
    story.happen(output);
    story.refuse(output, "already");
    story.finish(a);
    ASSERT_EQ(story.state.outputs.size(), 1U);
    EXPECT_EQ(story.state.outputs[0].call, a);
    // The last answer is an output of its own.
    story.ask_model();
    story.answer_text("end");
    EXPECT_TRUE(story.wants<RecordOutput>());
    story.cooperate();
    EXPECT_EQ(story.state.outputs.size(), 2U);
}

TEST_F(Calls, OfTheDaemonNeedNoScope) {
    RunAccepted request;
    request.uses_runner = false;
    story.start(request);
    story.ask_model();
    ProposedCall own = parallel(1, 1);
    own.place = ToolPlace::daemon;
    story.answer({parallel(1, 0), own});
    allow_all();
    EXPECT_EQ(starting(), std::vector{b});
    EXPECT_EQ(story.effect<Launch>().attempt, 1); // for a
    EXPECT_EQ(wait_reason(story.state), WaitReason::tools);
    story.start_calls();
    story.finish(b);
    EXPECT_EQ(wait_reason(story.state), WaitReason::launch);
    story.launch();
    EXPECT_EQ(starting(), std::vector{a});
}

} // namespace
} // namespace kheish::engine
