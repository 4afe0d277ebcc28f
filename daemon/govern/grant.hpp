#pragma once

#include "base/result.hpp"
#include "codec/digest.hpp"
#include "govern/permission.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a person has allowed beforehand, beside the one call that they were asked about.
namespace kheish::govern {

/// What else a grant covers.
enum class GrantKind {
    exact,   ///< the same action again: tool, input, working directory, sandbox profile
    command, ///< commands of bash that a pattern of permission rules covers
    path,    ///< calls of the same tool about paths that a pattern covers
    host,    ///< calls of the same tool that go to hosts that a pattern covers
};
std::string_view to_string(GrantKind kind);
std::optional<GrantKind> parse_grant_kind(std::string_view text);

/// How long it holds.
enum class GrantLifetime {
    run,     ///< until the run has ended
    session, ///< until the session has ended
    days,    ///< until a moment, in all sessions of the same owner in the same workspace
};
std::string_view to_string(GrantLifetime lifetime);
std::optional<GrantLifetime> parse_grant_lifetime(std::string_view text);

inline constexpr std::int64_t kGrantDaysMax = 365;

/// One grant, as judging needs it. It turns an "ask" into an "allow" where it covers the call, and
/// never a "deny": rules and modes that deny have the last word.
struct Grant {
    std::string id;
    std::string tool;
    GrantKind kind = GrantKind::exact;
    std::optional<codec::Digest> action;         ///< exact: recurring_digest() (action.hpp)
    std::optional<CommandPattern> command = {};  ///< command
    std::optional<std::string> path = {};        ///< path
    std::optional<codec::HostPattern> host = {}; ///< host
};

/// A grant of `kind` with `pattern` (empty for exact). Errc::bad_request where it could never
/// cover a call of `tool`.
Result<Grant> make_grant(
    std::string id,
    std::string tool,
    GrantKind kind,
    const std::string& pattern,
    const codec::Digest& action);

/// Whether the grant covers `subject`; of a plain script one `command` is looked at, null where the
/// script is not plain. A path grant does not cover .kheish/ unless its pattern begins there.
bool covers(const Grant& grant, const Subject& subject, const std::vector<std::string>* command);

} // namespace kheish::govern
