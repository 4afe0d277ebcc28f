#pragma once

#include "codec/json.hpp"

namespace kheish::http {

/// The OpenAPI 3.1 description of every operation that has an HTTP path, made from the operations
/// table and the endpoints. Built once, then shared.
const codec::Json& openapi_document();

} // namespace kheish::http
