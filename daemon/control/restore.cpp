// How the supervisor takes runs over from the journal: all of them at a start, those of a session
// again after a commit that failed.

#include "base/log.hpp"
#include "control/supervisor.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace kheish::control {

namespace {

constexpr std::chrono::seconds kReloadInterval{1};

bool has_scope(const engine::RunState& state) {
    return state.scope.phase != engine::ScopeState::Phase::none;
}

} // namespace

Status
Supervisor::load_run(const journal::RunRow& row, std::vector<std::shared_ptr<RunActor>>& loaded) {
    Result<RunProjection> projection = RunProjection::load(outside_.journal, row.run);
    if (!projection)
        return fail(std::move(projection).error().wrap(row.run.to_string()));
    const auto actor =
        std::make_shared<RunActor>(outside_, settings_, *this, std::move(*projection));
    KHEISH_TRY(engine::SessionState * session, session_state(row.session));
    // The line is in the order in which its runs were accepted, which is that of their numbers.
    if (actor->state().status == engine::RunStatus::queued)
        session->queued.insert(
            std::lower_bound(session->queued.begin(), session->queued.end(), row.run), row.run);
    else if (!engine::is_terminal(actor->state().status)) {
        session->active = row.run;
        started_.insert(row.run);
    }
    actors_[row.run] = actor;
    loaded.push_back(actor);
    return {};
}

Status Supervisor::restore() {
    std::vector<std::shared_ptr<RunActor>> loaded;
    journal::LiveCursor cursor;
    for (;;) {
        KHEISH_TRY(journal::LivePage page, outside_.journal.live_runs(cursor, journal::kPageLimit));
        for (const journal::RunRow& row : page.items)
            KHEISH_CHECK(load_run(row, loaded));
        if (!page.has_more)
            break;
        cursor = page.next;
    }
    sweep();
    resume(loaded);
    watch_for_stuck();
    return {};
}

void Supervisor::sweep() {
    std::vector<Attempt> live;
    std::vector<Attempt> resting;
    for (const auto& [run, actor] : actors_)
        if (has_scope(actor->state()))
            live.emplace_back(run, actor->state().scope.attempt);
        else if (!engine::is_terminal(actor->state().status) && actor->state().scope.attempt > 0)
            resting.emplace_back(run, scopes::RunHost::kNoAttempt);
    // What does not fit is never a scope; the launcher then leaves all slices alone.
    for (const Attempt& run : resting)
        if (live.size() < scopes::RunHost::kSweptLimit)
            live.push_back(run);
    outside_.host.sweep(std::move(live), [](const Status& status) {
        // Cancelled by our own end: the next start sweeps.
        if (!status && status.error().code != Errc::cancelled)
            log(Level::warning,
                "the sweep for scopes without a run has failed",
                {{log_field::kError, status.error().to_string()}});
    });
}

void Supervisor::resume(const std::vector<std::shared_ptr<RunActor>>& loaded) {
    const std::string boot_id = outside_.clock.boot_id();
    std::set<SessionId> sessions;
    for (const std::shared_ptr<RunActor>& actor : loaded) {
        sessions.insert(actor->state().session);
        if (actor->state().status != engine::RunStatus::queued) {
            actor->recover(boot_id);
            actor->on_credential_changed(false); // systemd may have given us another one
        } else
            actor->advance(); // it may have been cancelled in the line
    }
    for (const SessionId& session : sessions)
        promote(session);
}

/// The run as the journal has it, in place of what a failed commit has left.
Status Supervisor::reload_run(
    RunId run, engine::SessionState& line, std::vector<std::shared_ptr<RunActor>>& loaded) {
    actors_.erase(run);
    started_.erase(run);
    working_.erase(run); // until it commits something
    std::erase(line.queued, run);
    if (line.active == run)
        line.active = {};
    const Result<journal::RunRow> row = outside_.journal.run(run);
    if (!row && row.error().code != Errc::run_not_found)
        return fail(row.error());
    if (row && (!row->finished_us || row->scope_open))
        return load_run(*row, loaded);
    return {};
}

/// The session's other runs go on: they are what the journal holds, or will hold.
Status Supervisor::reload(const SessionId& session, const std::set<RunId>& runs) {
    KHEISH_TRY(engine::SessionState * line, session_state(session));
    std::vector<std::shared_ptr<RunActor>> loaded;
    for (const RunId run : runs)
        if (Status status = reload_run(run, *line, loaded); !status) {
            // All of them again, the next time.
            for (const std::shared_ptr<RunActor>& actor : loaded)
                actors_.erase(actor->run());
            return fail(std::move(status).error().wrap(run.to_string()));
        }
    broken_runs_.erase(session);
    // Another run of the session may be ending, its commit still to come.
    const auto ending = ending_.find(session);
    if (ending != ending_.end() && runs.contains(ending->second))
        ending_.erase(ending);
    resume(loaded);
    promote(session);
    fill_room();
    return {};
}

void Supervisor::on_broken(RunActor& actor, const Error& /*error*/) {
    broken_runs_[actor.state().session].insert(actor.run());
    if (reload_timer_ == nullptr)
        reload_timer_ = outside_.timers.start(kReloadInterval, [this] { try_reload(); });
}

void Supervisor::try_reload() {
    reload_timer_.reset();
    if (outside_.journal.health().writable)
        for (const auto& [session, runs] : std::map(broken_runs_))
            if (const Status status = reload(session, runs); !status)
                log(Level::error,
                    "the runs of a session cannot be loaded",
                    {{log_field::kSessionId, session.value},
                     {log_field::kError, status.error().to_string()}});
    if (!broken_runs_.empty() && reload_timer_ == nullptr)
        reload_timer_ = outside_.timers.start(kReloadInterval, [this] { try_reload(); });
}

} // namespace kheish::control
