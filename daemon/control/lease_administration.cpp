// Use cases about subjects and leases, for administrators.

#include "control/control_plane.hpp"

#include <utility>

namespace kheish::control {

using codec::Json;

Result<Json> ControlPlane::subject_view(const Caller& caller, const std::string& subject) const {
    KHEISH_CHECK(check_administers(caller));
    return leases_.subject_view(subject);
}

Result<Json> ControlPlane::lease_view(const Caller& caller, const std::string& lease) const {
    KHEISH_CHECK(check_administers(caller));
    return leases_.lease_view(lease);
}

void ControlPlane::revoke_subject(
    const Caller& caller, NamedRequest request, Responder<Json> responder) {
    if (const Status status = check_administers(caller); !status)
        return responder.fail(status.error());
    leases_.revoke_subject(caller, request, std::move(responder));
}

void ControlPlane::restore_subject(
    const Caller& caller, NamedRequest request, Responder<Json> responder) {
    if (const Status status = check_administers(caller); !status)
        return responder.fail(status.error());
    leases_.restore_subject(caller, request, std::move(responder));
}

void ControlPlane::revoke_lease(
    const Caller& caller, NamedRequest request, Responder<Json> responder) {
    if (const Status status = check_administers(caller); !status)
        return responder.fail(status.error());
    leases_.revoke_lease(caller, request, std::move(responder));
}

void ControlPlane::revoke_slot(
    const Caller& caller, NamedRequest request, Responder<Json> responder) {
    if (const Status status = check_administers(caller); !status)
        return responder.fail(status.error());
    leases_.revoke_slot(caller, request, std::move(responder));
}

} // namespace kheish::control
