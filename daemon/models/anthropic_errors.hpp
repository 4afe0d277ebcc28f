#pragma once

#include "models/model.hpp"
#include "outbound/http_client.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kheish::models {

inline constexpr std::size_t kErrorMessageLimitBytes = 500;

/// What a Retry-After header asks for (RFC 9110 section 10.2.3): seconds, or an HTTP date
/// (IMF-fixdate) as seen from `wall_now_us`; a date that has passed is 0. Nothing for any other
/// text.
std::optional<std::chrono::microseconds>
parse_retry_after(std::string_view text, std::int64_t wall_now_us);

/// The error of an answer that is not 2xx. A prompt that does not fit is told apart first.
CallError anthropic_http_error(
    const outbound::HttpHead& head, std::string_view body, std::int64_t wall_now_us);

/// The error of an `error` event within a stream. `data` is its JSON text.
CallError anthropic_stream_error(std::string_view data);

CallError call_error_of(const outbound::TransportError& error);

} // namespace kheish::models
