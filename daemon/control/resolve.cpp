// Use cases that end what is there: cancel, interrupt, end.

#include "control/control_plane.hpp"
#include "control/idempotency.hpp"

#include <utility>

namespace kheish::control {

using codec::Json;

namespace {

/// Of a live run that nobody can be told anything now.
Error being_loaded(RunId run) {
    return {
        .code = Errc::service_unavailable,
        .message = run.to_string() + " is being loaded again, try later"};
}

} // namespace

void ControlPlane::cancel_run(
    const Caller& caller, RunId run, EndRequest request, Responder<Json> responder) {
    const Result<journal::RunRow> row = reader_.run_for(caller, run);
    if (!row) {
        responder.fail(row.error());
        return;
    }
    std::optional<journal::IdempotencyReceipt> receipt = receipt_of(
        request.idempotency_key,
        caller,
        "runs.cancel",
        Json::array({run.to_string(), request.reason}),
        run,
        outside_.clock.now().wall_us);
    if (was_done_before(receipt, run, responder))
        return;
    Responder<void> done(
        [this, run, responder = std::move(responder)](const Result<void>& cancelled) mutable {
            responder.answer(cancelled ? reader_.run(run) : fail(cancelled.error()));
        });
    if (const std::shared_ptr<RunActor> actor = supervisor_.find(run))
        actor->request_cancel(
            caller.authority(),
            {.interrupt = false, .reason = std::move(request.reason)},
            std::move(receipt),
            std::move(done));
    else if (row->finished_us)
        remember(receipt, std::move(done));
    else
        done.fail(being_loaded(run));
}

void ControlPlane::stop_runs(
    const Authority& authority,
    const SessionId& session,
    const std::string& reason,
    std::optional<journal::IdempotencyReceipt> receipt,
    Responder<void> done) {
    const Result<engine::SessionState> line = supervisor_.session(session);
    if (!line)
        return done.fail(line.error());
    // What waits goes first, or the end of the active run would start it.
    for (const RunId run : line->queued)
        if (const std::shared_ptr<RunActor> actor = supervisor_.find(run))
            actor->request_cancel(
                authority,
                {.interrupt = false, .reason = reason},
                std::nullopt,
                Responder<void>([](const Result<void>& /*done*/) {}));
    if (const std::shared_ptr<RunActor> active = supervisor_.find(line->active))
        active->request_cancel(
            authority, {.interrupt = true, .reason = reason}, std::move(receipt), std::move(done));
    else if (line->active)
        done.fail(being_loaded(line->active));
    else
        remember(receipt, std::move(done));
}

Result<Json> ControlPlane::interrupted_view(const SessionId& session, bool interrupted) const {
    KHEISH_TRY(const Json view, reader_.session(session));
    return Json::object(
        {{"interrupted", interrupted}, {"snapshot", view.find("snapshot").value_or(Json())}});
}

void ControlPlane::interrupt_session(
    const Caller& caller, SessionId session, EndRequest request, Responder<Json> responder) {
    const Result<journal::SessionRow> row = reader_.session_for(caller, session);
    if (!row) {
        responder.fail(row.error());
        return;
    }
    const Result<engine::SessionState> line = supervisor_.session(session);
    const RunId active = line ? line->active : RunId{};
    std::optional<journal::IdempotencyReceipt> receipt = receipt_of(
        request.idempotency_key,
        caller,
        "sessions.interrupt",
        Json::array({session.value, request.reason}),
        active,
        outside_.clock.now().wall_us);
    const Result<std::optional<journal::IdempotencyReceipt>> before =
        known_receipt(outside_.journal, receipt);
    if (!before)
        return responder.fail(before.error());
    if (*before)
        return responder.answer(interrupted_view(session, (*before)->run.has_value()));
    stop_runs(
        caller.authority(),
        session,
        request.reason.empty() ? "the session was interrupted" : request.reason,
        std::move(receipt),
        Responder<void>([this, session, active, responder = std::move(responder)](
                            const Result<void>& stopped) mutable {
            finish_interrupt(session, active, stopped, std::move(responder));
        }));
}

void ControlPlane::finish_interrupt(
    const SessionId& session,
    RunId active,
    const Result<void>& stopped,
    Responder<Json> responder) {
    if (!stopped)
        return responder.fail(stopped.error());
    if (!active)
        return responder.answer(interrupted_view(session, false));
    when_terminal(active, [this, session, responder = std::move(responder)]() mutable {
        responder.answer(interrupted_view(session, true));
    });
}

void ControlPlane::end_session(
    const Caller& caller, SessionId session, EndRequest request, Responder<Json> responder) {
    const Result<journal::SessionRow> known = reader_.session_for(caller, session);
    if (!known) {
        responder.fail(known.error());
        return;
    }
    std::optional<journal::IdempotencyReceipt> receipt = receipt_of(
        request.idempotency_key,
        caller,
        "sessions.end",
        Json::array({session.value, request.reason}),
        RunId{},
        outside_.clock.now().wall_us);
    const Result<std::optional<journal::IdempotencyReceipt>> before =
        known_receipt(outside_.journal, receipt);
    if (!before)
        return responder.fail(before.error());
    const Authority authority = caller.authority();
    Responder<void> done([this, session, authority, responder = std::move(responder)](
                             const Result<void>& ended) mutable {
        if (!ended)
            return responder.fail(ended.error());
        stop_runs(
            authority,
            session,
            "the session was ended",
            std::nullopt,
            Responder<void>([](const Result<void>& /*stopped*/) {}));
        responder.answer(reader_.session(session));
    });
    if (*before)
        return done.answer({});
    if (known->ended_us)
        return remember(receipt, std::move(done));
    supervisor_.commit_session(
        session,
        authority,
        engine::SessionEnded{.reason = std::move(request.reason)},
        *known,
        {},
        std::move(receipt),
        std::move(done));
}

} // namespace kheish::control
