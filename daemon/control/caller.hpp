#pragma once

#include "base/authority.hpp"
#include "base/result.hpp"
#include "control/operations.hpp"

#include <string_view>

#include <sys/types.h>

namespace kheish::control {

/// Who asks, as an edge has found out: D-Bus credentials, SO_PEERCRED, or a token. Every use case
/// takes one; none asks an edge who is calling.
struct Caller {
    Principal principal;
    uid_t uid = static_cast<uid_t>(-1); ///< no uid for tokens
    /// The host's authority has granted, for this call, what needs more than being the owner:
    /// polkit on D-Bus, uid 0 or a role over HTTP.
    bool acts_for_others = false;
    Role role = Role::operate; ///< the most that it may ask for where nobody asks polkit

    Authority authority() const { return Authority::of(principal); }
    static Caller user(uid_t uid) { return {Principal::user(uid), uid}; }
    static Caller token(std::string_view name, Role role) {
        return {.principal = Principal::token(name), .uid = static_cast<uid_t>(-1), .role = role};
    }
    /// Before it is known who asks.
    static Caller nobody() {
        constexpr uid_t kNobody = 65534;
        return {.principal = Principal::user(kNobody), .uid = kNobody, .role = Role::anyone};
    }
    static Caller daemon() {
        return {Principal::daemon(), static_cast<uid_t>(-1), true, Role::admin};
    }
};

/// `caller`, as it may carry out `operation` by its role alone: an admin acts for others, and a
/// reader where nothing is changed. Errc::forbidden where the role is not enough.
Result<Caller> admit(Caller caller, const OperationInfo& operation);

/// Whether `caller` may do what is for administrators; Errc::forbidden otherwise. The edge has
/// asked polkit, or knows the role; whatever it has done, nothing goes on without.
Status check_administers(const Caller& caller);

} // namespace kheish::control
