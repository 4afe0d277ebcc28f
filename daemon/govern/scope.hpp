#pragma once

#include "base/result.hpp"
#include "codec/json.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>

/// What a session, and whoever works below it, may use at most. Scopes only ever get narrower: what
/// two of them permit together is what each of them permits.
namespace kheish::govern {

/// Which names of one kind may be used. Without an allow list all may be; with an empty one none
/// may. "*" is every name. A deny wins.
struct Allowance {
    using Names = std::set<std::string, std::less<>>;

    std::optional<Names> allow; ///< absent: not constrained
    Names deny;

    bool permits(std::string_view name) const;
    bool is_unconstrained() const { return !allow && deny.empty(); }
    friend bool operator==(const Allowance&, const Allowance&) = default;
};

/// Permits what both permit, and nothing else. Lists without a name in common leave nothing.
Allowance narrow(const Allowance& wider, const Allowance& by);

/// What may be used of what proves something to others.
struct CredentialScope {
    Allowance routes;
    Allowance connectors;
    Allowance connector_credentials; ///< "connector:KEY"
    Allowance mcp_servers;

    bool is_unconstrained() const;
    friend bool operator==(const CredentialScope&, const CredentialScope&) = default;
};

CredentialScope narrow(const CredentialScope& wider, const CredentialScope& by);

inline constexpr std::size_t kScopeNamesLimit = 256; ///< in one list
inline constexpr std::size_t kScopeNameLimitBytes = 256;

/// Members: route_allow, route_deny, connector_allow, connector_deny, connector_credential_allow,
/// connector_credential_deny, mcp_server_allow, mcp_server_deny: arrays of names. Errc::bad_request
/// for a name that is empty, has spaces at its ends, or comes twice; unknown members are
/// Errc::unknown_field.
Result<CredentialScope> parse_credential_scope(const codec::Json& value, std::string where);
/// The same of what to_json() gave as text.
Result<CredentialScope> parse_credential_scope(std::string_view text);

/// Without the lists that are absent.
codec::Json to_json(const CredentialScope& scope);

} // namespace kheish::govern
