#pragma once

#include "base/result.hpp"
#include "config/value.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kheish::config {

/// One permission rule as it is written, in kheish.toml(5) and in a project's own file.
struct PermissionRule {
    std::string pattern;  ///< a tool's name, a prefix ending in '*', or "*"
    std::string behavior; ///< "allow", "ask" or "deny"
    std::string reason;
    std::string command = {}; ///< empty: whatever the command
    std::string path = {};    ///< empty: whatever the path
    std::string host = {};    ///< empty: whatever the host
};

inline constexpr std::size_t kProjectRuleLimit = 256;

/// A table with the members of PermissionRule; `name` is the table's. Errc::invalid_configuration.
Result<PermissionRule> read_permission_rule(const Value& value, std::string_view name);

/// The text of a project's .kheish/permissions.toml, called `path` in errors: an array of tables
/// "rules". A project may only narrow, so that an allow is refused like anything else that is
/// wrong: Errc::invalid_configuration with path and line.
Result<std::vector<PermissionRule>>
parse_project_permissions(std::string_view text, const std::string& path);

} // namespace kheish::config
