// The daemon's own views: status and capabilities.

#include "control/control_plane.hpp"
#include "tools/limits.hpp"

#include <unistd.h>

namespace kheish::control {

using codec::Json;

namespace {

constexpr int kControlPlaneVersion = 1;
constexpr int kApiRevision = 3;

/// What one tool call, and one turn of them, may take: configured where kheish.toml(5) has a key.
Json tool_limits_view(const Settings& settings) {
    const auto fixed = [](std::size_t amount) {
        return static_cast<std::int64_t>(amount);
    };
    return Json::object({
        {"max_input_bytes", fixed(tools::kMaxInputBytes)},
        {"max_output_bytes", settings.tool_output_limit_bytes},
        {"max_timeout_ms", static_cast<std::int64_t>(settings.tool_timeout_max.count())},
        {"max_parallel_tools", fixed(tools::kMaxParallelTools)},
        {"max_calls_per_turn", fixed(tools::kMaxCallsPerTurn)},
        {"max_cumulative_output_bytes", tools::kMaxCumulativeOutputBytes},
    });
}

} // namespace

Json ControlPlane::capabilities_view() const {
    Json view = Json::object({
        {"control_plane_version", kControlPlaneVersion},
        {"api_revision", kApiRevision},
        {"route_capability_matrix_version", 2},
        {"version", settings_.version},
    });
    for (const char* there :
         {"approvals",
          "session_events",
          "restart_restore",
          "live_events",
          "session_run_idempotency",
          "problem_details",
          "cursor_pagination",
          "paginated_lists",
          "domain_errors",
          "sse_replay",
          "typed_sse_heartbeat",
          "openapi"})
        view.set(there, true);
    for (const char* absent :
         {"sidechains",
          "mailboxes",
          "playbooks",
          "flows",
          "agent_supervisor_audit",
          "spawn_policies"})
        view.set(absent, false);
    return view;
}

Json ControlPlane::run_counts_view() const {
    Json runs = Json::object();
    std::int64_t total = 0;
    for (const engine::RunStatus status : engine::kAllRunStatuses)
        runs.set(engine::to_string(status), 0);
    if (const Result<std::vector<journal::StatusCount>> counts = outside_.journal.run_counts({}))
        for (const journal::StatusCount& count : *counts) {
            runs.set(count.status, count.count);
            total += count.count;
        }
    runs.set("total", total);
    for (const bool questions : {false, true})
        runs.set(
            questions ? "pending_question_count" : "pending_approval_count",
            outside_.journal
                .count_approvals(
                    {.session = {},
                     .run = {},
                     .owner = {},
                     .state = journal::ApprovalState::pending,
                     .questions = questions})
                .value_or(0));
    add_stuck_runs(runs);
    return runs;
}

void ControlPlane::add_stuck_runs(Json& runs) const {
    constexpr std::size_t kListed = 100;
    const std::vector<RunId> stuck = supervisor_.stuck_runs();
    Json ids = Json::array();
    for (std::size_t i = 0; i < stuck.size() && i < kListed; ++i)
        ids.append(stuck[i].to_string());
    runs.set(
        "stale_non_terminal_run_threshold_ms",
        static_cast<std::int64_t>(settings_.stuck_after / std::chrono::milliseconds(1)));
    runs.set("stale_non_terminal_run_count", static_cast<std::int64_t>(stuck.size()));
    runs.set("stale_non_terminal_run_ids", ids);
}

Json ControlPlane::provider_readiness_view() const {
    Json routes = Json::array();
    std::int64_t errors = 0;
    std::int64_t warnings = 0;
    const std::string default_route = outside_.routes.default_route();
    bool active_ready = false;
    for (const models::RouteView& route : outside_.routes.list()) {
        const bool is_default = route.route_id == default_route;
        errors += route.state == models::RouteView::State::error ? 1 : 0;
        warnings += route.state == models::RouteView::State::warning ? 1 : 0;
        active_ready |= is_default && route.state != models::RouteView::State::error;
        routes.append(route_view(route, is_default));
    }
    return Json::object({
        {"route_count", static_cast<std::int64_t>(routes.size())},
        {"error_route_count", errors},
        {"warning_route_count", warnings},
        {"active_route_ready", active_ready},
        {"routes", routes},
    });
}

Json ControlPlane::storage_view() const {
    const journal::Health health = outside_.journal.health();
    const journal::Stats stats = outside_.journal.stats();
    Json storage = Json::object({{"ok", health.writable}});
    if (!health.writable)
        storage.set("error", health.error.to_string());
    return storage.set("commits", stats.commits)
        .set("events", stats.events)
        .set("last_commit_us", stats.last_commit_us)
        .set("max_commit_us", stats.max_commit_us);
}

Json ControlPlane::status_view() const {
    const Status ready = readiness();
    return Json::object({
        {"snapshot_at_ms", to_milliseconds(outside_.clock.now().wall_us)},
        {"started_at_ms", to_milliseconds(started_at_us_)},
        {"process_id", static_cast<std::int64_t>(::getpid())},
        {"version", settings_.version},
        {"status", draining_ ? "draining" : "ready"},
        {"ready", ready.has_value()},
        {"capabilities", capabilities_view()},
        {"runtime",
         Json::object({
             {"permission_mode", govern::to_string(settings_.permission_mode)},
             {"sandbox_profile", settings_.sandbox_profile},
             {"default_route", outside_.routes.default_route()},
             {"tool_runtime_limits", tool_limits_view(settings_)},
         })},
        {"storage", storage_view()},
        {"provider_readiness", provider_readiness_view()},
        {"health", Json::object({{"ok", ready.has_value()}})},
        {"events",
         Json::object({
             {"newest_event_id", std::to_string(outside_.journal.newest_seq())},
             {"subscriber_count", static_cast<std::int64_t>(hub_.subscriber_count())},
         })},
        {"sessions", Json::object({{"total", outside_.journal.count_sessions({}).value_or(0)}})},
        {"runs", run_counts_view()},
    });
}

} // namespace kheish::control
