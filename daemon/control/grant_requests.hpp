#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "codec/object_reader.hpp"
#include "govern/grant.hpp"

#include <optional>
#include <string>

/// What callers ask for about grants.
namespace kheish::control {

inline constexpr std::size_t kGrantIdLimitBytes = 64;

/// "Allow and remember": what more than the call that is released, and for how long.
struct Remember {
    govern::GrantKind kind = govern::GrantKind::exact;
    std::string pattern = {}; ///< of a command, a path or a host; empty for the exact action
    govern::GrantLifetime lifetime = govern::GrantLifetime::run;
    std::int64_t days = 0; ///< exactly where the lifetime is days
};
/// Members: match (exact, command, path, host), pattern, for (run, session, days), days.
Result<Remember> parse_remember(const codec::Json& value, std::string where);
/// For whoever is asked about the release: 'every command "git push *" for 7 days'.
std::string describe(const Remember& remember);

struct ListGrants {
    std::optional<SessionId> session = {};
};
/// Members: session_id.
Result<ListGrants> parse_list_grants(const codec::Json& query);

struct RevokeGrant {
    std::string grant;
    std::string reason = {};
};
/// Members: reason; `grant` is named by the path.
Result<RevokeGrant> parse_revoke_grant(std::string grant, const codec::Json& body);
/// Members: grant, reason.
Result<RevokeGrant> parse_revoke_grant(const codec::Json& options);

} // namespace kheish::control
