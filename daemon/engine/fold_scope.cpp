#include "engine/folding.hpp"
#include "engine/verdict.hpp"

#include <algorithm>

namespace kheish::engine::detail {

namespace {

using Phase = ScopeState::Phase;

Status check_attempt(const ScopeState& scope, int attempt) {
    if (attempt != scope.attempt)
        return illegal(
            "attempt " + std::to_string(attempt) + " is not the last one (" +
            std::to_string(scope.attempt) + ")");
    return {};
}

bool contains(const std::vector<CallId>& calls, const CallId& call) {
    return std::find(calls.begin(), calls.end(), call) != calls.end();
}

bool is_used(const RunState& state) {
    return std::any_of(state.calls.begin(), state.calls.end(), [](const CallState& call) {
        return call.is_in_flight() && call.proposal.place == ToolPlace::runner;
    });
}

/// The first runner that answers says what the project permits, once for the whole run.
Status take_project(RunState& state, const std::optional<ProjectPermissions>& project) {
    if (!awaits_project(state) || is_terminal(state.status))
        return {};
    if (!project)
        return illegal("the runner does not say what the project permits");
    state.project = project;
    return {};
}

/// What the slice says can only grow; a slice that is gone says 0 or nothing.
void raise_usage(ScopeUsage& usage, const ScopeUsage& seen) {
    usage.cpu_usage_us = std::max(usage.cpu_usage_us, seen.cpu_usage_us);
    usage.memory_peak_bytes = std::max(usage.memory_peak_bytes, seen.memory_peak_bytes);
    usage.tasks_peak = std::max(usage.tasks_peak, seen.tasks_peak);
    usage.io_read_bytes = std::max(usage.io_read_bytes, seen.io_read_bytes);
    usage.io_write_bytes = std::max(usage.io_write_bytes, seen.io_write_bytes);
}

} // namespace

Status on(RunState& state, const LaunchRequested& event) {
    ScopeState& scope = state.scope;
    if (state.status != RunStatus::running)
        return illegal("only a running run gets a scope");
    if (is_ending(state))
        return illegal("the run is ending");
    if (scope.phase != Phase::none)
        return illegal("attempt " + std::to_string(scope.attempt) + " has not ended");
    if (event.attempt != scope.attempt + 1)
        return illegal("the next attempt is " + std::to_string(scope.attempt + 1));
    if (event.boot_id != scope.boot_id) {
        scope.usage_before = scope.usage();
        scope.usage_current = {};
        scope.boot_id = event.boot_id;
    }
    scope.attempt = event.attempt;
    scope.phase = Phase::requested;
    return {};
}

Status on(RunState& state, const Launched& event) {
    ScopeState& scope = state.scope;
    KHEISH_CHECK(check_attempt(scope, event.attempt));
    if (scope.phase != Phase::requested && scope.phase != Phase::stopping)
        return illegal("no launch is under way");
    KHEISH_CHECK(take_project(state, event.project));
    if (scope.phase == Phase::requested)
        scope.phase = Phase::live;
    scope.failed_launches = 0;
    scope.launch_error.clear();
    scope.unit = event.unit;
    scope.degraded = event.degraded;
    return {};
}

Status on(RunState& state, const LaunchFailed& event) {
    ScopeState& scope = state.scope;
    KHEISH_CHECK(check_attempt(scope, event.attempt));
    if (scope.phase != Phase::requested && scope.phase != Phase::stopping)
        return illegal("no launch is under way");
    if (is_used(state) && scope.phase == Phase::stopping)
        return illegal("the attempt was launched already");
    scope.phase = Phase::none;
    ++scope.failed_launches;
    scope.launch_error = event.error;
    scope.refused = event.permanent;
    return {};
}

Status on(RunState& state, const RunnerAdopted& event) {
    ScopeState& scope = state.scope;
    KHEISH_CHECK(check_attempt(scope, event.attempt));
    if (scope.phase == Phase::stopping || scope.phase == Phase::stop_unconfirmed)
        return {}; // the end of the attempt settles its calls
    if (scope.phase != Phase::unconfirmed)
        return illegal("nobody has asked for the runner");
    KHEISH_CHECK(take_project(state, event.project));
    scope.phase = Phase::live;
    for (CallState& call : state.calls) {
        if (call.phase != CallPhase::unconfirmed)
            continue;
        const CallId& id = call.proposal.call;
        if (contains(event.running, id) || contains(event.finished, id)) {
            call.phase = CallPhase::started;
            continue;
        }
        // The runner keeps every call until its outcome is acknowledged: it never got this one.
        call.phase = CallPhase::allowed;
        call.may_have_happened = call.may_have_happened_before;
    }
    return {};
}

Status on(RunState& state, const ScopeStopRequested& event) {
    ScopeState& scope = state.scope;
    KHEISH_CHECK(check_attempt(scope, event.attempt));
    if (scope.phase == Phase::none)
        return illegal("the attempt has ended");
    if (scope.phase == Phase::stopping)
        return illegal("the stop is requested already");
    if (is_used(state) && !is_ending(state))
        return illegal("calls are in flight");
    scope.phase = Phase::stopping;
    return {};
}

Status on(RunState& state, const ScopeEnded& event) {
    ScopeState& scope = state.scope;
    KHEISH_CHECK(check_attempt(scope, event.attempt));
    if (scope.phase == Phase::none)
        return illegal("the attempt has ended already");
    if (!event.lost && scope.phase != Phase::stopping && scope.phase != Phase::stop_unconfirmed)
        return illegal("nobody has asked for the end of the attempt");
    const bool was_watched = scope.phase == Phase::live || scope.phase == Phase::requested;
    if (event.lost && was_watched)
        ++scope.lost_in_a_row;
    scope.phase = Phase::none;
    raise_usage(scope.usage_current, event.usage);
    for (CallState& call : state.calls)
        if (call.is_in_flight() && call.proposal.place == ToolPlace::runner)
            lose_call(call);
    return {};
}

} // namespace kheish::engine::detail
