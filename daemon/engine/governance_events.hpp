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

/// A secret was given, for the first time or anew. What it is stands nowhere in the record.
struct SecretStored {
    static constexpr std::string_view kType = "secret.stored";
    static constexpr bool kIsGovernance = true;
    std::string name;
    std::int64_t version = 1; ///< counts what was given under this name
    std::string source;       ///< empty: by the caller; else the systemd credential it came from
};

/// What was given is gone; who needs it waits for another.
struct SecretRevoked {
    static constexpr std::string_view kType = "secret.revoked";
    static constexpr bool kIsGovernance = true;
    std::string name;
    std::string reason;
};

struct SecretDeleted {
    static constexpr std::string_view kType = "secret.deleted";
    static constexpr bool kIsGovernance = true;
    std::string name;
    std::string reason;
};

/// All secrets lie under another master key.
struct MasterKeyRotated {
    static constexpr std::string_view kType = "master_key.rotated";
    static constexpr bool kIsGovernance = true;
    std::string from; ///< govern::MasterKey::id()
    std::string to;
    std::int64_t secrets = 0; ///< how many
};

/// A session or an agent proves itself with nothing of kheishd's any more.
struct SubjectRevoked {
    static constexpr std::string_view kType = "subject.revoked";
    static constexpr bool kIsGovernance = true;
    std::string subject; ///< "session:<id>" or "agent:<id>"
    std::string reason;
};

/// It may again.
struct SubjectRestored {
    static constexpr std::string_view kType = "subject.restored";
    static constexpr bool kIsGovernance = true;
    std::string subject;
    std::string reason;
};

/// The one request that stood on it is given up.
struct LeaseRevoked {
    static constexpr std::string_view kType = "lease.revoked";
    static constexpr bool kIsGovernance = true;
    std::string lease;
    std::string reason;
};

/// From here on this program decides, by this configuration.
struct DaemonStarted {
    static constexpr std::string_view kType = "daemon.started";
    static constexpr bool kIsGovernance = true;
    std::string version;
    std::string boot_id;
    codec::BlobRef
        configuration; ///< JSON array of {path, text}: the files, in the order of reading
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
