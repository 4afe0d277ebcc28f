#include "engine/folding.hpp"
#include "engine/verdict.hpp"

#include <algorithm>
#include <array>

namespace kheish::engine::detail {

namespace {

constexpr std::array<std::string_view, 4> kExecutedOutcomes = {
    "ok", "failed", "timed_out", "cancelled"};

Result<CallState*> find(RunState& state, const CallId& id, CallPhase phase) {
    for (CallState& call : state.calls) {
        if (call.proposal.call != id)
            continue;
        if (call.phase != phase)
            return illegal(
                id.value + " is " + std::string(to_string(call.phase)) + ", not " +
                std::string(to_string(phase)));
        return &call;
    }
    return illegal("the turn has no call " + id.value);
}

Status check_going_on(const RunState& state) {
    if (is_terminal(state.status) || is_ending(state))
        return illegal("the run is ending");
    return {};
}

void refuse(CallState& call, std::string_view outcome, std::string text) {
    call.phase = CallPhase::refused;
    call.settlement = Settlement{std::string(outcome), true, std::move(text), std::nullopt};
}

std::string denial(std::string_view who, const std::string& reason) {
    std::string text = "Denied by " + std::string(who);
    return reason.empty() ? text + "." : text + ": " + reason;
}

Status check_place(const RunState& state, const CallState& call, int scope_attempt) {
    if (call.proposal.place == ToolPlace::person)
        return illegal("a person is asked, nothing is started");
    if (call.proposal.place == ToolPlace::daemon)
        return scope_attempt == 0 ? Status() : illegal("the call is the daemon's own");
    if (state.scope.phase != ScopeState::Phase::live || scope_attempt != state.scope.attempt)
        return illegal("attempt " + std::to_string(scope_attempt) + " has no live runner");
    return {};
}

/// Of a gate that was opened.
template <class Opened>
Overdue overdue_of(const Opened& event) {
    return {
        event.remind.value_or(Deadline()), event.escalate.value_or(Deadline()), event.escalate_to};
}

Result<CallState*> find_waiting(RunState& state, const CallId& id, const ApprovalId& gate) {
    for (CallState& call : state.calls)
        if (call.proposal.call == id && waiting_gate(state.run, call) == gate)
            return &call;
    return illegal(id.value + " does not wait at " + gate.value);
}

/// The end of a call that is in flight.
Status finish_execution(RunState& state, CallState& call, const ToolFinished& event) {
    const auto* const end = kExecutedOutcomes.end();
    if (std::find(kExecutedOutcomes.begin(), end, event.outcome) == end)
        return illegal("an execution does not end as \"" + event.outcome + "\"");
    if (call.proposal.place == ToolPlace::runner)
        state.scope.lost_in_a_row = 0;
    return {};
}

/// The end of a call that is not in flight.
Status check_settlement(const RunState& state, const CallState& call, const ToolFinished& event) {
    const bool may_start = call.phase == CallPhase::allowed && !is_ending(state);
    const std::optional<Settlement> settlement =
        may_start ? withdrawal_of(call) : settlement_of(state, call);
    if (!settlement)
        return illegal(event.call.value + " is " + std::string(to_string(call.phase)));
    if (settlement->outcome != event.outcome || settlement->is_error != event.is_error)
        return illegal(event.call.value + " is to end as \"" + settlement->outcome + "\"");
    return {};
}

} // namespace

Status on(RunState& state, const PermissionDecided& event) {
    KHEISH_TRY(CallState * call, find(state, event.call, CallPhase::proposed));
    KHEISH_CHECK(check_going_on(state));
    if (event.decision == Decision::ask && state.request.mode == PermissionMode::dont_ask)
        return illegal("nobody is to be asked in mode dontAsk");
    switch (event.decision) {
    case Decision::allow:
        call->phase = CallPhase::allowed;
        call->grants = event.grants;
        break;
    case Decision::ask:
        call->phase = CallPhase::asked;
        break;
    case Decision::deny:
        refuse(*call, "denied", denial("the permission rules", event.reason));
        break;
    }
    return {};
}

Status on(RunState& state, const ApprovalRequested& event) {
    KHEISH_TRY(CallState * call, find(state, event.call, CallPhase::asked));
    KHEISH_CHECK(check_going_on(state));
    if (event.approval != next_approval_id(state))
        return illegal("the next gate is " + next_approval_id(state).value);
    call->phase = CallPhase::gated;
    call->gate = Gate{
        .approval = event.approval,
        .digest = event.digest,
        .deadline = event.deadline.value_or(Deadline())};
    call->overdue = overdue_of(event);
    ++state.gates;
    return {};
}

Status on(RunState& state, const ApprovalResolved& event) {
    KHEISH_TRY(CallState * call, find(state, event.call, CallPhase::gated));
    KHEISH_CHECK(check_going_on(state));
    if (call->gate->approval != event.approval)
        return illegal(event.approval.value + " is not the gate of " + event.call.value);
    if (call->gate->digest != event.digest)
        return illegal(event.approval.value + " was shown with another digest");
    if (event.updated_input.has_value() != event.updated_digest.has_value())
        return illegal("an updated input comes with the digest of its action, and only with it");
    if (event.updated_input && !event.allowed)
        return illegal("what is denied has no updated input");
    if (!event.allowed) {
        refuse(*call, "denied", denial("a person", event.reason));
        return {};
    }
    call->phase = CallPhase::allowed;
    if (event.updated_input) {
        call->proposal.input = *event.updated_input;
        call->gate->digest = *event.updated_digest;
        call->input_updated = true;
    }
    return {};
}

Status on(RunState& state, const ApprovalExpired& event) {
    KHEISH_TRY(CallState * call, find(state, event.call, CallPhase::gated));
    KHEISH_CHECK(check_going_on(state));
    if (call->gate->approval != event.approval)
        return illegal(event.approval.value + " is not the gate of " + event.call.value);
    if (!call->gate->deadline.is_set())
        return illegal(event.approval.value + " does not expire");
    refuse(*call, "denied", "Denied: nobody has decided in time.");
    return {};
}

Status on(RunState& state, const ApprovalReminded& event) {
    KHEISH_TRY(CallState * call, find_waiting(state, event.call, event.approval));
    KHEISH_CHECK(check_going_on(state));
    if (!call->overdue.remind.is_set())
        return illegal("nobody is to be reminded of " + event.approval.value);
    call->overdue.remind = {};
    return {};
}

Status on(RunState& state, const ApprovalEscalated& event) {
    KHEISH_TRY(CallState * call, find_waiting(state, event.call, event.approval));
    KHEISH_CHECK(check_going_on(state));
    Overdue& overdue = call->overdue;
    if (!overdue.escalate.is_set() || overdue.escalate_to != event.to)
        return illegal(event.approval.value + " is not to be escalated so");
    overdue.escalate = {};
    return {};
}

Status on(RunState& state, const GrantCreated& event) {
    KHEISH_TRY(const CallState* call, find(state, event.call, CallPhase::allowed));
    KHEISH_CHECK(check_going_on(state));
    if (!call->gate || call->gate->approval != event.approval)
        return illegal(event.approval.value + " has not released " + event.call.value);
    return {};
}

Status on(RunState& state, const ToolStarted& event) {
    KHEISH_TRY(CallState * call, find(state, event.call, CallPhase::allowed));
    KHEISH_CHECK(check_going_on(state));
    KHEISH_CHECK(check_place(state, *call, event.scope_attempt));
    const std::vector<const CallState*> startable = startable_calls(state);
    if (std::find(startable.begin(), startable.end(), call) == startable.end())
        return illegal(event.call.value + " has to wait for other calls of its turn");
    if (event.execution != call->executions + 1)
        return illegal("execution " + std::to_string(call->executions + 1) + " is next");
    if (event.idempotency_key != idempotency_key(state, event.call))
        return illegal("the idempotency key is not the call's");
    call->phase = CallPhase::started;
    call->executions = event.execution;
    call->scope_attempt = event.scope_attempt;
    call->may_have_happened_before = call->may_have_happened;
    call->may_have_happened = true;
    if (call->gate)
        call->gate->consumed = true;
    return {};
}

Status on(RunState& state, const ToolPrepared& event) {
    KHEISH_TRY(CallState * call, find(state, event.call, CallPhase::started));
    if (call->proposal.effect_class != EffectClass::reconcilable)
        return illegal(event.call.value + " is not reconcilable: nothing can be looked for");
    if (call->prepared)
        return illegal(event.call.value + " has prepared its change already");
    call->prepared = event.change;
    return {};
}

Status on(RunState& state, const ToolFinished& event) {
    const CallState* found = state.find_call(event.call);
    if (found == nullptr)
        return illegal("the turn has no call " + event.call.value);
    CallState& call = state.calls[static_cast<std::size_t>(found - state.calls.data())];
    if (call.phase == CallPhase::started) {
        KHEISH_CHECK(finish_execution(state, call, event));
    } else {
        KHEISH_CHECK(check_settlement(state, call, event));
    }
    call.phase = CallPhase::finished;
    call.may_have_happened = false;
    call.settlement.reset();
    call.result = event.text;
    call.is_error = event.is_error;
    if (is_batch_closed(state))
        close_batch(state);
    return {};
}

Status on(RunState& state, const ToolOutcomeUnknown& event) {
    KHEISH_TRY(CallState * call, find(state, event.call, CallPhase::lost));
    KHEISH_CHECK(check_going_on(state));
    if (state.request.mode == PermissionMode::dont_ask)
        return illegal("nobody is to be asked in mode dontAsk");
    call->phase = CallPhase::outcome_unknown;
    call->overdue = overdue_of(event);
    return {};
}

Status on(RunState& state, const OutcomeResolved& event) {
    KHEISH_TRY(CallState * call, find(state, event.call, CallPhase::outcome_unknown));
    KHEISH_CHECK(check_going_on(state));
    if (event.text.has_value() != (event.choice == OutcomeChoice::result))
        return illegal("a text belongs to the choice \"result\" and to no other");
    switch (event.choice) {
    case OutcomeChoice::retry:
        call->phase = CallPhase::allowed;
        break;
    case OutcomeChoice::result:
        call->phase = CallPhase::resolved;
        call->settlement = Settlement{"ok", false, {}, event.text};
        break;
    case OutcomeChoice::abandon:
        call->phase = CallPhase::resolved;
        call->settlement = Settlement{
            "outcome_unknown",
            true,
            "Nobody knows whether the call took effect. It is not repeated" +
                (event.reason.empty() ? "." : ": " + event.reason),
            std::nullopt};
        break;
    }
    return {};
}

void lose_call(CallState& call) {
    const bool repeatable = call.proposal.effect_class != EffectClass::at_most_once;
    call.phase = repeatable ? CallPhase::allowed : CallPhase::lost;
}

void close_batch(RunState& state) {
    for (const CallState& call : state.calls) {
        TranscriptEntry entry{
            TranscriptEntry::Kind::tool_result,
            state.model.turn,
            call.is_error,
            call.result.value_or(codec::BlobRef{}),
            call.proposal.provider_call_id,
            call.input_updated ? std::optional(call.proposal.input) : std::nullopt};
        if (call.executions > 0 && call.proposal.effect_class != EffectClass::pure)
            entry.effect = EffectiveCall{call.proposal.tool, call.proposal.input, call.is_error};
        append(state, std::move(entry));
    }
}

} // namespace kheish::engine::detail
