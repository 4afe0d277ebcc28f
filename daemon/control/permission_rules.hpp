#pragma once

#include "base/result.hpp"
#include "codec/json.hpp"
#include "config/permission_rules.hpp"
#include "govern/permission.hpp"

#include <string_view>
#include <vector>

/// Permission rules in all the forms in which they are written down: in kheish.toml(5), in a
/// project's file, and in a request that makes a session.
namespace kheish::control {

inline constexpr std::size_t kSessionRuleLimit = 64;

/// Errc::invalid_configuration where the rule could never match.
Result<govern::Rule> to_rule(const config::PermissionRule& configured, govern::RuleScope scope);

/// What a project's file says. Errc::invalid_configuration with the line.
Result<std::vector<govern::Rule>> project_rules(std::string_view text);

/// A session's own rules: an array of {pattern, behavior, reason?, command?, path?}. They may only
/// narrow, as a project's may. Errc::bad_request names the rule by its place.
Result<std::vector<govern::Rule>> session_rules(const std::vector<codec::Json>& rules);
/// The same of what session_rules_text() gave.
Result<std::vector<govern::Rule>> session_rules(std::string_view text);

/// Canonical JSON of the array, as journaled.
std::string session_rules_text(const std::vector<govern::Rule>& rules);

/// As views show them.
codec::Json rules_view(const std::vector<govern::Rule>& rules);

} // namespace kheish::control
