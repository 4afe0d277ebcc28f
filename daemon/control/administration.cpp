// Use cases about who may do what.

#include "base/log.hpp"
#include "control/control_plane.hpp"
#include "control/conversions.hpp"
#include "control/run_rules.hpp"

#include <utility>

namespace kheish::control {

using codec::Json;

void ControlPlane::note_authentication_failure(AuthenticationFailure failure) {
    log(Level::warning,
        failure.limited ? "too many requests were refused for who makes them"
                        : "a request was refused for who makes it",
        {{log_field::kCaller, failure.peer},
         {log_field::kError, failure.reason},
         {log_field::kOperation, failure.method + " " + failure.path}});
    engine::Event event;
    event.at_us = outside_.clock.now().wall_us;
    event.authority = Authority::of(Principal::daemon());
    event.body = engine::AuthenticationFailed{
        .reason = std::move(failure.reason),
        .peer = std::move(failure.peer),
        .method = std::move(failure.method),
        .path = std::move(failure.path),
        .limited = failure.limited};
    journal::Write write;
    write.events.push_back(to_new_event(event));
    outside_.journal.submit(
        std::move(write),
        Responder<journal::Committed>(
            [this, alive = std::weak_ptr<void>(alive_), event = std::move(event)](
                const Result<journal::Committed>& done) mutable {
                if (!done || alive.expired()) // the log has it; the request is refused all the same
                    return;
                event.seq = done->first;
                on_committed({event});
            }));
}

void ControlPlane::note_start(std::string configuration) {
    engine::Event event;
    event.at_us = outside_.clock.now().wall_us;
    event.authority = Authority::of(Principal::daemon());
    event.body = engine::DaemonStarted{
        .version = settings_.version,
        .boot_id = outside_.clock.boot_id(),
        .configuration = codec::blob_ref(configuration)};
    journal::Write write;
    write.events.push_back(to_new_event(event));
    write.blobs.push_back(std::move(configuration));
    outside_.journal.submit(
        std::move(write), Responder<journal::Committed>([](const Result<journal::Committed>& done) {
            if (!done)
                log(Level::error,
                    "the start could not be put on record",
                    {{log_field::kError, done.error().to_string()}});
        }));
}

/// The rules that would hold for a run of the session, if one is named, and of the project.
Result<std::vector<govern::Rule>> ControlPlane::rules_for(
    const Caller& caller,
    const std::optional<SessionId>& session,
    const std::optional<std::string>& project) const {
    OwnRules own{.session = {}, .project = project};
    if (session) {
        KHEISH_TRY(const journal::SessionRow row, reader_.session_for(caller, *session));
        if (row.permission_rules) {
            KHEISH_TRY(own.session, outside_.journal.blob(row.permission_rules->digest));
        }
    }
    Result<std::vector<govern::Rule>> rules = rules_in_force(settings_, own);
    // The project's text is the caller's; whatever else could be wrong was checked when it came.
    if (!rules && rules.error().code == Errc::invalid_configuration)
        return fail(Errc::bad_request, "project_permissions: " + rules.error().message);
    return rules;
}

Result<ToolSurface>
ControlPlane::tools_for(const Caller& caller, const std::optional<SessionId>& session) const {
    if (!session)
        return ToolSurface::of(outside_.tools, {});
    KHEISH_TRY(const journal::SessionRow row, reader_.session_for(caller, *session));
    return ToolSurface::of(outside_.tools, row.capability_scope);
}

Result<Json>
ControlPlane::permission_view(const Caller& caller, const CheckPermission& request) const {
    KHEISH_TRY(
        const std::vector<govern::Rule> rules, rules_for(caller, request.session, request.project));
    std::vector<const govern::Grant*> grants;
    std::string workspace;
    if (request.session) {
        KHEISH_TRY(const journal::SessionRow row, outside_.journal.session(*request.session));
        workspace = row.workspace;
        grants = grants_.of({.run = {}, .session = *request.session, .workspace = workspace});
    }
    KHEISH_TRY(ToolSurface tools, tools_for(caller, request.session));
    return permission_check_view(
        settings_,
        {.rules = rules,
         .grants = grants,
         .workspace = std::move(workspace),
         .tools = std::move(tools)},
        request);
}

Result<Json>
ControlPlane::permissions_view(const Caller& caller, const DescribeMatrix& request) const {
    KHEISH_TRY(
        const std::vector<govern::Rule> rules, rules_for(caller, request.session, request.project));
    KHEISH_TRY(const ToolSurface tools, tools_for(caller, request.session));
    return permission_matrix_view(rules, tools, request);
}

// --- grants
// ---------------------------------------------------------------------------------------

Result<Principal> ControlPlane::grant_owner(const std::string& grant) const {
    return grants_.owner(grant);
}

Result<Json> ControlPlane::grants_view(const Caller& caller, const ListGrants& request) const {
    if (request.session)
        KHEISH_CHECK(reader_.session_for(caller, *request.session));
    return grants_.view(caller, request);
}

void ControlPlane::revoke_grant(
    const Caller& caller, RevokeGrant request, Responder<Json> responder) {
    grants_.revoke(caller, request, std::move(responder));
}

// --- tokens
// ---------------------------------------------------------------------------------------

Result<Json> ControlPlane::tokens_view(const Caller& caller) const {
    KHEISH_CHECK(check_administers(caller));
    return tokens_.view();
}

void ControlPlane::create_token(
    const Caller& caller, CreateToken request, Responder<Json> responder) {
    Status status = check_administers(caller);
    if (status)
        status = readiness();
    if (!status)
        return responder.fail(status.error());
    tokens_.create(caller, request, std::move(responder));
}

void ControlPlane::rotate_token(
    const Caller& caller, RotateToken request, Responder<Json> responder) {
    if (const Status status = check_administers(caller); !status)
        return responder.fail(status.error());
    tokens_.rotate(caller, request, std::move(responder));
}

void ControlPlane::revoke_token(
    const Caller& caller, RevokeToken request, Responder<Json> responder) {
    if (const Status status = check_administers(caller); !status)
        return responder.fail(status.error());
    tokens_.revoke(caller, request, std::move(responder));
}

// --- secrets
// --------------------------------------------------------------------------------------

Result<Json> ControlPlane::secrets_view(const Caller& caller) const {
    KHEISH_CHECK(check_administers(caller));
    return outside_.secrets.view();
}

Result<Json> ControlPlane::secret_view(const Caller& caller, const std::string& name) const {
    KHEISH_CHECK(check_administers(caller));
    return outside_.secrets.view_of(name);
}

void ControlPlane::set_secret(const Caller& caller, SetSecret request, Responder<Json> responder) {
    Status status = check_administers(caller);
    if (status)
        status = readiness();
    if (!status)
        return responder.fail(status.error());
    outside_.secrets.set(caller, std::move(request), std::move(responder));
}

void ControlPlane::import_secret(
    const Caller& caller, ImportSecret request, Responder<Json> responder) {
    Status status = check_administers(caller);
    if (status)
        status = readiness();
    if (!status)
        return responder.fail(status.error());
    outside_.secrets.import(caller, request, std::move(responder));
}

void ControlPlane::revoke_secret(
    const Caller& caller, NameSecret request, Responder<Json> responder) {
    if (const Status status = check_administers(caller); !status)
        return responder.fail(status.error());
    outside_.secrets.revoke(caller, request, std::move(responder));
}

void ControlPlane::delete_secret(
    const Caller& caller, NameSecret request, Responder<Json> responder) {
    if (const Status status = check_administers(caller); !status)
        return responder.fail(status.error());
    outside_.secrets.remove(caller, request, std::move(responder));
}

void ControlPlane::rotate_master_key(const Caller& caller, Responder<Json> responder) {
    if (const Status status = check_administers(caller); !status)
        return responder.fail(status.error());
    outside_.secrets.rotate_master_key(caller, std::move(responder));
}

} // namespace kheish::control
