#pragma once

#include "base/result.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Who may do what. Pure: no I/O, no clock; callers journal what is decided here.
namespace kheish::govern {

/// Words of the wire contract: default, acceptEdits, plan, dontAsk, bypassPermissions.
enum class Mode { standard, accept_edits, plan, dont_ask, bypass_permissions };

std::string_view to_string(Mode mode);
/// Takes the wire words and the command line's spelling (accept-edits, ...).
std::optional<Mode> parse_mode(std::string_view text);

enum class Behavior { allow, ask, deny };
std::string_view to_string(Behavior behavior);

/// Where a rule comes from; an earlier scope settles allow and ask before a later one.
enum class RuleScope { session, project, user, standard };
std::string_view to_string(RuleScope scope);

/// One rule: a tool name, a prefix ending in '*', or "*".
struct Rule {
    std::string pattern;
    Behavior behavior = Behavior::ask;
    RuleScope scope = RuleScope::session;
    std::string reason; ///< shown to people, may be empty

    bool matches(std::string_view tool) const;
};

inline constexpr std::size_t kRuleLimit = 1024;
inline constexpr std::size_t kPatternLimitBytes = 256;

/// Errc::bad_request where `pattern` could never match or is too long.
Status check_pattern(std::string_view pattern);

/// The rules that hold where nobody says otherwise: what changes something outside the daemon is
/// asked for, everything else is allowed, the mode has the last word.
std::span<const Rule> standard_rules();

/// The outcome of judging one call, with everything the record needs.
struct Judgement {
    Behavior decision = Behavior::deny;
    Behavior base_decision = Behavior::deny; ///< of the rule alone
    Mode mode = Mode::standard;
    std::string mode_effect; ///< empty where the mode changed nothing
    std::string rule_pattern;
    RuleScope rule_scope = RuleScope::standard;
    std::string reason;
};

/// Judges a call of `tool` under `mode`.
///
/// A deny in any scope wins over everything, bypassPermissions included. Otherwise the first scope
/// with a matching rule decides, and inside it the most specific pattern (exact name, then longest
/// prefix, then "*"; the earlier rule on a tie). Then the mode:
///
///   acceptEdits        ask -> allow for the tools that edit workspace files
///   bypassPermissions  ask -> allow
///   dontAsk            ask -> deny, and deny for the tools that ask a person
///   plan               deny whatever is not read-only or coordination
///
/// No matching rule at all is a deny.
Judgement judge(Mode mode, std::span<const Rule> rules, std::string_view tool);

} // namespace kheish::govern
