#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kheish::http {

/// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 5.6.7) for microseconds since 1970.
std::string http_date(std::int64_t wall_us);

/// Whether `value` of Content-Type is application/json, with no parameter but charset=utf-8.
bool is_json_media_type(std::string_view value);

} // namespace kheish::http
