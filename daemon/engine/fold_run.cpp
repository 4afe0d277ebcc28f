#include "engine/folding.hpp"
#include "engine/verdict.hpp"

namespace kheish::engine::detail {

namespace {

Status end_run(RunState& state, RunStatus status) {
    if (!is_legal_transition(state.status, status) || is_terminal(state.status))
        return illegal(
            "a run that is " + std::string(to_string(state.status)) + " cannot become " +
            std::string(to_string(status)));
    if (!is_batch_closed(state))
        return illegal("a call of the run is not finished");
    if (status != RunStatus::failed || state.cancel_requested) {
        const std::optional<Verdict> wanted = verdict(state);
        if (!wanted || wanted->status != status)
            return illegal("nothing says that the run is " + std::string(to_string(status)));
        if (wanted->has_output && !has_final_output(state))
            return illegal("the run's output is not recorded");
    }
    state.status = status;
    state.model.phase = ModelState::Phase::idle;
    return {};
}

} // namespace

Status on(RunState& state, const RunAccepted& event) {
    if (!state.transcript.empty())
        return illegal("the run is accepted already");
    if (event.max_turns < 0 || event.max_output_tokens < 0)
        return illegal("a limit is negative");
    state.request = event;
    state.transcript.push_back({TranscriptEntry::Kind::user, 0, false, event.input, {}, {}});
    return {};
}

Status on(RunState& state, const RunQueued& event) {
    if (state.status != RunStatus::queued)
        return illegal("the run has left the queue");
    if (event.position < 0)
        return illegal("the position is negative");
    state.queued_position = event.position;
    return {};
}

Status on(RunState& state, const RunStarted& /*event*/) {
    if (state.status != RunStatus::queued)
        return illegal("the run is not queued");
    if (state.cancel_requested)
        return illegal("the run is to be cancelled");
    state.status = RunStatus::running;
    state.queued_position = 0;
    return {};
}

Status on(RunState& state, const RunCancelRequested& event) {
    if (is_terminal(state.status))
        return illegal("the run is over");
    if (state.cancel_requested)
        return illegal("the end of the run is requested already");
    state.cancel_requested = true;
    state.cancel_is_interrupt = event.interrupt;
    state.cancel_reason = event.reason;
    return {};
}

Status on(RunState& state, const RunCompleted& /*event*/) {
    return end_run(state, RunStatus::completed);
}

Status on(RunState& state, const RunFailed& event) {
    KHEISH_CHECK(end_run(state, RunStatus::failed));
    state.failure_code = event.code;
    state.failure = event.error;
    return {};
}

Status on(RunState& state, const RunInterrupted& /*event*/) {
    return end_run(state, RunStatus::interrupted);
}

Status on(RunState& state, const RunCancelled& /*event*/) {
    return end_run(state, RunStatus::cancelled);
}

Status on(RunState& state, const RunRecovered& /*event*/) {
    if (is_settled(state))
        return illegal("the run is settled");
    if (state.model.phase == ModelState::Phase::in_flight)
        state.model.phase = ModelState::Phase::idle;
    using Phase = ScopeState::Phase;
    Phase& phase = state.scope.phase;
    if (phase == Phase::requested || phase == Phase::live)
        phase = Phase::unconfirmed;
    else if (phase == Phase::stopping)
        phase = Phase::stop_unconfirmed;
    for (CallState& call : state.calls) {
        if (call.phase != CallPhase::started)
            continue;
        if (call.proposal.place == ToolPlace::runner)
            call.phase = CallPhase::unconfirmed;
        else
            lose_call(call);
    }
    return {};
}

Status on(RunState& state, const RunStuckReported& /*event*/) {
    if (is_terminal(state.status))
        return illegal("a run that is over is not stuck");
    return {};
}

Status on(RunState& state, const OutputRecorded& event) {
    if (event.call.empty()) {
        const std::optional<Verdict> found = verdict(state);
        if (!found || !found->has_output || has_final_output(state))
            return illegal("the run has no answer to record");
    } else {
        const CallState* call = state.find_call(event.call);
        if (call == nullptr || call->phase != CallPhase::started)
            return illegal(event.call.value + " is not in flight");
        if (call->has_output)
            return illegal(event.call.value + " has recorded its output already");
        state.calls[static_cast<std::size_t>(call - state.calls.data())].has_output = true;
    }
    state.outputs.push_back({event.source_kind, event.content, event.call});
    return {};
}

Status on(RunState& /*state*/, const SessionCreated& /*event*/) {
    return illegal("a session's event belongs to no run");
}

Status on(RunState& /*state*/, const SessionEnded& /*event*/) {
    return illegal("a session's event belongs to no run");
}

Status on(RunState& /*state*/, const GrantRevoked& /*event*/) {
    return illegal("a session's event belongs to no run");
}

} // namespace kheish::engine::detail
