// How the supervisor finds runs that make no progress: looked for now and then, said once each.

#include "base/log.hpp"
#include "control/stuck.hpp"
#include "control/supervisor.hpp"

#include <algorithm>
#include <utility>

namespace kheish::control {

namespace {

/// Looks in the time after which a run counts as stuck.
constexpr int kLooks = 4;
constexpr std::chrono::minutes kLongestInterval{5};

} // namespace

void Supervisor::watch_for_stuck() {
    if (stuck_timer_ != nullptr || actors_.empty())
        return;
    const std::chrono::microseconds interval =
        std::min<std::chrono::microseconds>(settings_.stuck_after / kLooks, kLongestInterval);
    stuck_timer_ = outside_.timers.start(interval, [this] {
        stuck_timer_.reset();
        look_for_stuck();
        watch_for_stuck();
    });
}

/// Queued behind the active run, one whose end is not sure yet, or another queued one, or until
/// there is room; and while an event of it is being committed, which is progress.
bool Supervisor::is_held_back(const RunActor& actor) const {
    if (!actor.is_broken() && actor.committed_state() == nullptr)
        return true;
    if (actor.state().status != engine::RunStatus::queued)
        return false;
    const SessionId& session = actor.state().session;
    if (roomless_.contains(actor.run()) || ending_.contains(session) ||
        broken_runs_.contains(session))
        return true;
    const auto line = sessions_.find(session);
    return line != sessions_.end() &&
           (line->second.active ||
            (!line->second.queued.empty() && line->second.queued.front() != actor.run()));
}

void Supervisor::look_for_stuck() {
    const Instant now = outside_.clock.now();
    const std::string boot_id = outside_.clock.boot_id();
    std::map<RunId, std::int64_t> found;
    std::vector<std::pair<std::shared_ptr<RunActor>, std::string>> reports;
    for (const auto& [run, actor] : actors_) {
        const Progress progress{
            .since_boot_us = actor->progressed_boot_us(),
            .is_broken = actor->is_broken(),
            .is_held_back = is_held_back(*actor)};
        const std::optional<std::string> reason =
            stuck_reason(actor->state(), progress, now, boot_id, settings_.stuck_after);
        if (!reason)
            continue;
        found.emplace(run, progress.since_boot_us);
        const auto known = stuck_.find(run);
        if (known != stuck_.end() && known->second == progress.since_boot_us)
            continue;
        log(Level::warning,
            "a run makes no progress",
            {{log_field::kMessageId, std::string(log_message::kRunStuck)},
             {log_field::kRunId, run.to_string()},
             {"KHEISH_REASON", *reason}});
        reports.emplace_back(actor, *reason);
    }
    stuck_ = std::move(found);
    // Not while actors_ is walked through: a report may end in a change of it.
    for (auto& [actor, reason] : reports)
        if (!actor->is_broken())
            actor->report_stuck(std::move(reason));
}

std::vector<RunId> Supervisor::stuck_runs() const {
    std::vector<RunId> runs;
    for (const auto& [run, since] : stuck_) {
        const std::shared_ptr<RunActor> actor = find(run);
        if (actor != nullptr && actor->progressed_boot_us() == since)
            runs.push_back(run);
    }
    return runs;
}

} // namespace kheish::control
