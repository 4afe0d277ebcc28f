#pragma once

#include "base/authority.hpp"

#include <sys/types.h>

namespace kheish::control {

/// Who asks, as an edge has found out: D-Bus credentials, SO_PEERCRED, or a token. Every use case
/// takes one; none asks an edge who is calling.
struct Caller {
    Principal principal;
    uid_t uid = static_cast<uid_t>(-1); ///< no uid for tokens
    /// The host's authority has granted, for this call, what needs more than being the owner:
    /// polkit on D-Bus, uid 0 or the admin role over HTTP.
    bool acts_for_others = false;

    Authority authority() const { return Authority::of(principal); }
    static Caller user(uid_t uid) { return {Principal::user(uid), uid, false}; }
    static Caller daemon() { return {Principal::daemon(), static_cast<uid_t>(-1), true}; }
};

} // namespace kheish::control
