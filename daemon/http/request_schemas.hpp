#pragma once

#include "codec/json.hpp"
#include "control/operations.hpp"

#include <string_view>

namespace kheish::http {

/// JSON Schemas of every request body and of Problem, by name: what the parsers of control/ accept.
codec::Json request_schemas();
/// The name of the schema of an operation's body; empty for one that takes none.
std::string_view request_schema(const control::OperationInfo& operation);

} // namespace kheish::http
