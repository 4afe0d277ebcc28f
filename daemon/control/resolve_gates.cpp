// Use cases by which people release what waits for them: approvals, outcomes, questions.

#include "control/control_plane.hpp"
#include "control/idempotency.hpp"

#include <utility>

namespace kheish::control {

using codec::Json;

namespace {

/// Everything of a decision: with anything else it is another decision.
Json fingerprint(const Resolution& resolution) {
    Json all = Json::array(
        {resolution.approval.value,
         to_string(resolution.behavior),
         resolution.reason,
         resolution.digest ? resolution.digest->to_hex() : "",
         resolution.updated_input ? Json(*resolution.updated_input) : Json(),
         resolution.result ? Json(*resolution.result) : Json()});
    if (const std::optional<Remember>& remember = resolution.remember)
        all.append(Json::array(
            {govern::to_string(remember->kind),
             remember->pattern,
             govern::to_string(remember->lifetime),
             remember->days}));
    return all;
}

/// What somebody is told of a run who decides about its gate, and to whom it does not belong.
Responder<Json> narrowed(Responder<Json> responder) {
    return Responder<Json>([responder = std::move(responder)](const Result<Json>& view) mutable {
        if (!view)
            return responder.fail(view.error());
        Json part = Json::object();
        for (const std::string_view key : {"run_id", "session_id", "status"})
            part.set(key, view->find(key).value_or(Json()));
        responder.answer(std::move(part));
    });
}

engine::RunCancelRequested cancellation_of(const CancelQuestion& request) {
    std::string reason = request.question.value + " was cancelled";
    if (!request.justification.empty())
        reason += ": " + request.justification;
    return {.interrupt = false, .reason = std::move(reason)};
}

} // namespace

bool ControlPlane::was_done_before(
    const std::optional<journal::IdempotencyReceipt>& receipt,
    RunId run,
    Responder<Json>& responder) const {
    const Result<std::optional<RunId>> known = find_receipt(receipt);
    if (!known)
        responder.fail(known.error());
    else if (*known)
        responder.answer(reader_.run(run));
    return !known || *known;
}

void ControlPlane::commit_for(RunActor& actor, Batch batch, Responder<Json> responder) {
    batch.responder = Responder<void>(
        [this, run = actor.run(), responder = std::move(responder)](Result<void> done) mutable {
            if (done)
                responder.answer(reader_.run(run));
            else
                responder.fail(done.error());
        });
    actor.commit(std::move(batch));
}

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

/// The owner of the run may, who acts for others, and to whom all of the gates were escalated.
Status ControlPlane::check_decides(
    const Caller& caller, RunId run, const std::vector<Resolution>& resolutions) const {
    const Result<journal::RunRow> row = reader_.run_for(caller, run);
    if (row)
        return {};
    for (const Resolution& resolution : resolutions) {
        const Result<journal::ApprovalRow> gate = outside_.journal.approval(resolution.approval);
        if (!gate || gate->run != run || !is_escalated_to(*gate, caller.principal))
            return fail(row.error());
        if (resolution.remember)
            return fail(
                Errc::forbidden,
                resolution.approval.value +
                    " was escalated to you: it is yours to decide, and what is allowed beyond it "
                    "is its owner's");
    }
    return {};
}

void ControlPlane::resolve_approvals(
    const Caller& caller, RunId run, ResolveApprovals request, Responder<Json> responder) {
    if (const Status may = check_decides(caller, run, request.resolutions); !may) {
        responder.fail(may.error());
        return;
    }
    if (!reader_.run_for(caller, run))
        responder = narrowed(std::move(responder));
    Json print = Json::array();
    for (const Resolution& resolution : request.resolutions)
        print.append(fingerprint(resolution));
    std::optional<journal::IdempotencyReceipt> receipt = receipt_of(
        request.idempotency_key,
        caller,
        "approvals.resolve",
        print,
        run,
        outside_.clock.now().wall_us);
    if (was_done_before(receipt, run, responder))
        return;
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
    commit_for(actor, std::move(batch), std::move(responder));
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

// --- questions
// ------------------------------------------------------------------------------------

Result<journal::ApprovalRow>
ControlPlane::question_of(const Caller& caller, RunId run, const QuestionId& question) const {
    KHEISH_CHECK(reader_.run_for(caller, run));
    Result<journal::ApprovalRow> row = outside_.journal.approval(ApprovalId{question.value});
    if (!row || row->kind != journal::GateKind::question || row->run != run)
        return fail(
            Errc::question_request_mismatch,
            run.to_string() + " has not asked \"" + question.value + "\"");
    return row;
}

Status ControlPlane::check_question(const RunActor* actor, const journal::ApprovalRow& row) const {
    if (row.state == journal::ApprovalState::voided && row.expires_us && row.resolved_us &&
        *row.resolved_us >= *row.expires_us)
        return fail(Errc::question_expired, row.approval.value + " was not answered in time");
    if (row.state == journal::ApprovalState::voided)
        return fail(Errc::question_state_conflict, row.run.to_string() + " has ended");
    if (row.state != journal::ApprovalState::pending)
        return fail(
            Errc::question_resolution_conflict, row.approval.value + " has been answered already");
    if (actor == nullptr || actor->state().find_question(QuestionId{row.approval.value}) == nullptr)
        return fail(
            Errc::question_state_conflict, row.run.to_string() + " does not wait for an answer");
    return {};
}

void ControlPlane::settle_question(
    const Caller& caller,
    RunId run,
    const QuestionId& question,
    std::optional<journal::IdempotencyReceipt> receipt,
    UniqueFunction<Status(RunActor&, Batch&)> stage,
    Responder<Json> responder) {
    const Result<journal::ApprovalRow> row = question_of(caller, run, question);
    if (!row) {
        responder.fail(row.error());
        return;
    }
    if (was_done_before(receipt, run, responder))
        return;
    const std::shared_ptr<RunActor> actor = supervisor_.find(run);
    if (const Status pending = check_question(actor.get(), *row); !pending) {
        responder.fail(pending.error());
        return;
    }
    actor->post([this,
                 actor,
                 id = row->approval,
                 batch = actor->batch_of(caller.authority()),
                 receipt = std::move(receipt),
                 stage = std::move(stage),
                 responder = std::move(responder)]() mutable {
        // Looked at only now: what was pending when the request came may be answered by now.
        const Result<journal::ApprovalRow> now = outside_.journal.approval(id);
        Status staged = now ? check_question(actor.get(), *now) : Status(fail(now.error()));
        if (staged)
            staged = stage(*actor, batch);
        batch.receipt = std::move(receipt);
        if (staged)
            commit_for(*actor, std::move(batch), std::move(responder));
        else
            responder.fail(staged.error());
    });
}

void ControlPlane::resolve_question(
    const Caller& caller, RunId run, ResolveQuestion request, Responder<Json> responder) {
    std::optional<journal::IdempotencyReceipt> receipt = receipt_of(
        request.idempotency_key,
        caller,
        "questions.resolve",
        fingerprint(request),
        run,
        outside_.clock.now().wall_us);
    const QuestionId question = request.question;
    settle_question(
        caller,
        run,
        question,
        std::move(receipt),
        [request = std::move(request)](RunActor& actor, Batch& batch) {
            return actor.stage_answer(batch, request);
        },
        std::move(responder));
}

void ControlPlane::cancel_question(
    const Caller& caller, RunId run, CancelQuestion request, Responder<Json> responder) {
    std::optional<journal::IdempotencyReceipt> receipt = receipt_of(
        request.idempotency_key,
        caller,
        "questions.cancel",
        Json::array({request.question.value, request.justification}),
        run,
        outside_.clock.now().wall_us);
    settle_question(
        caller,
        run,
        request.question,
        std::move(receipt),
        [cancellation = cancellation_of(request)](RunActor& actor, Batch& batch) {
            return actor.stage(batch, cancellation);
        },
        std::move(responder));
}

void ControlPlane::resolve_session_question(
    const Caller& caller, SessionId session, ResolveQuestion request, Responder<Json> responder) {
    const Result<journal::SessionRow> row = reader_.session_for(caller, session);
    const Result<engine::SessionState> line = supervisor_.session(session);
    if (!row)
        responder.fail(row.error());
    else if (!line || !line->active)
        responder.fail(
            Errc::question_state_conflict, "session " + session.value + " has no active run");
    else
        resolve_question(caller, line->active, std::move(request), std::move(responder));
}

} // namespace kheish::control
