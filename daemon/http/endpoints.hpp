#pragma once

#include "control/operations.hpp"
#include "control/service.hpp"
#include "http/request.hpp"
#include "http/response.hpp"
#include "http/router.hpp"

#include <span>
#include <string_view>

namespace kheish::http {

/// One request on its way to the service.
struct Call {
    control::Service& service;
    control::Caller caller;
    int status; ///< of a success
    Request& request;
    const codec::Json& query;
    SessionId session;     ///< of the path, where it has one
    RunId run;             ///< of the path, where it has one
    QuestionId question;   ///< of the path, where it has one
    std::string name = {}; ///< of the path, where it has one that is none of these
};

/// Parses, calls the service once and replies; decides nothing.
using Handler = void (*)(Call& call, Reply reply);

/// What becomes of a request body.
enum class Body {
    none,     ///< the operation takes none
    optional, ///< none means {}
    required,
};

/// The HTTP side of one operation: what the operations table does not say.
struct Endpoint {
    control::Operation operation;
    Handler handler;
    int success_status;
    Body body;
    std::span<const std::string_view> query; ///< members that the query may have
    std::string_view content_type;           ///< of a success
};

/// One for each operation that has an HTTP path, in the order of the table.
std::span<const Endpoint> endpoints();
/// The endpoint of an operation that has an HTTP path.
const Endpoint& endpoint(control::Operation operation);

/// Checks what all requests have in common (ids of the path, query members), then calls the
/// handler. `call` has all but the ids of the path, which are in `match`.
void dispatch(const Endpoint& endpoint, Call& call, const RouteMatch& match, Reply reply);

} // namespace kheish::http
