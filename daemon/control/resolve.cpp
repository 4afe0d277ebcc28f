// Use cases that end what is there: cancel, interrupt, end.

#include "control/control_plane.hpp"

#include <utility>

namespace kheish::control {

using codec::Json;

namespace {

Json interrupted_view(bool interrupted, Json snapshot) {
    return Json::object({{"interrupted", interrupted}, {"snapshot", std::move(snapshot)}});
}

} // namespace

void ControlPlane::cancel_run(
    const Caller& caller, RunId run, std::string reason, Responder<Json> responder) {
    const Result<journal::RunRow> row = reader_.run_for(caller, run);
    if (!row) {
        responder.fail(row.error());
        return;
    }
    const std::shared_ptr<RunActor> actor = supervisor_.find(run);
    if (actor == nullptr) {
        if (row->finished_us)
            responder.answer(reader_.run_of(*row));
        else
            responder.fail(
                Errc::service_unavailable, run.to_string() + " is being loaded again, try later");
        return;
    }
    actor->request_cancel(
        caller.authority(),
        false,
        std::move(reason),
        Responder<void>([this, run, responder = std::move(responder)](Result<void> done) mutable {
            if (done)
                responder.answer(reader_.run(run));
            else
                responder.fail(done.error());
        }));
}

bool ControlPlane::stop_runs(
    const Authority& authority, const SessionId& session, const std::string& reason) {
    const Result<engine::SessionState> line = supervisor_.session(session);
    if (!line)
        return false;
    // What waits goes first, or the end of the active run would start it.
    for (const RunId run : line->queued)
        if (const std::shared_ptr<RunActor> actor = supervisor_.find(run))
            actor->request_cancel(
                authority, false, reason, Responder<void>([](const Result<void>& /*done*/) {}));
    const std::shared_ptr<RunActor> active = supervisor_.find(line->active);
    if (active == nullptr)
        return false;
    active->request_cancel(
        authority, true, reason, Responder<void>([](const Result<void>& /*done*/) {}));
    return true;
}

void ControlPlane::interrupt_session(
    const Caller& caller, SessionId session, std::string reason, Responder<Json> responder) {
    const Result<journal::SessionRow> row = reader_.session_for(caller, session);
    if (!row) {
        responder.fail(row.error());
        return;
    }
    const Result<engine::SessionState> line = supervisor_.session(session);
    const RunId active = line ? line->active : RunId{};
    const auto answer = [this, session](Responder<Json>& to, bool interrupted) {
        const Result<Json> view = reader_.session(session);
        if (!view)
            to.fail(view.error());
        else
            to.answer(interrupted_view(interrupted, view->find("snapshot").value_or(Json())));
    };
    if (reason.empty())
        reason = "the session was interrupted";
    if (!stop_runs(caller.authority(), session, reason)) {
        answer(responder, false);
        return;
    }
    when_terminal(
        active, [answer, responder = std::move(responder)]() mutable { answer(responder, true); });
}

void ControlPlane::end_session(
    const Caller& caller, SessionId session, std::string reason, Responder<Json> responder) {
    const Result<journal::SessionRow> known = reader_.session_for(caller, session);
    if (!known) {
        responder.fail(known.error());
        return;
    }
    if (known->ended_us) {
        responder.answer(reader_.session(session));
        return;
    }
    const Authority authority = caller.authority();
    supervisor_.commit_session(
        session,
        authority,
        engine::SessionEnded{.reason = std::move(reason)},
        *known,
        Responder<void>([this, session, authority, responder = std::move(responder)](
                            Result<void> done) mutable {
            if (!done) {
                responder.fail(done.error());
                return;
            }
            (void)stop_runs(authority, session, "the session was ended");
            responder.answer(reader_.session(session));
        }));
}

} // namespace kheish::control
