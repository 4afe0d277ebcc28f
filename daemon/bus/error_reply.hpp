#pragma once

#include "base/handle.hpp"
#include "base/result.hpp"

#include <cstddef>

/// Errors on the bus: always a name of the error table with a sentence, never a bare errno.
namespace kheish::bus {

/// Longer messages are cut: an error is for reading.
inline constexpr std::size_t kErrorMessageLimitBytes = 4096;

/// Makes the error table's names known to libsystemd (sd_bus_error_add_map(3)), so that
/// sd_bus_error_get_errno(3) gives the table's errno. May be called any number of times.
void register_error_names();

/// Fills `target` for a handler to return with: gives the negative errno that sd-bus wants then.
int set_error(sd_bus_error* target, const Error& error);

/// Answers `call` with `error`.
void reply_error(sd_bus_message* call, const Error& error);

} // namespace kheish::bus
