#include "fake_service.hpp"

namespace kheish::control {

using codec::Json;

namespace {

/// What has been asked for, as the edge understood it.
void answer(const Caller& caller, Json view, Responder<Json> responder) {
    if (!caller.acts_for_others)
        return responder.fail(Errc::forbidden, "not you");
    view.set("by", caller.principal.to_string());
    responder.answer(std::move(view));
}

} // namespace

Result<Json> FakeService::tokens_view(const Caller& caller) const {
    if (!caller.acts_for_others)
        return fail(Errc::forbidden, "not you");
    return Json::array({Json::object({{"name", "ci"}, {"role", "reader"}, {"state", "active"}})});
}

void FakeService::create_token(
    const Caller& caller, CreateToken request, Responder<Json> responder) {
    Json view = Json::object({
        {"name", request.name},
        {"role", to_string(request.role)},
        {"token", "kheish_secret"},
    });
    if (request.expires_after)
        view.set("expires_after_ms", static_cast<std::int64_t>(request.expires_after->count()));
    answer(caller, std::move(view), std::move(responder));
}

void FakeService::rotate_token(
    const Caller& caller, RotateToken request, Responder<Json> responder) {
    answer(
        caller,
        Json::object({{"name", request.name}, {"token", "kheish_other"}}),
        std::move(responder));
}

void FakeService::revoke_token(
    const Caller& caller, RevokeToken request, Responder<Json> responder) {
    answer(
        caller,
        Json::object({{"name", request.name}, {"state", "revoked"}, {"reason", request.reason}}),
        std::move(responder));
}

} // namespace kheish::control
