#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kheish::sandbox {

/// One `key = value` line of a root-owned file.
struct Setting {
    std::string key;
    std::string value;
    int line = 0; ///< from 1, for error messages
};

/// Largest file of settings that is read.
inline constexpr std::size_t kSettingsLimitBytes = 65536;

/// Reads lines of `key = value`; `#` at the start of a line makes a comment, blank lines are
/// skipped, space around key and value is dropped. Anything else is Errc::invalid_configuration
/// with the line number. Keys may repeat; what they mean is the caller's.
Result<std::vector<Setting>> parse_settings(std::string_view text);

/// "yes" or "no"; anything else is Errc::invalid_configuration.
Result<bool> parse_switch(const Setting& setting);
/// A decimal number within [minimum, maximum]; anything else is Errc::invalid_configuration.
Result<std::uint64_t>
parse_amount(const Setting& setting, std::uint64_t minimum, std::uint64_t maximum);

/// Reads the file at `path` if `owner` owns it and nobody else may write it; a file that others
/// could have written is Errc::invalid_configuration, a missing one Errc::not_found.
Result<std::string> read_owned_file(const std::string& path, uid_t owner);

} // namespace kheish::sandbox
