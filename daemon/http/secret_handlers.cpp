// Secrets: told about, given and deleted, never given out.

#include "http/handlers.hpp"
#include "http/handling.hpp"

#include <utility>

namespace kheish::http::handle {

using codec::Json;

void list_secrets(Call& call, Reply reply) {
    answer(call.status, std::move(reply), call.service.secrets_view(call.caller));
}

void get_secret(Call& call, Reply reply) {
    answer(call.status, std::move(reply), call.service.secret_view(call.caller, call.name));
}

void set_secret(Call& call, Reply reply) {
    const Result<Json> body = parse_body(call);
    Result<control::SetSecret> request =
        body ? control::parse_slot_record(*body) : fail(body.error());
    wipe(call.request.body);
    if (!request)
        return reply.fail(request.error());
    call.service.set_secret(call.caller, *std::move(request), view_of(call, std::move(reply)));
}

void delete_secret(Call& call, Reply reply) {
    const Result<Json> body = parse_body(call);
    if (!body)
        return reply.fail(body.error());
    Json options = *body;
    if (options.is_object() && options.find("name"))
        return reply.fail({.code = Errc::unknown_field, .message = "body has no field \"name\""});
    if (options.is_object())
        options.set("name", call.name);
    Result<control::NameSecret> request = control::parse_name_secret(options);
    if (!request)
        return reply.fail(request.error());
    call.service.delete_secret(
        call.caller,
        *std::move(request),
        Responder<Json>([status = call.status,
                         reply = std::move(reply)](const Result<Json>& deleted) mutable {
            answer(
                status,
                std::move(reply),
                deleted ? Result<Json>(Json::object({{"accepted", true}})) : fail(deleted.error()));
        }));
}

} // namespace kheish::http::handle
