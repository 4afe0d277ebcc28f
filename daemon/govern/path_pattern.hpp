#pragma once

#include "base/result.hpp"

#include <string_view>

/// Patterns of names below a workspace: "*" is anything of one segment, "?" one character of it,
/// and the segment "**" any number of segments, none too. They are about names: what a symbolic
/// link leads to has a name of its own.
namespace kheish::govern {

inline constexpr std::size_t kPathPatternLimitBytes = 1024;

/// Errc::bad_request for one that is empty, absolute, too long, or has "." or ".." in it.
Status check_path_pattern(std::string_view pattern);

/// `path` is relative to the workspace; "./" and doubled slashes in it mean nothing.
bool matches_path(std::string_view pattern, std::string_view path);

/// Whether the pattern matches `directory` or may match something below it.
bool may_match_below(std::string_view pattern, std::string_view directory);

} // namespace kheish::govern
