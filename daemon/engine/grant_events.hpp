#pragma once

#include "base/ids.hpp"
#include "codec/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What people allow beforehand (govern/grant.hpp), part of event.hpp.
namespace kheish::engine {

/// Whoever has released the gate allows more of its kind. Of the run that asked; it follows the
/// release within one commit.
struct GrantCreated {
    static constexpr std::string_view kType = "grant.created";
    std::string grant;
    ApprovalId approval; ///< the gate that was released
    CallId call;
    std::string tool;
    std::string kind;                            ///< govern::GrantKind
    std::string pattern;                         ///< empty for the exact action
    std::optional<codec::Digest> action = {};    ///< of the exact action
    std::string lifetime;                        ///< govern::GrantLifetime
    std::optional<std::int64_t> expires_us = {}; ///< wall clock, exactly where it is days
};

/// From here on nothing is allowed by it. Of the session that it came from, which may be over.
struct GrantRevoked {
    static constexpr std::string_view kType = "grant.revoked";
    std::string grant;
    std::string reason;
};

} // namespace kheish::engine
