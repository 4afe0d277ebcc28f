// Use cases that make sessions and runs.

#include "base/text.hpp"
#include "control/control_plane.hpp"
#include "control/conversions.hpp"
#include "control/idempotency.hpp"
#include "control/permission_rules.hpp"
#include "control/prompt.hpp"

#include <utility>

namespace kheish::control {

using codec::Json;

namespace {

/// What the key stands for: everything that changes what the run would do.
codec::Digest fingerprint(const SessionId& session, const SubmitInput& input) {
    return codec::sha256(codec::canonical_json(Json::object({
        {"version", 1},
        {"session", session.value},
        {"content", input.content},
        {"route", input.route},
        {"model", input.model},
        {"max_output_tokens", input.max_output_tokens.value_or(0)},
        {"mode", input.permission_mode ? govern::to_string(*input.permission_mode) : ""},
        {"metadata", input.metadata},
    })));
}

/// How much a mode lets through; a submission may only go down.
int width(govern::Mode mode) {
    switch (mode) {
    case govern::Mode::bypass_permissions:
        return 3;
    case govern::Mode::accept_edits:
        return 2;
    case govern::Mode::standard:
        return 1;
    case govern::Mode::plan:
    case govern::Mode::dont_ask:
        break;
    }
    return 0;
}

/// As journaled; nothing where it permits everything.
template <class Scope>
std::string scope_text(const std::optional<Scope>& scope) {
    if (!scope || govern::is_unconstrained(*scope))
        return {};
    return codec::canonical_json(govern::to_json(*scope));
}

/// What the session may not prove itself with it does not ask.
Status check_scope(const journal::SessionRow& session, const std::string& route) {
    if (session.credential_scope.empty())
        return {};
    KHEISH_TRY(
        const govern::CredentialScope scope,
        govern::parse_scope<govern::CredentialScope>(session.credential_scope));
    if (scope.routes.permits(route))
        return {};
    return fail(
        Errc::forbidden,
        "the credential scope of session " + session.session.value + " blocks route " + route);
}

bool is_at_most(govern::Mode wanted, govern::Mode configured) {
    return wanted == configured || width(wanted) < width(configured);
}

} // namespace

// --- sessions
// -------------------------------------------------------------------------------------

SessionId ControlPlane::new_session_id() {
    for (;;) {
        SessionId session{"session-" + std::to_string(outside_.journal.next_session_number())};
        if (!outside_.journal.session(session)) // somebody may have chosen that very name
            return session;
    }
}

Result<CreatedSession> ControlPlane::existing_session(
    const Caller& caller, const journal::SessionRow& known, const CreateSession& request) const {
    KHEISH_CHECK(Reader::check_owner(caller, known.owner));
    const std::string name = "session " + known.session.value;
    if (known.ended_us)
        return fail(Errc::session_ended, name + " has ended");
    if (!request.workspace.empty() && request.workspace != known.workspace)
        return fail(Errc::session_conflict, name + " works in " + known.workspace);
    if (!request.permission_rules.empty() &&
        known.permission_rules != codec::blob_ref(session_rules_text(request.permission_rules)))
        return fail(Errc::session_conflict, name + " has other permission rules");
    if (request.credential_scope && scope_text(request.credential_scope) != known.credential_scope)
        return fail(Errc::session_conflict, name + " has another credential scope");
    if (request.capability_scope && scope_text(request.capability_scope) != known.capability_scope)
        return fail(Errc::session_conflict, name + " has another capability scope");
    return CreatedSession{known.session, reader_.session(known.session).value_or(Json()), false};
}

void ControlPlane::create_session(
    const Caller& caller, CreateSession request, Responder<CreatedSession> responder) {
    if (const Status ready = readiness(); !ready) {
        responder.fail(ready.error());
        return;
    }
    Json wanted = Json::array(
        {request.session ? request.session->value : "", request.thread_id, request.workspace});
    if (!request.permission_rules.empty())
        wanted.append(rules_view(request.permission_rules));
    if (request.credential_scope)
        wanted.append(govern::to_json(*request.credential_scope));
    // Under its name: both scopes have lists of MCP servers.
    if (request.capability_scope)
        wanted.append(
            Json::object({{"capability_scope", govern::to_json(*request.capability_scope)}}));
    std::optional<journal::IdempotencyReceipt> receipt = receipt_of(
        request.idempotency_key,
        caller,
        "sessions.create",
        wanted,
        RunId{},
        outside_.clock.now().wall_us);
    const Result<std::optional<journal::IdempotencyReceipt>> before =
        known_receipt(outside_.journal, receipt);
    if (!before)
        return responder.fail(before.error());
    const SessionId session = *before           ? SessionId{(*before)->result}
                              : request.session ? *request.session
                                                : new_session_id();
    const Result<journal::SessionRow> known = outside_.journal.session(session);
    if (!known)
        return make_session(caller, session, request, std::move(receipt), std::move(responder));
    Result<CreatedSession> found = existing_session(caller, *known, request);
    if (!found || *before)
        return responder.answer(std::move(found));
    if (receipt)
        receipt->result = session.value;
    remember(
        receipt,
        Responder<void>([found = std::move(found),
                         responder = std::move(responder)](const Result<void>& done) mutable {
            responder.answer(done ? std::move(found) : fail(done.error()));
        }));
}

void ControlPlane::make_session(
    const Caller& caller,
    const SessionId& session,
    const CreateSession& request,
    std::optional<journal::IdempotencyReceipt> receipt,
    Responder<CreatedSession> responder) {
    engine::SessionCreated created;
    created.owner = caller.principal;
    created.run_as = run_as(caller);
    created.workspace = request.workspace.empty()
                            ? settings_.workspaces_directory + "/" + session.value
                            : request.workspace;
    created.thread_id = request.thread_id;
    created.credential_scope = scope_text(request.credential_scope);
    created.capability_scope = scope_text(request.capability_scope);
    std::vector<std::string> blobs;
    if (!request.permission_rules.empty()) {
        blobs.push_back(session_rules_text(request.permission_rules));
        created.permission_rules = codec::blob_ref(blobs.back());
    }
    if (receipt)
        receipt->result = session.value;
    supervisor_.commit_session(
        session,
        caller.authority(),
        std::move(created),
        std::nullopt,
        std::move(blobs),
        receipt,
        Responder<void>([this, session, receipt, responder = std::move(responder)](
                            const Result<void>& done) mutable {
            finish_create(session, receipt, done, responder);
        }));
}

void ControlPlane::finish_create(
    const SessionId& session,
    const std::optional<journal::IdempotencyReceipt>& receipt,
    const Result<void>& done,
    Responder<CreatedSession>& responder) const {
    if (done)
        return responder.answer(
            CreatedSession{session, reader_.session(session).value_or(Json()), true});
    if (done.error().code != Errc::idempotency_conflict)
        return responder.fail(done.error());
    // Where the same request was under way already, its answer is this one's too.
    const Result<std::optional<journal::IdempotencyReceipt>> other =
        known_receipt(outside_.journal, receipt);
    if (!other || !*other)
        return responder.fail(other ? done.error() : other.error());
    const SessionId made{(*other)->result};
    responder.answer(CreatedSession{made, reader_.session(made).value_or(Json()), false});
}

void ControlPlane::remember(
    const std::optional<journal::IdempotencyReceipt>& receipt, Responder<void> done) {
    if (!receipt)
        return done.answer({});
    journal::Write write;
    write.receipt = receipt;
    outside_.journal.submit(
        std::move(write),
        Responder<journal::Committed>([this, receipt, done = std::move(done)](
                                          const Result<journal::Committed>& written) mutable {
            // The same request may have been under way when this one came.
            const bool is_taken = !written && written.error().code == Errc::idempotency_conflict;
            const bool is_same =
                is_taken && known_receipt(outside_.journal, receipt).value_or(std::nullopt);
            if (written || is_same)
                done.answer({});
            else
                done.fail(written.error());
        }));
}

// --- runs
// -----------------------------------------------------------------------------------------

Result<std::string> ControlPlane::ready_route(const std::string& wanted) const {
    const std::string id = wanted.empty() ? outside_.routes.default_route() : wanted;
    if (id.empty())
        return fail(
            Errc::route_not_ready,
            "no model route is configured: add one to /etc/kheish/routes.toml (kheish.toml(5))");
    const std::optional<models::RouteView> route = outside_.routes.find(id);
    if (!route)
        return fail(Errc::route_not_ready, "there is no route \"" + escape_for_display(id) + "\"");
    if (route->state == models::RouteView::State::error)
        return fail(Errc::route_not_ready, "route \"" + id + "\": " + route->message);
    return id;
}

Result<engine::RunAccepted>
ControlPlane::accepted_of(const journal::SessionRow& session, const SubmitInput& input) const {
    if (input.content.size() > settings_.input_limit_bytes)
        return fail(
            Errc::payload_too_large,
            "the content has " + std::to_string(input.content.size()) + " bytes; " +
                std::to_string(settings_.input_limit_bytes) +
                " are allowed (runs.input_limit_bytes, kheish.toml(5))");
    engine::RunAccepted accepted;
    KHEISH_TRY(accepted.route, ready_route(input.route));
    KHEISH_CHECK(check_scope(session, accepted.route));
    const std::optional<models::RouteView> route = outside_.routes.find(accepted.route);
    accepted.model = input.model.empty() && route ? route->default_model : input.model;
    accepted.input = codec::blob_ref(input.content);
    accepted.text_preview = preview_of(input.content);
    accepted.source_plugin = input.source_plugin;
    accepted.source_kind = input.source_kind;
    accepted.actor_id = input.actor_id;
    accepted.metadata = input.metadata;
    accepted.max_turns = settings_.max_turns;
    accepted.max_output_tokens = input.max_output_tokens.value_or(settings_.max_output_tokens);
    accepted.context_limit_bytes = settings_.context_limit_bytes;
    accepted.run_as = session.run_as;
    accepted.workspace = session.workspace;
    accepted.permission_rules = session.permission_rules;
    accepted.credential_scope = session.credential_scope;
    accepted.capability_scope = session.capability_scope;
    accepted.reads_project = true;
    const govern::Mode mode = input.permission_mode.value_or(settings_.permission_mode);
    if (!is_at_most(mode, settings_.permission_mode))
        return fail(
            Errc::forbidden,
            "permission_mode " + std::string(govern::to_string(mode)) +
                " is wider than the configured " +
                std::string(govern::to_string(settings_.permission_mode)));
    accepted.mode = to_engine(mode);
    return accepted;
}

Result<std::optional<RunId>>
ControlPlane::find_receipt(const std::optional<journal::IdempotencyReceipt>& receipt) const {
    KHEISH_TRY(
        const std::optional<journal::IdempotencyReceipt> known,
        known_receipt(outside_.journal, receipt));
    return known ? known->run : std::optional<RunId>();
}

Status ControlPlane::check_line(const SessionId& session) const {
    const Result<engine::SessionState> line = supervisor_.session(session);
    if (line && line->ended)
        return fail(Errc::session_ended, "session " + session.value + " has ended");
    if (line && line->queued.size() >= settings_.queued_runs_per_session)
        return fail(
            Errc::run_queue_full,
            "session " + session.value + " has " + std::to_string(line->queued.size()) +
                " runs in line already");
    return {};
}

void ControlPlane::finish_submit(
    RunId run, bool created, Responder<SubmittedRun>& responder) const {
    Result<Json> view = reader_.run(run);
    if (!view)
        responder.fail(view.error());
    else
        responder.answer(SubmittedRun{run, std::move(*view), created});
}

void ControlPlane::finish_accept(
    const Result<RunId>& run,
    const std::optional<journal::IdempotencyReceipt>& receipt,
    Responder<SubmittedRun>& responder) const {
    if (run) {
        finish_submit(*run, true, responder);
        return;
    }
    // Where the same request was under way already, its answer is this one's too.
    const bool is_taken = run.error().code == Errc::idempotency_conflict;
    const Result<std::optional<RunId>> other =
        is_taken ? find_receipt(receipt) : Result<std::optional<RunId>>(std::nullopt);
    if (other && *other)
        finish_submit(**other, false, responder);
    else
        responder.fail(other ? run.error() : other.error());
}

void ControlPlane::submit(
    const Caller& caller, SessionId session, SubmitInput input, Responder<SubmittedRun> responder) {
    const Status ready = readiness();
    const Result<journal::SessionRow> row = ready
                                                ? reader_.session_for(caller, session)
                                                : Result<journal::SessionRow>(fail(ready.error()));
    if (!row) {
        responder.fail(row.error());
        return;
    }
    std::optional<journal::IdempotencyReceipt> receipt;
    if (input.idempotency_key) {
        receipt.emplace();
        receipt->scope = caller.principal.to_string() + " sessions.submit";
        receipt->key_digest = codec::sha256(*input.idempotency_key);
        receipt->fingerprint = fingerprint(session, input);
        receipt->created_us = outside_.clock.now().wall_us;
    }
    const Result<std::optional<RunId>> known = find_receipt(receipt);
    if (known && *known) {
        finish_submit(**known, false, responder);
        return;
    }
    const Status in_line = known ? check_line(session) : Status(fail(known.error()));
    Result<engine::RunAccepted> accepted =
        in_line ? accepted_of(*row, input) : Result<engine::RunAccepted>(fail(in_line.error()));
    if (!accepted) {
        responder.fail(accepted.error());
        return;
    }
    supervisor_.accept(
        session,
        caller.authority(),
        std::move(*accepted),
        std::move(input.content),
        receipt,
        Responder<RunId>(
            [this, receipt, responder = std::move(responder)](const Result<RunId>& run) mutable {
                finish_accept(run, receipt, responder);
            }));
}

void ControlPlane::submit_to_idle(
    const Caller& caller, SessionId session, SubmitInput input, Responder<SubmittedRun> responder) {
    const Result<engine::SessionState> line = supervisor_.session(session);
    if (line && (line->active || !line->queued.empty())) {
        const Status owned = [&caller, &session, this]() -> Status {
            KHEISH_CHECK(reader_.session_for(caller, session));
            return {};
        }();
        if (!owned)
            responder.fail(owned.error());
        else
            responder.fail(
                Errc::session_busy,
                "session " + session.value +
                    " has work already; queue the input with POST /v1/sessions/" + session.value +
                    "/runs");
        return;
    }
    submit(caller, std::move(session), std::move(input), std::move(responder));
}

} // namespace kheish::control
