#include "story.hpp"

/// Gates that nobody decides about, of both kinds: told of again once, opened to others once.
namespace kheish::engine {
namespace {

using Texts = std::vector<std::string>;
using Others = std::vector<std::string>;

const Deadline kRemind{10, 10, "b1"};
const Deadline kEscalate{20, 20, "b1"};
const Others kOthers{"user:1002", "token:ops"};

enum class Kind { approval, outcome };

class OverdueGate : public ::testing::TestWithParam<Kind> {
  protected:
    void SetUp() override {
        story.start();
        story.launch();
        story.ask_model();
        story.answer({proposed(1, 0, EffectClass::at_most_once)});
    }

    /// The call waits at a gate of the kind that is tested.
    void open(
        std::optional<Deadline> remind = kRemind,
        std::optional<Deadline> escalate = kEscalate,
        const Others& to = kOthers) {
        if (GetParam() == Kind::approval)
            ask(std::move(remind), std::move(escalate), to);
        else
            lose(std::move(remind), std::move(escalate), to);
    }
    void ask(std::optional<Deadline> remind, std::optional<Deadline> escalate, const Others& to) {
        story.judge(call, Decision::ask);
        ApprovalRequested requested{
            next_approval_id(story.state), call, codec::sha256("action"), "bash: ls", ""};
        requested.remind = std::move(remind);
        requested.escalate = std::move(escalate);
        requested.escalate_to = to;
        story.happen(std::move(requested));
        gate = ApprovalId{"approval-7-1"};
    }
    void lose(std::optional<Deadline> remind, std::optional<Deadline> escalate, const Others& to) {
        if (story.state.find_call(call)->phase == CallPhase::proposed)
            story.judge(call, Decision::allow);
        story.start_calls();
        story.end_scope(true);
        story.happen(ToolOutcomeUnknown{call, "gone", std::move(remind), std::move(escalate), to});
        const int execution = story.state.find_call(call)->executions;
        gate = ApprovalId{"outcome-7-call-1-0-" + std::to_string(execution)};
    }
    void decide_it() {
        if (GetParam() == Kind::approval)
            story.resolve(call, true);
        else
            story.happen(OutcomeResolved{call, OutcomeChoice::retry, {}, ""});
    }
    /// What decide() waits for, of gates.
    static Texts timers(const RunState& state) {
        Texts texts;
        for (const Effect& effect : decide(state))
            if (const auto* timer = std::get_if<ArmApprovalTimer>(&effect))
                texts.push_back(to_string(effect) + " " + std::to_string(timer->deadline.wall_us));
        return texts;
    }
    Texts timers() const { return timers(story.state); }
    std::string reminder() const { return "ArmApprovalTimer " + gate.value + " reminder 10"; }
    std::string escalation() const { return "ArmApprovalTimer " + gate.value + " escalation 20"; }

    Story story;
    const CallId call = call_id(1, 0);
    ApprovalId gate;
};

TEST_P(OverdueGate, IsToldOfAgainOnceAndOpenedToOthersOnce) {
    open();
    EXPECT_EQ(waiting_gate(story.state.run, *story.state.find_call(call)), gate);
    EXPECT_EQ(timers(), (Texts{reminder(), escalation()}));
    story.happen(ApprovalReminded{gate, call});
    EXPECT_EQ(timers(), Texts{escalation()});
    story.refuse(ApprovalReminded{gate, call}, "nobody is to be reminded");
    story.happen(ApprovalEscalated{gate, call, kOthers});
    EXPECT_EQ(timers(), Texts{});
    story.refuse(ApprovalEscalated{gate, call, kOthers}, "is not to be escalated");
    EXPECT_EQ(story.state.status, RunStatus::waiting_for_approval) << "it waits as before";
    decide_it();
    EXPECT_EQ(story.state.find_call(call)->phase, CallPhase::allowed);
}

TEST_P(OverdueGate, ItsDeadlinesOutliveARestart) {
    open();
    story.recover();
    EXPECT_EQ(timers(), (Texts{reminder(), escalation()}));
    const Result<RunState> folded = fold(story.events);
    ASSERT_TRUE(folded) << folded.error().to_string();
    EXPECT_EQ(timers(*folded), timers());
    story.happen(ApprovalReminded{gate, call});
    story.recover();
    EXPECT_EQ(timers(), Texts{escalation()});
}

TEST_P(OverdueGate, OnlyWhatWasSaidWhenItWasOpenedHolds) {
    open(std::nullopt, kEscalate, kOthers);
    EXPECT_EQ(timers(), Texts{escalation()});
    story.refuse(ApprovalReminded{gate, call}, "nobody is to be reminded");
    story.refuse(ApprovalEscalated{gate, call, {"user:0"}}, "is not to be escalated");
    story.refuse(ApprovalEscalated{gate, call, {}}, "is not to be escalated");
    story.refuse(ApprovalEscalated{ApprovalId{"other"}, call, kOthers}, "does not wait at other");
    story.refuse(ApprovalEscalated{gate, call_id(1, 1), kOthers}, "does not wait at");
}

TEST_P(OverdueGate, OneThatNothingIsSaidOfWaitsForEver) {
    open(std::nullopt, std::nullopt, {});
    EXPECT_EQ(timers(), Texts{});
    story.refuse(ApprovalReminded{gate, call}, "nobody is to be reminded");
    story.refuse(ApprovalEscalated{gate, call, {}}, "is not to be escalated");
    story.refuse(
        ApprovalExpired{gate, call},
        GetParam() == Kind::approval ? "does not expire" : "outcome_unknown, not gated");
}

TEST_P(OverdueGate, WhatIsDecidedIsNobodysMatterAnyMore) {
    open();
    decide_it();
    EXPECT_EQ(timers(), Texts{});
    story.refuse(ApprovalReminded{gate, call}, "does not wait at");
    story.refuse(ApprovalEscalated{gate, call, kOthers}, "does not wait at");
}

TEST_P(OverdueGate, ARunThatEndsWaitsForNobody) {
    open();
    story.happen(RunCancelRequested{});
    EXPECT_EQ(timers(), Texts{});
    story.refuse(ApprovalReminded{gate, call}, "the run is ending");
}

INSTANTIATE_TEST_SUITE_P(
    Kinds,
    OverdueGate,
    ::testing::Values(Kind::approval, Kind::outcome),
    [](const ::testing::TestParamInfo<Kind>& row) {
        return row.param == Kind::approval ? "approval" : "outcome";
    });

class OverdueOutcome : public OverdueGate {};

TEST_P(OverdueOutcome, IsNotTheGateThatReleasedTheCall) {
    ask(kRemind, kEscalate, kOthers);
    const ApprovalId released = gate;
    story.resolve(call, true);
    lose(std::nullopt, std::nullopt, {});
    EXPECT_EQ(timers(), Texts{}) << "the deadlines were those of the other gate";
    story.refuse(ApprovalReminded{released, call}, "does not wait at approval-7-1");
}

TEST_P(OverdueOutcome, OfAnotherExecutionIsAnotherGate) {
    open();
    const ApprovalId first = gate;
    story.happen(ApprovalReminded{first, call});
    decide_it();
    story.launch();
    lose(kRemind, kEscalate, kOthers);
    EXPECT_NE(gate, first);
    EXPECT_EQ(timers(), (Texts{reminder(), escalation()}));
    story.refuse(ApprovalReminded{first, call}, "does not wait at");
    story.happen(ApprovalReminded{gate, call});
}

INSTANTIATE_TEST_SUITE_P(Kinds, OverdueOutcome, ::testing::Values(Kind::outcome));

} // namespace
} // namespace kheish::engine
