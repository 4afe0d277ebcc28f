#include "engine/session_state.hpp"

#include <algorithm>
#include <utility>

namespace kheish::engine {

namespace {

[[nodiscard]] tl::unexpected<Error> illegal(std::string rule) {
    return fail(Errc::journal_corrupt, std::move(rule));
}

bool erase(std::vector<RunId>& runs, RunId run) {
    return std::erase(runs, run) > 0;
}

template <class Body>
Status on(SessionState& /*state*/, RunId /*run*/, const Body& /*event*/) {
    return {};
}

Status on(SessionState& state, RunId /*run*/, const SessionEnded& /*event*/) {
    if (state.ended)
        return illegal("the session has ended already");
    state.ended = true;
    return {};
}

Status on(SessionState& state, RunId /*run*/, const RunAccepted& /*event*/) {
    if (state.ended)
        return illegal("the session has ended");
    return {};
}

Status on(SessionState& state, RunId run, const RunQueued& /*event*/) {
    if (state.active == run)
        return illegal("the run is the session's active one");
    const bool is_new =
        std::find(state.queued.begin(), state.queued.end(), run) == state.queued.end();
    if (is_new)
        state.queued.push_back(run);
    return {};
}

Status on(SessionState& state, RunId run, const RunStarted& /*event*/) {
    if (state.active)
        return illegal(state.active.to_string() + " is the session's active run");
    if (state.queued.empty() || state.queued.front() != run)
        return illegal("the run is not next in line");
    state.queued.erase(state.queued.begin());
    state.active = run;
    return {};
}

Status leave(SessionState& state, RunId run) {
    if (state.active == run) {
        state.active = {};
        return {};
    }
    if (!erase(state.queued, run))
        return illegal("the run is neither active nor queued");
    return {};
}

Status on(SessionState& state, RunId run, const RunCompleted& /*event*/) {
    return leave(state, run);
}
Status on(SessionState& state, RunId run, const RunFailed& /*event*/) {
    return leave(state, run);
}
Status on(SessionState& state, RunId run, const RunInterrupted& /*event*/) {
    return leave(state, run);
}
Status on(SessionState& state, RunId run, const RunCancelled& /*event*/) {
    return leave(state, run);
}

} // namespace

Status apply(SessionState& state, const Event& event) {
    Status status;
    if (!state.session.empty() && state.session != event.session)
        status = illegal("it belongs to another session");
    else
        status = std::visit(
            [&state, &event](const auto& body) { return on(state, event.run, body); }, event.body);
    if (!status)
        return fail(std::move(status).error().wrap(
            "session " + event.session.value + ", event " + std::to_string(event.seq) + " (" +
            std::string(event_type(event.body)) + ")"));
    state.session = event.session;
    return {};
}

std::optional<RunId> next_to_promote(const SessionState& state) {
    if (state.active || state.queued.empty())
        return std::nullopt;
    return state.queued.front();
}

} // namespace kheish::engine
