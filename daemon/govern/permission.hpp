#pragma once

#include "base/result.hpp"
#include "codec/digest.hpp"
#include "codec/json.hpp"
#include "codec/url.hpp"

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

/// Words of a command of the shell: these alone, or these at its beginning.
struct CommandPattern {
    std::vector<std::string> words; ///< one at least
    bool open_end = false;          ///< written with " *" behind them
    std::string text;               ///< as written
};

/// "git status" or "git diff *": one plain command of the shell. Errc::bad_request for anything
/// else.
Result<CommandPattern> parse_command_pattern(std::string_view text);

/// Whether the plain command, word by word, is one that the pattern means.
bool matches_command(const CommandPattern& pattern, const std::vector<std::string>& command);

/// What a call is about, as far as rules look at it.
struct Subject {
    std::string_view tool;
    std::string_view command = {};      ///< of bash: its script
    std::string_view path = {};         ///< of the tools that take one, relative to the workspace
    std::optional<codec::Url> url = {}; ///< of the tools that go to one
    std::optional<codec::Digest> action = {}; ///< recurring_digest(), where there are grants
};

/// The subject of a call; `input` is its canonical JSON, as validated, and outlives it in
/// `storage`.
Subject subject_of(std::string_view tool, const codec::Json& input, std::string& storage);

/// One rule: a tool name, a prefix ending in '*', or "*"; with `command`, of bash and its commands
/// alone; with `path`, of calls about such paths alone; with `host`, of calls that go there. An
/// allow holds where everything that the call does is covered; an ask or a deny where anything may
/// be.
struct Rule {
    std::string pattern;
    Behavior behavior = Behavior::ask;
    RuleScope scope = RuleScope::session;
    std::string reason; ///< shown to people, may be empty
    std::optional<CommandPattern> command = {};
    std::optional<std::string> path = {};
    std::optional<codec::HostPattern> host = {};

    bool has_argument() const { return command || path || host; }
    bool matches(std::string_view tool) const;
    /// "bash(git diff *)": the pattern and, where there is one, that of the argument.
    std::string text() const;
};

/// Errc::bad_request where a rule could never match.
Status check_rule(const Rule& rule);

/// The tools whose calls are told apart by what they run and by where they go.
inline constexpr std::string_view kShellTool = "bash";
inline constexpr std::string_view kWebTool = "web_fetch";

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
    std::string mode_effect;  ///< empty where the mode changed nothing
    std::string rule_pattern; ///< Rule::text()
    RuleScope rule_scope = RuleScope::standard;
    std::string reason;
    std::vector<std::string> grants; ///< ids of those that made it an allow instead of an ask
};

struct Grant;

/// Judges a call of `tool` under `mode`.
///
/// A script for bash that is plain (shell_command.hpp) is judged command by command, and the
/// strictest judgement is that of the script. Any other script is one thing, which no rule about
/// commands allows.
///
/// A deny in any scope wins over everything, bypassPermissions included. Otherwise the first scope
/// with a matching rule decides, and inside it the most specific one: with an argument before
/// without, then the longer argument; exact name, then longest prefix, then "*"; the earlier rule
/// on a tie. Then the mode:
///
///   acceptEdits        ask -> allow for the tools that edit workspace files, but for .kheish/
///   bypassPermissions  ask -> allow
///   dontAsk            ask -> deny, and deny for the tools that ask a person
///   plan               deny whatever is not read-only or coordination
///
/// Before the mode, grants (grant.hpp) turn an ask into an allow where each thing that is asked for
/// is covered by one.
///
/// No matching rule at all is a deny.
Judgement judge(
    Mode mode,
    std::span<const Rule> rules,
    const Subject& subject,
    std::span<const Grant* const> grants = {});

} // namespace kheish::govern
