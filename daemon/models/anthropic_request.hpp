#pragma once

#include "models/model.hpp"

#include <string>
#include <string_view>

namespace kheish::models {

inline constexpr std::string_view kAnthropicDriver = "anthropic";
inline constexpr std::string_view kAnthropicVersion = "2023-06-01";

/// The body of POST /v1/messages (Messages API 2023-06-01, streaming). Opaque parts of this driver
/// stand in it byte for byte as they came; those of other drivers are left out, as is a message
/// that nothing is left of. Deterministic.
std::string anthropic_request_body(const Request& request);

} // namespace kheish::models
