#include "control/supervisor.hpp"

#include "base/log.hpp"
#include "control/conversions.hpp"
#include "control/session_projection.hpp"

#include <utility>

namespace kheish::control {

namespace {

void log_milestone(const engine::Event& event) {
    if (std::holds_alternative<engine::RunStarted>(event.body))
        log(Level::info,
            "run started",
            {{log_field::kMessageId, std::string(log_message::kRunStarted)},
             {log_field::kRunId, event.run.to_string()},
             {log_field::kSessionId, event.session.value}});
    if (engine::is_end_of_run(event.body))
        log(Level::info,
            "run ended",
            {{log_field::kMessageId, std::string(log_message::kRunEnded)},
             {log_field::kRunId, event.run.to_string()},
             {log_field::kSessionId, event.session.value},
             {"KHEISH_EVENT", std::string(engine::event_type(event.body))}});
    if (std::holds_alternative<engine::ApprovalResolved>(event.body))
        log(Level::notice,
            "an approval was decided",
            {{log_field::kMessageId, std::string(log_message::kApprovalDecided)},
             {log_field::kRunId, event.run.to_string()},
             {log_field::kCaller, event.authority.to_string()}});
}

} // namespace

Supervisor::Supervisor(
    Outside outside,
    const Settings& settings,
    const Grants& grants,
    Leases& leases,
    CommitObserver& observer)
    : outside_(outside), settings_(settings), grants_(grants), leases_(leases),
      observer_(observer) {
    outside_.host.set_observer(this);
}

// --- sessions and their lines
// ---------------------------------------------------------------------

Result<engine::SessionState> Supervisor::session(const SessionId& session) const {
    const auto found = sessions_.find(session);
    if (found != sessions_.end())
        return found->second;
    KHEISH_TRY(const journal::SessionRow row, outside_.journal.session(session));
    engine::SessionState state;
    state.session = session;
    state.ended = row.ended_us.has_value();
    return state;
}

Result<engine::SessionState*> Supervisor::session_state(const SessionId& session) {
    const auto found = sessions_.find(session);
    if (found != sessions_.end())
        return &found->second;
    KHEISH_TRY(engine::SessionState state, this->session(session));
    return &sessions_.emplace(session, std::move(state)).first->second;
}

void Supervisor::promote(const SessionId& session) {
    // Whether the active run is over is not sure yet.
    if (ending_.contains(session) || broken_runs_.contains(session))
        return;
    const auto found = sessions_.find(session);
    if (found == sessions_.end())
        return;
    const std::optional<RunId> next = engine::next_to_promote(found->second);
    if (!next) {
        forget(session);
        return;
    }
    const std::shared_ptr<RunActor> actor = find(*next);
    if (actor == nullptr)
        return;
    const bool has_room = started_.size() < settings_.live_runs &&
                          (roomless_.empty() || *next < roomless_.begin()->first);
    if (!started_.contains(*next) && !has_room) {
        roomless_.emplace(*next, session);
        return;
    }
    started_.insert(*next);
    actor->start();
}

void Supervisor::fill_room() {
    while (!roomless_.empty() && started_.size() < settings_.live_runs) {
        const SessionId session = roomless_.extract(roomless_.begin()).mapped();
        promote(session);
    }
}

/// An idle session needs no memory; the journal has it.
void Supervisor::forget(const SessionId& session) {
    const auto found = sessions_.find(session);
    if (found != sessions_.end() && !found->second.active && found->second.queued.empty())
        sessions_.erase(found);
}

void Supervisor::commit_session(
    const SessionId& session,
    const Authority& authority,
    engine::EventBody body,
    std::optional<journal::SessionRow> known,
    std::vector<std::string> blobs,
    std::optional<journal::IdempotencyReceipt> receipt,
    Responder<void> responder) {
    engine::Event event;
    event.session = session;
    event.agent = primary_agent(session);
    event.at_us = outside_.clock.now().wall_us;
    event.authority = authority;
    event.body = std::move(body);
    // From here on, so that nothing is accepted between this and the commit.
    if (std::holds_alternative<engine::SessionEnded>(event.body)) {
        const Result<engine::SessionState*> line = session_state(session);
        if (!line || (*line)->ended) {
            responder.fail(
                line ? Error{.code = Errc::session_ended, .message = "the session is being ended"}
                     : line.error());
            return;
        }
        (*line)->ended = true;
    }
    journal::Write write;
    write.events.push_back(to_new_event(event));
    write.blobs = std::move(blobs);
    write.receipt = std::move(receipt);
    if (known) {
        follow_session(*known, event);
        write.rows.emplace_back(*std::move(known));
    } else if (Result<journal::SessionRow> row = begin_session_row(event)) {
        write.rows.emplace_back(*std::move(row));
    } else {
        return responder.fail(row.error());
    }
    outside_.journal.submit(
        std::move(write),
        Responder<journal::Committed>(
            [this,
             alive = std::weak_ptr<void>(alive_),
             event = std::move(event),
             responder = std::move(responder)](const Result<journal::Committed>& result) mutable {
                if (alive.expired())
                    responder.fail(Errc::journal_unavailable, "kheishd has ended");
                else
                    finish_session(std::move(event), result, responder);
            }));
}

void Supervisor::finish_session(
    engine::Event event, const Result<journal::Committed>& result, Responder<void>& responder) {
    if (!result) {
        if (const auto found = sessions_.find(event.session); found != sessions_.end())
            found->second.ended = false;
        return responder.fail(result.error());
    }
    event.seq = result->first;
    observer_.on_committed({event});
    forget(event.session);
    responder.answer({});
}

void Supervisor::accept(
    const SessionId& session,
    Authority authority,
    engine::RunAccepted accepted,
    std::string input,
    std::optional<journal::IdempotencyReceipt> receipt,
    Responder<RunId> responder) {
    const Result<engine::SessionState*> line = session_state(session);
    if (!line) {
        responder.fail(line.error());
        return;
    }
    engine::Event first;
    first.session = session;
    first.run = RunId{outside_.journal.next_run_number()};
    first.agent = primary_agent(session);
    first.at_us = outside_.clock.now().wall_us;
    first.authority = authority;
    first.body = std::move(accepted);
    Result<RunProjection> projection = RunProjection::begin(first);
    const Status in_line = projection ? on_staged(first) : Status(fail(projection.error()));
    if (!in_line) {
        responder.fail(in_line.error());
        return;
    }
    const auto actor =
        std::make_shared<RunActor>(outside_, settings_, *this, std::move(*projection));
    Batch batch = actor->batch_of(std::move(authority));
    if (receipt)
        receipt->run = first.run;
    batch.receipt = std::move(receipt);
    batch.blobs.push_back(std::move(input));
    const auto position = static_cast<std::int64_t>((*line)->queued.size());
    const RunId run = first.run;
    batch.events.push_back(std::move(first));
    actors_[run] = actor;
    watch_for_stuck();
    if (const Status staged = actor->stage(batch, engine::RunQueued{.position = position});
        !staged) {
        responder.fail(staged.error());
        return;
    }
    batch.responder =
        Responder<void>([run, responder = std::move(responder)](Result<void> result) mutable {
            if (result)
                responder.answer(run);
            else
                responder.fail(result.error());
        });
    actor->commit(std::move(batch));
}

std::shared_ptr<RunActor> Supervisor::find(RunId run) const {
    const auto found = actors_.find(run);
    return found == actors_.end() ? nullptr : found->second;
}

// --- what actors do
// -------------------------------------------------------------------------------

Status Supervisor::on_staged(const engine::Event& event) {
    KHEISH_TRY(engine::SessionState * session, session_state(event.session));
    const RunId active = session->active;
    KHEISH_CHECK(engine::apply(*session, event));
    if (active && !session->active)
        ending_.emplace(event.session, active);
    return {};
}

void Supervisor::on_committed(RunActor& actor, const std::vector<engine::Event>& events) {
    for (const engine::Event& event : events)
        log_milestone(event);
    observer_.on_committed(events);
    follow_work(actor);
    if (engine::is_terminal(actor.state().status)) {
        started_.erase(actor.run());
        const auto ending = ending_.find(actor.state().session);
        if (ending != ending_.end() && ending->second == actor.run())
            ending_.erase(ending);
    }
    promote(actor.state().session);
    fill_room();
    if (engine::is_settled(actor.state()))
        actors_.erase(actor.run()); // the caller holds a reference of its own
}

void Supervisor::on_text(const RunActor& actor, std::string_view text) {
    observer_.on_text(actor.run(), actor.state().session, text);
}

// --- what happens to runs
// -------------------------------------------------------------------------

void Supervisor::on_launched(RunId run, int attempt, scopes::Launched launched) {
    if (const std::shared_ptr<RunActor> actor = find(run))
        actor->on_launched(attempt, std::move(launched));
}

void Supervisor::on_launch_failed(RunId run, int attempt, Error error) {
    if (const std::shared_ptr<RunActor> actor = find(run))
        actor->on_launch_failed(attempt, std::move(error));
}

void Supervisor::on_adopted(RunId run, int attempt, scopes::Adopted adopted) {
    if (const std::shared_ptr<RunActor> actor = find(run))
        actor->on_adopted(attempt, std::move(adopted));
}

void Supervisor::on_prepared(RunId run, int /*attempt*/, CallId call, codec::ContentChange change) {
    if (const std::shared_ptr<RunActor> actor = find(run))
        actor->on_prepared(std::move(call), change);
}

void Supervisor::on_finished(RunId run, int /*attempt*/, scopes::Outcome outcome) {
    if (const std::shared_ptr<RunActor> actor = find(run))
        actor->on_finished(std::move(outcome));
}

void Supervisor::on_lost(
    RunId run, int attempt, scopes::Accounting accounting, std::string reason) {
    if (const std::shared_ptr<RunActor> actor = find(run))
        actor->on_scope_ended(attempt, true, accounting, std::move(reason));
}

void Supervisor::on_stopped(RunId run, int attempt, scopes::Accounting accounting) {
    if (const std::shared_ptr<RunActor> actor = find(run))
        actor->on_scope_ended(attempt, false, accounting, {});
}

} // namespace kheish::control
