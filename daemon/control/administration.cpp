// Use cases about who may do what.

#include "base/log.hpp"
#include "control/control_plane.hpp"
#include "control/conversions.hpp"

#include <utility>

namespace kheish::control {

using codec::Json;

namespace {

/// The edge has asked polkit, or knows the role; whatever it has done, nothing goes on without.
Status check_administers(const Caller& caller) {
    if (caller.acts_for_others)
        return {};
    return fail(Errc::forbidden, "this is for administrators");
}

} // namespace

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

Result<Json>
ControlPlane::permission_view(const Caller& caller, const CheckPermission& request) const {
    if (request.session)
        KHEISH_CHECK(reader_.session_for(caller, *request.session));
    return permission_check_view(settings_, request);
}

Result<Json>
ControlPlane::permissions_view(const Caller& caller, const DescribeMatrix& request) const {
    if (request.session)
        KHEISH_CHECK(reader_.session_for(caller, *request.session));
    return permission_matrix_view(settings_, request);
}

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

} // namespace kheish::control
