#pragma once

#include "base/result.hpp"
#include "codec/json.hpp"
#include "control/operations.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// What administrators ask for about tokens.
namespace kheish::control {

inline constexpr std::size_t kTokenNameLimitBytes = 64;
inline constexpr std::chrono::hours kTokenLifetimeMax{24 * 3660}; ///< ten years

/// Errc::bad_request for what is no name: a lower-case letter or digit, then these, ".", "_", "-".
Status check_token_name(std::string_view name);

struct CreateToken {
    std::string name;
    Role role = Role::reader;
    std::optional<std::chrono::milliseconds> expires_after = {};
};
/// Members: name, role, expires_after_ms.
Result<CreateToken> parse_create_token(const codec::Json& options);

struct RotateToken {
    std::string name;
    std::optional<std::chrono::milliseconds> expires_after = {}; ///< absent: never
};
/// Members: name, expires_after_ms.
Result<RotateToken> parse_rotate_token(const codec::Json& options);

struct RevokeToken {
    std::string name;
    std::string reason = {};
};
/// Members: name, reason.
Result<RevokeToken> parse_revoke_token(const codec::Json& options);

} // namespace kheish::control
