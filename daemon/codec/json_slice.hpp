#pragma once

#include <optional>
#include <string_view>

namespace kheish::codec {

/// The bytes of a member's value, exactly as they stand in `object`, so that they can be kept and
/// replayed byte for byte. `object` is JSON text that parse_json has accepted as an object; `key`
/// needs no escapes. Nothing where there is no such member.
std::optional<std::string_view> member_slice(std::string_view object, std::string_view key);

} // namespace kheish::codec
