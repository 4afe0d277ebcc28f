#pragma once

#include "base/handle.hpp"
#include "codec/json.hpp"

namespace kheish::bus {

inline constexpr int kDictionaryDepthLimit = 16;
inline constexpr int kDictionaryValueLimit = 4096; ///< values in all, nested ones included

/// Reads the a{sv} that comes next in `message` as a JSON object: strings and object paths become
/// strings, all integers and booleans their JSON types, doubles numbers, arrays arrays, a{sv}
/// objects. Errc::bad_request for a key that comes twice, a type without a JSON counterpart (file
/// descriptors, structures), a number beyond 64 signed bits, too deep nesting or too many values.
Result<codec::Json> read_dictionary(sd_bus_message* message);

/// D-Bus has no null, so that a member `key` of any shape also comes as JSON text, in the member
/// `key`_json: `options` with that text read as `key`. Errc::invalid_json or its like for what is
/// no JSON, Errc::bad_request where both members are given.
Result<codec::Json>
with_json_text(const codec::Json& options, std::string_view key, std::size_t limit_bytes);

} // namespace kheish::bus
