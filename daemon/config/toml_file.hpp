#pragma once

#include "base/result.hpp"
#include "config/value.hpp"

#include <string>
#include <string_view>

namespace kheish::config {

inline constexpr std::size_t kFileLimitBytes = std::size_t{1} << 20U;
inline constexpr std::size_t kNestingLimit = 32;

/// TOML 1.0 text as a Value that holds a Table. `path` is only named. Errors are
/// Errc::invalid_configuration with "path:line: ". Dates and times are refused: no key takes one.
Result<Value> parse_toml(std::string_view text, const std::string& path);

/// parse_toml of the file; Errc::not_found where there is none.
Result<Value> load_toml(const std::string& path);

} // namespace kheish::config
