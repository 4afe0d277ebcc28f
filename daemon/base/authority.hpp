#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace kheish {

/// Somebody in whose name something happens: "user:1000", "token:ci", "connector:slack",
/// "schedule:7", "agent:agent-demo", "daemon".
struct Principal {
    enum class Kind { user, token, connector, schedule, agent, daemon };

    Kind kind = Kind::daemon;
    std::string name; ///< uid in decimal for a user, empty for the daemon

    static Principal user(uid_t uid);
    static Principal agent(std::string_view agent_id);
    static Principal token(std::string_view name);
    static Principal daemon() { return {}; }
    static Result<Principal> parse(std::string_view text);
    std::string to_string() const;
    /// The uid of a user principal; -1 (no uid) for every other kind.
    uid_t uid() const;

    friend bool operator==(const Principal&, const Principal&) = default;
};

/// Who acts, and for whom: the acting principal first, then each one it acts for.
/// Journaled whole with every event. Text form: names joined by " for ".
struct Authority {
    std::vector<Principal> chain;

    static Authority of(Principal principal) { return {{std::move(principal)}}; }
    /// This authority acting through `delegate`.
    Authority delegated_to(Principal delegate) const;
    const Principal& actor() const { return chain.front(); }
    std::string to_string() const;
    /// Errc::bad_request where `text` is not what to_string() writes.
    static Result<Authority> parse(std::string_view text);

    friend bool operator==(const Authority&, const Authority&) = default;
};

} // namespace kheish
