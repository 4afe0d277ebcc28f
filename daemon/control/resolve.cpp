// Use cases that end or release what is there: cancel, interrupt, end, approvals.

#include "control/control_plane.hpp"

#include <utility>

namespace kheish::control {

using codec::Json;

namespace {

Json interrupted_view(bool interrupted, Json snapshot) {
    return Json::object({{"interrupted", interrupted}, {"snapshot", std::move(snapshot)}});
}

/// Everything of a decision: with anything else it is another decision.
Json fingerprint(const Resolution& resolution) {
    return Json::array(
        {resolution.approval.value,
         to_string(resolution.behavior),
         resolution.reason,
         resolution.digest ? resolution.digest->to_hex() : "",
         resolution.updated_input ? Json(*resolution.updated_input) : Json(),
         resolution.result ? Json(*resolution.result) : Json()});
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
    journal::SessionRow row = *known;
    row.ended_us = outside_.clock.now().wall_us;
    row.end_reason = reason;
    const Authority authority = caller.authority();
    supervisor_.commit_session(
        session,
        authority,
        engine::SessionEnded{.reason = std::move(reason)},
        std::move(row),
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

// --- approvals
// ------------------------------------------------------------------------------------

Status
ControlPlane::check_gates(const RunActor& actor, const std::vector<Resolution>& resolutions) const {
    if (engine::is_terminal(actor.state().status))
        return fail(Errc::approval_state_conflict, actor.run().to_string() + " has ended");
    for (const Resolution& resolution : resolutions) {
        const Result<journal::ApprovalRow> row = outside_.journal.approval(resolution.approval);
        if (!row || row->run != actor.run())
            return fail(
                Errc::approval_request_not_pending,
                actor.run().to_string() + " has no approval " + resolution.approval.value);
        if (row->state != journal::ApprovalState::pending)
            return fail(
                Errc::approval_request_not_pending,
                resolution.approval.value + " has been decided already");
        if (resolution.digest && *resolution.digest != row->digest)
            return fail(
                Errc::approval_digest_mismatch,
                resolution.approval.value + " is not for the action with this digest");
    }
    return {};
}

void ControlPlane::resolve_approvals(
    const Caller& caller, RunId run, ResolveApprovals request, Responder<Json> responder) {
    const Result<journal::RunRow> row = reader_.run_for(caller, run);
    if (!row) {
        responder.fail(row.error());
        return;
    }
    std::optional<journal::IdempotencyReceipt> receipt;
    if (request.idempotency_key) {
        Json print = Json::array();
        for (const Resolution& resolution : request.resolutions)
            print.append(fingerprint(resolution));
        receipt.emplace();
        receipt->scope = caller.principal.to_string() + " approvals.resolve";
        receipt->key_digest = codec::sha256(*request.idempotency_key);
        receipt->fingerprint = codec::sha256(codec::canonical_json(print));
        receipt->run = run;
        receipt->created_us = outside_.clock.now().wall_us;
        const Result<std::optional<RunId>> known = find_receipt(receipt);
        if (!known)
            responder.fail(known.error());
        else if (*known)
            responder.answer(reader_.run(run));
        if (!known || *known)
            return;
    }
    const std::shared_ptr<RunActor> actor = supervisor_.find(run);
    if (actor == nullptr) {
        responder.fail(
            Errc::approval_state_conflict, run.to_string() + " does not wait for an approval");
        return;
    }
    actor->post([this,
                 actor,
                 authority = caller.authority(),
                 request = std::move(request),
                 receipt = std::move(receipt),
                 responder = std::move(responder)]() mutable {
        release_gates(
            *actor, std::move(authority), request, std::move(receipt), std::move(responder));
    });
}

void ControlPlane::release_gates(
    RunActor& actor,
    Authority authority,
    const ResolveApprovals& request,
    std::optional<journal::IdempotencyReceipt> receipt,
    Responder<Json> responder) {
    // Looked at only now: what was pending when the request came may be decided by now.
    Status staged = check_gates(actor, request.resolutions);
    Batch batch = actor.batch_of(std::move(authority));
    if (staged)
        staged = actor.stage_resolutions(batch, request.resolutions);
    if (!staged) {
        responder.fail(staged.error());
        return;
    }
    batch.receipt = std::move(receipt);
    batch.responder = Responder<void>(
        [this, run = actor.run(), responder = std::move(responder)](Result<void> done) mutable {
            if (done)
                responder.answer(reader_.run(run));
            else
                responder.fail(done.error());
        });
    actor.commit(std::move(batch));
}

void ControlPlane::resolve_session_approvals(
    const Caller& caller, SessionId session, ResolveApprovals request, Responder<Json> responder) {
    const Result<journal::SessionRow> row = reader_.session_for(caller, session);
    const Result<engine::SessionState> line = supervisor_.session(session);
    if (!row)
        responder.fail(row.error());
    else if (!line || !line->active)
        responder.fail(
            Errc::approval_state_conflict, "session " + session.value + " has no active run");
    else
        resolve_approvals(caller, line->active, std::move(request), std::move(responder));
}

void ControlPlane::resolve_approval(
    const Caller& caller, ResolveApprovals request, Responder<Json> responder) {
    if (request.resolutions.empty()) {
        responder.fail(Errc::approval_batch_empty, "no approval is named");
        return;
    }
    const Result<journal::ApprovalRow> row =
        reader_.approval_for(caller, request.resolutions.front().approval);
    if (!row)
        responder.fail(row.error());
    else
        resolve_approvals(caller, row->run, std::move(request), std::move(responder));
}

} // namespace kheish::control
