#pragma once

#include "http/endpoints.hpp"

/// What handlers share: reading a request's body, and turning an answer into a reply.
namespace kheish::http {

void answer(int status, Reply reply, Result<codec::Json> view);

/// Replies with the view that the service answers.
Responder<codec::Json> view_of(const Call& call, Reply reply);

/// An empty body is {}.
Result<codec::Json> parse_body(const Call& call);

} // namespace kheish::http
