#pragma once

#include "engine/event.hpp"

#include <optional>
#include <vector>

namespace kheish::engine {

/// A session's queue: one active run at most, the others in line.
///
/// The fold of session.created, session.ended, run.accepted, run.queued, run.started and the
/// terminal events of one session; every other event is ignored. The line is in the order of the
/// runs' first run.queued events; the positions in them are news for clients. So a restart may
/// leave out the events of runs that are over: what remains gives the same queue.
struct SessionState {
    SessionId session;
    bool ended = false;
    RunId active; ///< no run where nothing is active
    std::vector<RunId> queued;
};

/// Refuses (Errc::journal_corrupt, state unchanged) a run.started that is not next in line, a
/// run.accepted after session.ended, the end of a run that is neither active nor queued.
Status apply(SessionState& state, const Event& event);
/// The run that is to be started now, if the session is free and somebody waits.
std::optional<RunId> next_to_promote(const SessionState& state);

} // namespace kheish::engine
