#pragma once

#include "engine/state.hpp"

/// One overload per event: checks that it is legal in `state`, then changes `state`. On an error
/// nothing is changed; the message says which rule is broken, apply() adds which event.
/// Private to engine/.
namespace kheish::engine::detail {

// Facts about the run as a whole (fold_run.cpp).
Status on(RunState& state, const RunAccepted& event);
Status on(RunState& state, const RunQueued& event);
Status on(RunState& state, const RunStarted& event);
Status on(RunState& state, const RunCancelRequested& event);
Status on(RunState& state, const RunCompleted& event);
Status on(RunState& state, const RunFailed& event);
Status on(RunState& state, const RunInterrupted& event);
Status on(RunState& state, const RunCancelled& event);
Status on(RunState& state, const RunRecovered& event);
Status on(RunState& state, const RunStuckReported& event);
Status on(RunState& state, const OutputRecorded& event);
// Facts about its execution environment (fold_scope.cpp).
Status on(RunState& state, const LaunchRequested& event);
Status on(RunState& state, const Launched& event);
Status on(RunState& state, const LaunchFailed& event);
Status on(RunState& state, const RunnerAdopted& event);
Status on(RunState& state, const ScopeStopRequested& event);
Status on(RunState& state, const ScopeEnded& event);
// Facts about the model (fold_model.cpp).
Status on(RunState& state, const ModelRequested& event);
Status on(RunState& state, const ModelCompleted& event);
Status on(RunState& state, const ModelFailed& event);
Status on(RunState& state, const ModelRetryScheduled& event);
Status on(RunState& state, const ModelRetryDue& event);
Status on(RunState& state, const ModelRetryWoken& event);
// Facts about what the model sees (fold_context.cpp).
Status on(RunState& state, const ContextTrimmed& event);
// Facts about calls (fold_calls.cpp).
Status on(RunState& state, const PermissionDecided& event);
Status on(RunState& state, const ApprovalRequested& event);
Status on(RunState& state, const ApprovalResolved& event);
Status on(RunState& state, const ApprovalExpired& event);
Status on(RunState& state, const ApprovalReminded& event);
Status on(RunState& state, const ApprovalEscalated& event);
Status on(RunState& state, const GrantCreated& event);
Status on(RunState& state, const ToolStarted& event);
Status on(RunState& state, const ToolPrepared& event);
Status on(RunState& state, const ToolFinished& event);
Status on(RunState& state, const ToolOutcomeUnknown& event);
Status on(RunState& state, const OutcomeResolved& event);
// Facts about questions to people (fold_questions.cpp).
Status on(RunState& state, const QuestionAsked& event);
Status on(RunState& state, const QuestionResolved& event);
Status on(RunState& state, const QuestionExpired& event);
// Facts about a session are none about a run.
Status on(RunState& state, const SessionCreated& event);
Status on(RunState& state, const SessionEnded& event);
Status on(RunState& state, const GrantRevoked& event);
// Nor is one about who may do what.
template <GovernanceEvent Body>
Status on(RunState& /*state*/, const Body& /*event*/) {
    return fail(Errc::journal_corrupt, "an event of governance belongs to no run");
}

/// A call whose execution can't end any more: again, or lost, by its effect class.
void lose_call(CallState& call);
/// One piece of the conversation more.
void append(RunState& state, TranscriptEntry entry);
/// All calls are finished: their results join the transcript.
void close_batch(RunState& state);

[[nodiscard]] inline tl::unexpected<Error> illegal(std::string rule) {
    return fail(Errc::journal_corrupt, std::move(rule));
}

} // namespace kheish::engine::detail
