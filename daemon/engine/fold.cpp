#include "engine/folding.hpp"
#include "engine/verdict.hpp"

namespace kheish::engine {

namespace {

/// What may still become known of a run that is over.
bool may_follow_the_end(const EventBody& body) {
    return std::holds_alternative<RunRecovered>(body) || std::holds_alternative<Launched>(body) ||
           std::holds_alternative<LaunchFailed>(body) ||
           std::holds_alternative<RunnerAdopted>(body) ||
           std::holds_alternative<ScopeStopRequested>(body) ||
           std::holds_alternative<ScopeEnded>(body);
}

Status check_place(const RunState& state, const Event& event) {
    if (!event.run)
        return detail::illegal("it belongs to no run");
    const bool is_first = std::holds_alternative<RunAccepted>(event.body);
    if (!state.run)
        return is_first ? Status() : detail::illegal("the run is not accepted yet");
    if (event.run != state.run)
        return detail::illegal("it belongs to another run");
    if (event.seq != 0 && event.seq <= state.last_seq)
        return detail::illegal("it is not later than the run's last event");
    if (is_terminal(state.status) && !may_follow_the_end(event.body))
        return detail::illegal("the run is " + std::string(to_string(state.status)));
    return {};
}

void note_circumstances(RunState& state, const Event& event) {
    if (!state.run) {
        state.run = event.run;
        state.session = event.session;
        state.agent = event.agent;
        state.authority = event.authority;
        state.accepted_at_us = event.at_us;
    }
    if (event.seq != 0)
        state.last_seq = event.seq;
    state.updated_at_us = event.at_us;
    if (std::holds_alternative<RunStarted>(event.body))
        state.started_at_us = event.at_us;
}

void refresh_status(RunState& state, const Event& event, bool was_over) {
    if (!was_over && is_terminal(state.status)) {
        state.finished_at_us = event.at_us;
        return;
    }
    const bool follows_calls = state.status == RunStatus::running ||
                               state.status == RunStatus::waiting_for_approval ||
                               state.status == RunStatus::waiting_for_user_question;
    // A run that ends keeps its status until it has ended.
    if (follows_calls && !detail::is_ending(state))
        state.status = detail::status_by_calls(state);
}

} // namespace

Status apply(RunState& state, const Event& event) {
    const bool was_over = is_terminal(state.status);
    Status status = check_place(state, event);
    if (status)
        status =
            std::visit([&state](const auto& body) { return detail::on(state, body); }, event.body);
    if (!status)
        return fail(std::move(status).error().wrap(
            event.run.to_string() + ", event " + std::to_string(event.seq) + " (" +
            std::string(event_type(event.body)) + ")"));
    note_circumstances(state, event);
    refresh_status(state, event, was_over);
    return {};
}

Result<RunState> fold(std::span<const Event> events) {
    if (events.empty())
        return detail::illegal("a run without events");
    RunState state;
    for (const Event& event : events)
        KHEISH_CHECK(apply(state, event));
    return state;
}

} // namespace kheish::engine
