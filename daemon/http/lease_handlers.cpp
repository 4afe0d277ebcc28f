// Subjects and leases: looked at, and ended before their time.

#include "http/handlers.hpp"
#include "http/handling.hpp"

#include <utility>

namespace kheish::http::handle {

using codec::Json;

namespace {

using End =
    void (control::Service::*)(const control::Caller&, control::NamedRequest, Responder<Json>);

void end_named(Call& call, Reply reply, End end) {
    const Result<Json> body = parse_body(call);
    Result<control::NamedRequest> request =
        body ? control::parse_named(call.name, *body) : fail(body.error());
    if (!request)
        return reply.fail(request.error());
    (call.service.*end)(call.caller, *std::move(request), view_of(call, std::move(reply)));
}

} // namespace

void get_subject(Call& call, Reply reply) {
    answer(call.status, std::move(reply), call.service.subject_view(call.caller, call.name));
}

void revoke_subject(Call& call, Reply reply) {
    end_named(call, std::move(reply), &control::Service::revoke_subject);
}

void restore_subject(Call& call, Reply reply) {
    end_named(call, std::move(reply), &control::Service::restore_subject);
}

void get_lease(Call& call, Reply reply) {
    answer(call.status, std::move(reply), call.service.lease_view(call.caller, call.name));
}

void revoke_lease(Call& call, Reply reply) {
    end_named(call, std::move(reply), &control::Service::revoke_lease);
}

void revoke_slot(Call& call, Reply reply) {
    end_named(call, std::move(reply), &control::Service::revoke_slot);
}

} // namespace kheish::http::handle
