#include "engine/decide.hpp"

#include "engine/verdict.hpp"

#include <algorithm>

namespace kheish::engine {

namespace {

using std::chrono::microseconds;
using ScopePhase = ScopeState::Phase;
using ModelPhase = ModelState::Phase;
using Effects = std::vector<Effect>;

/// A key may be good again without anybody telling kheishd: its owner has paid, say.
constexpr std::chrono::hours kCredentialRetry{1};

/// Before the try that follows failure number `failures` (from 1).
microseconds backoff(int failures) {
    constexpr int kDoublings = 6; // 2^6 s is beyond the longest
    const int doublings = std::clamp(failures - 1, 0, kDoublings);
    return std::min<microseconds>(kFirstBackoff * (1 << doublings), kLongestBackoff);
}

ScheduleModelRetry retry_of(const ModelState& model) {
    const ModelFailed& failure = model.last_failure;
    if (failure.error_kind == "authentication")
        return {model.turn, model.attempt + 1, kCredentialRetry, false, true};
    const bool network = failure.error_kind == "network";
    const microseconds asked =
        std::clamp<microseconds>(microseconds(failure.retry_after_us), {}, kLongestRetryAfter);
    const bool unrecorded = failure.error_kind == "unrecorded";
    const microseconds own = unrecorded
                                 ? microseconds(kLongestBackoff)
                                 : backoff(network ? model.network_failures : model.failures);
    return {model.turn, model.attempt + 1, std::max(own, asked), network};
}

void request_model(const RunState& state, Effects& effects) {
    if (const std::optional<int> first_turn = detail::trimmed_first_turn(state))
        effects.emplace_back(TrimContext{*first_turn});
    const std::pair<int, int> next = detail::next_model_attempt(state);
    effects.emplace_back(RequestModel{next.first, next.second});
}

void decide_model(const RunState& state, Effects& effects) {
    if (!detail::is_batch_closed(state))
        return;
    const ModelState& model = state.model;
    switch (model.phase) {
    case ModelPhase::idle:
        request_model(state, effects);
        break;
    case ModelPhase::in_flight:
        break;
    case ModelPhase::failed:
        if (detail::trimmed_first_turn(state)) // it was too long
            request_model(state, effects);
        else
            effects.emplace_back(retry_of(model));
        break;
    case ModelPhase::waiting: {
        const ModelRetryScheduled& retry = model.retry;
        effects.emplace_back(ArmRetryTimer{retry.turn, retry.attempt, retry.deadline});
        break;
    }
    }
}

void settle(const CallState& call, Settlement settlement, Effects& effects) {
    effects.emplace_back(SettleCall{
        call.proposal.call,
        std::move(settlement.outcome),
        settlement.is_error,
        std::move(settlement.text),
        settlement.blob});
}

/// Calls that nothing holds back: executed, or put to a person.
void decide_starts(const RunState& state, Effects& effects) {
    StartCalls start;
    for (const CallState* call : detail::startable_calls(state)) {
        const CallId& id = call->proposal.call;
        if (call->proposal.place == ToolPlace::person) {
            effects.emplace_back(AskQuestion{id});
            continue;
        }
        const bool in_runner = call->proposal.place == ToolPlace::runner;
        start.calls.push_back(
            {id,
             call->proposal.place,
             call->executions + 1,
             in_runner ? state.scope.attempt : 0,
             idempotency_key(state, id)});
    }
    if (!start.calls.empty())
        effects.emplace_back(std::move(start));
}

void arm_expiry(const CallState& call, Effects& effects) {
    const Question& question = *call.question;
    if (question.deadline.is_set())
        effects.emplace_back(ArmQuestionTimer{question.id, call.proposal.call, question.deadline});
}

/// An approval may expire; what may have happened waits until somebody says what came of it.
void arm_gate_timers(const ApprovalId& gate, const CallState& call, Effects& effects) {
    const auto arm = [&gate, &call, &effects](GateMoment moment, const Deadline& deadline) {
        if (deadline.is_set())
            effects.emplace_back(ArmApprovalTimer{gate, call.proposal.call, moment, deadline});
    };
    if (call.phase == CallPhase::gated)
        arm(GateMoment::expiry, call.gate->deadline);
    arm(GateMoment::reminder, call.overdue.remind);
    arm(GateMoment::escalation, call.overdue.escalate);
}

void decide_calls(const RunState& state, Effects& effects) {
    for (const CallState& call : state.calls) {
        const CallId& id = call.proposal.call;
        if (std::optional<Settlement> settlement = detail::settlement_of(state, call))
            settle(call, std::move(*settlement), effects);
        else if (call.phase == CallPhase::proposed && !detail::awaits_project(state))
            effects.emplace_back(JudgeCall{id});
        else if (call.phase == CallPhase::asked)
            effects.emplace_back(RequestApproval{id});
        else if (call.phase == CallPhase::lost)
            effects.emplace_back(AskOutcome{id, "its runner is gone and left no result"});
        else if (const std::optional<ApprovalId> gate = waiting_gate(state.run, call))
            arm_gate_timers(*gate, call, effects);
        else if (call.phase == CallPhase::questioned)
            arm_expiry(call, effects);
    }
    decide_starts(state, effects);
}

bool wants_launch(const RunState& state) {
    if (state.status != RunStatus::running)
        return false;
    const ScopeState& scope = state.scope;
    const bool is_first = scope.attempt == 0 && state.request.uses_runner;
    // Ahead of need only beside the model: a batch that is being judged may yet wait for a person.
    const bool is_early = (is_first || scope.failed_launches > 0) && detail::is_batch_closed(state);
    return is_early || detail::needs_runner(state);
}

bool is_idle(const RunState& state) {
    const bool waits =
        state.status != RunStatus::running || state.model.phase == ModelPhase::waiting;
    return waits && !detail::has_calls_in_flight(state);
}

void decide_scope(const RunState& state, Effects& effects) {
    const ScopeState& scope = state.scope;
    switch (scope.phase) {
    case ScopePhase::none:
        if (wants_launch(state))
            effects.emplace_back(Launch{
                scope.attempt + 1,
                scope.failed_launches > 0 ? backoff(scope.failed_launches) : microseconds(0)});
        break;
    case ScopePhase::requested:
    case ScopePhase::stopping:
        break;
    case ScopePhase::live:
        if (is_idle(state))
            effects.emplace_back(StopScope{scope.attempt, kIdleScopeLimit});
        break;
    case ScopePhase::unconfirmed:
        effects.emplace_back(AdoptRunner{scope.attempt});
        break;
    case ScopePhase::stop_unconfirmed:
        effects.emplace_back(StopScope{scope.attempt, microseconds(0)});
        break;
    }
}

/// What is in flight has to end before the run does; its scope is the last resort.
void decide_scope_of_ending(const ScopeState& scope, Effects& effects) {
    if (scope.phase == ScopePhase::unconfirmed)
        effects.emplace_back(AdoptRunner{scope.attempt});
    else if (scope.phase == ScopePhase::stop_unconfirmed)
        effects.emplace_back(StopScope{scope.attempt, microseconds(0)});
    else if (scope.phase == ScopePhase::live)
        effects.emplace_back(StopScope{scope.attempt, kCancelGrace});
}

void decide_ending(const RunState& state, const detail::Verdict& verdict, Effects& effects) {
    if (state.model.phase == ModelPhase::in_flight)
        effects.emplace_back(AbortModel{state.model.turn, state.model.attempt});
    for (const CallState& call : state.calls) {
        if (call.phase == CallPhase::started)
            effects.emplace_back(CancelCall{call.proposal.call, call.proposal.place});
        else if (std::optional<Settlement> settlement = detail::settlement_of(state, call))
            settle(call, std::move(*settlement), effects);
    }
    if (detail::has_calls_in_flight(state)) {
        decide_scope_of_ending(state.scope, effects);
        return;
    }
    if (verdict.has_output && !detail::has_final_output(state))
        effects.emplace_back(RecordOutput{state.model.message});
    effects.emplace_back(Finish{verdict.status, verdict.code, verdict.reason});
}

void decide_after_end(const ScopeState& scope, Effects& effects) {
    if (scope.phase != ScopePhase::none && scope.phase != ScopePhase::stopping)
        effects.emplace_back(StopScope{scope.attempt, microseconds(0)});
}

} // namespace

std::vector<Effect> decide(const RunState& state) {
    Effects effects;
    if (is_terminal(state.status)) {
        decide_after_end(state.scope, effects);
    } else if (const std::optional<detail::Verdict> verdict = detail::verdict(state)) {
        decide_ending(state, *verdict, effects);
    } else if (state.status != RunStatus::queued) {
        decide_calls(state, effects);
        decide_model(state, effects);
        decide_scope(state, effects);
    }
    return effects;
}

} // namespace kheish::engine
