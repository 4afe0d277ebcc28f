#pragma once

#include "codec/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Decisions about who may do what. They belong to no session and to no run; the authority of the
/// event is who decided.
namespace kheish::engine {

/// A name that callers of HTTP are known by, and the secret that proves it.
struct TokenCreated {
    static constexpr std::string_view kType = "token.created";
    static constexpr bool kIsGovernance = true;
    std::string name;
    std::string role;                       ///< reader, operator or admin
    codec::Digest digest;                   ///< SHA-256 of the secret, which is nowhere
    std::optional<std::int64_t> expires_us; ///< wall clock; absent: never
};

/// From here on another secret proves the name, and the one before does not.
struct TokenRotated {
    static constexpr std::string_view kType = "token.rotated";
    static constexpr bool kIsGovernance = true;
    std::string name;
    codec::Digest digest;
    std::optional<std::int64_t> expires_us;
};

/// For ever: the name is not given again, for what it has made stays its own.
struct TokenRevoked {
    static constexpr std::string_view kType = "token.revoked";
    static constexpr bool kIsGovernance = true;
    std::string name;
    std::string reason;
};

/// Somebody was refused before it was known who they are. Those of one minute, one reason and one
/// peer are one event, written when the first comes; a second tells that the peer has used up its
/// tries.
struct AuthenticationFailed {
    static constexpr std::string_view kType = "auth.failed";
    static constexpr bool kIsGovernance = true;
    std::string reason; ///< the code of the error
    std::string peer;   ///< where the connection comes from
    std::string method;
    std::string path; ///< its beginning, without the query
    bool limited = false;
};

template <class Body>
concept GovernanceEvent = requires {
    requires Body::kIsGovernance;
};

} // namespace kheish::engine
