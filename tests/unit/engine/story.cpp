#include "story.hpp"

#include <algorithm>

namespace kheish::engine {

using codec::blob_ref;
using codec::sha256;

bool Story::try_to(EventBody body) {
    Event event = event_of(state, std::move(body));
    event.at_us = ++now_us;
    const std::string before = describe(state);
    const RunStatus from = state.status;
    if (!apply(state, event)) {
        EXPECT_EQ(describe(state), before) << "a refused event changed the state";
        return false;
    }
    EXPECT_TRUE(is_legal_transition(from, state.status))
        << to_string(from) << " to " << to_string(state.status);
    events.push_back(std::move(event));
    check_promises(state);
    return true;
}

void Story::happen(EventBody body) {
    const Status status = [&]() {
        RunState copy = state;
        return apply(copy, event_of(state, body));
    }();
    ASSERT_TRUE(status) << status.error().to_string();
    EXPECT_TRUE(try_to(std::move(body)));
}

void Story::refuse(EventBody body, std::string_view part) {
    const std::string before = describe(state);
    const Status status = apply(state, event_of(state, std::move(body)));
    ASSERT_FALSE(status) << "legal, and should not be";
    EXPECT_EQ(status.error().code, Errc::journal_corrupt);
    EXPECT_NE(status.error().message.find(part), std::string::npos) << status.error().message;
    EXPECT_EQ(describe(state), before);
}

std::vector<std::string> Story::next() const {
    std::vector<std::string> all;
    for (const Effect& effect : decide(state))
        all.push_back(to_string(effect));
    return all;
}

void Story::accept(RunAccepted request) {
    request.input = blob_ref("Inspect this repo");
    happen(std::move(request));
    happen(RunQueued{0});
}

void Story::start(RunAccepted request) {
    accept(std::move(request));
    happen(RunStarted{});
}

void Story::launch() {
    const int attempt = state.scope.attempt + 1;
    happen(LaunchRequested{attempt, "b1"});
    happen(Launched{attempt, run_scope_name(state.run, attempt), {}});
}

void Story::ask_model() {
    const RequestModel request = effect<RequestModel>();
    happen(ModelRequested{request.turn, request.attempt, "r", "m", sha256("request")});
}

void Story::answer(std::vector<ProposedCall> calls, std::string stop_reason) {
    ModelCompleted completed;
    completed.turn = state.model.turn;
    completed.attempt = state.model.attempt;
    completed.message = blob_ref("answer " + std::to_string(completed.turn));
    completed.stop_reason = std::move(stop_reason);
    completed.usage = {10, 1, 0, 0};
    completed.calls = std::move(calls);
    happen(std::move(completed));
}

void Story::answer_text(std::string text, std::string stop_reason) {
    ModelCompleted completed;
    completed.turn = state.model.turn;
    completed.attempt = state.model.attempt;
    completed.message = blob_ref(text);
    completed.text_preview = std::move(text);
    completed.stop_reason = std::move(stop_reason);
    happen(std::move(completed));
}

void Story::fail_model(std::string kind, bool retryable, std::int64_t retry_after_us) {
    happen(ModelFailed{
        state.model.turn, state.model.attempt, std::move(kind), "no", retryable, retry_after_us});
}

void Story::judge(const CallId& call, Decision decision) {
    PermissionDecided decided;
    decided.call = call;
    decided.decision = decision;
    decided.reason = "a rule";
    happen(std::move(decided));
}

void Story::gate(const CallId& call) {
    judge(call, Decision::ask);
    happen(*intent(state, RequestApproval{call}));
}

void Story::resolve(const CallId& call, bool allowed) {
    const Gate gate = *state.find_call(call)->gate;
    happen(ApprovalResolved{gate.approval, call, gate.digest, allowed, "because"});
}

void Story::start_calls() {
    for (const CallStart& call : effect<StartCalls>().calls)
        happen(ToolStarted{call.call, call.execution, call.scope_attempt, call.idempotency_key});
}

void Story::finish(const CallId& call, std::string outcome) {
    ToolFinished finished;
    finished.call = call;
    finished.is_error = outcome != "ok";
    finished.outcome = std::move(outcome);
    finished.text = blob_ref("result of " + call.value);
    happen(std::move(finished));
}

void Story::settle_all() {
    for (const Effect& effect : decide(state))
        if (std::holds_alternative<SettleCall>(effect))
            happen(*intent(state, effect));
}

void Story::end_scope(bool lost) {
    happen(ScopeEnded{state.scope.attempt, lost, "gone", {100, 2, 3, 4, 5}});
}

void Story::recover() {
    happen(RunRecovered{"b1"});
}

namespace {

/// What the outside says next to a run that waits for it.
EventBody answer_of_the_outside(const RunState& state) {
    const ScopeState& scope = state.scope;
    if (scope.phase == ScopeState::Phase::stopping)
        return ScopeEnded{scope.attempt, false, "", {1, 1, 1, 1, 1}};
    if (scope.phase == ScopeState::Phase::unconfirmed)
        return ScopeEnded{scope.attempt, true, "", {1, 1, 1, 1, 1}};
    for (const CallState& call : state.calls) {
        const CallId& id = call.proposal.call;
        if (call.phase == CallPhase::started) {
            ToolFinished finished;
            finished.call = id;
            finished.outcome = "ok";
            return finished;
        }
        if (call.phase == CallPhase::gated)
            return ApprovalResolved{call.gate->approval, id, call.gate->digest, true, ""};
        if (call.phase == CallPhase::questioned)
            return QuestionResolved{call.question->id, id, false, blob_ref("yes"), ""};
        if (call.phase == CallPhase::outcome_unknown)
            return OutcomeResolved{id, OutcomeChoice::abandon, {}, ""};
    }
    if (state.model.phase == ModelState::Phase::waiting)
        return ModelRetryDue{state.model.retry.turn, state.model.retry.attempt};
    if (state.model.phase == ModelState::Phase::in_flight) {
        ModelCompleted completed;
        completed.turn = state.model.turn;
        completed.attempt = state.model.attempt;
        completed.stop_reason = "end_turn";
        return completed;
    }
    if (scope.phase == ScopeState::Phase::requested)
        return Launched{scope.attempt, "unit", {}};
    return RunStarted{};
}

} // namespace

void Story::cooperate() {
    constexpr int kSteps = 3000;
    for (int step = 0; step < kSteps && !is_settled(state) && !::testing::Test::HasFailure();
         ++step) {
        bool acted = false;
        for (const Effect& effect : decide(state)) {
            if (std::holds_alternative<StopScope>(effect) && !is_terminal(state.status) &&
                state.scope.phase == ScopeState::Phase::live)
                continue; // the deadline is far
            if (std::holds_alternative<StartCalls>(effect)) {
                start_calls();
                acted = true;
            } else if (std::optional<EventBody> body = intent(state, effect)) {
                happen(std::move(*body));
                acted = true;
            }
            if (acted)
                break;
        }
        if (!acted)
            happen(answer_of_the_outside(state));
    }
    EXPECT_TRUE(is_settled(state)) << describe(state);
}

ProposedCall proposed(int turn, std::size_t index, EffectClass effect_class) {
    ProposedCall call;
    call.call = call_id(turn, index);
    call.provider_call_id = "toolu_" + call.call.value;
    call.tool = "bash";
    call.input = blob_ref("{}");
    call.effect_class = effect_class;
    return call;
}

ProposedCall parallel(int turn, std::size_t index) {
    ProposedCall call = proposed(turn, index);
    call.parallel = true;
    return call;
}

} // namespace kheish::engine
