#include "http/handling.hpp"

#include <utility>

namespace kheish::http {

using codec::Json;

void answer(int status, Reply reply, Result<Json> view) {
    if (!view)
        return reply.fail(std::move(view).error());
    reply.answer(Response::json(status, *view));
}

Responder<Json> view_of(const Call& call, Reply reply) {
    return Responder<Json>(
        [status = call.status, reply = std::move(reply)](Result<Json> view) mutable {
            answer(status, std::move(reply), std::move(view));
        });
}

Result<Json> parse_body(const Call& call) {
    if (call.request.body.empty())
        return Json::object();
    codec::JsonLimits limits;
    limits.bytes = call.request.body.size();
    return codec::parse_json(call.request.body, limits);
}

} // namespace kheish::http
