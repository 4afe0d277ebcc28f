#pragma once

#include "engine/state.hpp"

/// Questions about a state that both its fold (what is legal) and decide (what is next) ask.
/// Private to engine/.
namespace kheish::engine::detail {

/// How the run has to end, from what has happened so far.
struct Verdict {
    RunStatus status = RunStatus::completed;
    std::string code;
    std::string reason;
    bool has_output = false; ///< the last answer is the run's output
};

/// Nothing where the run has work left or waits for something.
std::optional<Verdict> verdict(const RunState& state);
/// There is a verdict: no new work is begun, what is in flight is ended.
bool is_ending(const RunState& state);

/// What a call that is not in flight is to be finished with now; nothing where it has to go on.
std::optional<Settlement> settlement_of(const RunState& state, const CallState& call);

/// Every call of the turn is finished.
bool is_batch_closed(const RunState& state);
/// A call that nobody has judged, that waits for a person, or that nobody has been asked about:
/// the batch as a whole stands still.
bool is_batch_blocked(const RunState& state);
bool has_calls_in_flight(const RunState& state);
/// Nothing can be judged yet: what the project permits is not known.
bool awaits_project(const RunState& state);
/// The calls that may start now, in order of the answer, given what is in flight.
std::vector<const CallState*> startable_calls(const RunState& state);
/// A call waits for a runner that is not there.
bool needs_runner(const RunState& state);

/// The attempt that has to be asked for next where nothing is in flight: turn and attempt.
std::pair<int, int> next_model_attempt(const RunState& state);
/// The first turn that the model is to see from its next request on, where the conversation has to
/// become shorter and can.
std::optional<int> trimmed_first_turn(const RunState& state);
bool has_final_output(const RunState& state);

/// The status that the calls imply, for a run that is running or waiting for approval.
RunStatus status_by_calls(const RunState& state);

} // namespace kheish::engine::detail
