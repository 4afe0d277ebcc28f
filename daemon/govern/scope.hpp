#pragma once

#include "base/result.hpp"
#include "codec/json.hpp"

#include <array>
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

/// One kind of names in a scope. Its lists are the members <name>_allow and <name>_deny.
template <class Scope>
struct ScopeKind {
    std::string_view name;
    Allowance Scope::*allowance;
};

/// What may be used of what proves something to others.
struct CredentialScope {
    Allowance routes;
    Allowance connectors;
    Allowance connector_credentials; ///< "connector:KEY"
    Allowance mcp_servers;

    /// What it is called in requests, views and the record.
    static constexpr std::string_view kMember = "credential_scope";
    static constexpr std::array kKinds{
        ScopeKind<CredentialScope>{"route", &CredentialScope::routes},
        ScopeKind<CredentialScope>{"connector", &CredentialScope::connectors},
        ScopeKind<CredentialScope>{"connector_credential", &CredentialScope::connector_credentials},
        ScopeKind<CredentialScope>{"mcp_server", &CredentialScope::mcp_servers},
    };
    friend bool operator==(const CredentialScope&, const CredentialScope&) = default;
};

/// What there is at all, for whoever works there: what is not permitted is neither shown to a model
/// nor found when it is called.
struct CapabilityScope {
    Allowance skills;
    Allowance mcp_servers;
    Allowance mcp_tools; ///< "mcp__<server>__<tool>"

    static constexpr std::string_view kMember = "capability_scope";
    static constexpr std::array kKinds{
        ScopeKind<CapabilityScope>{"skill", &CapabilityScope::skills},
        ScopeKind<CapabilityScope>{"mcp_server", &CapabilityScope::mcp_servers},
        ScopeKind<CapabilityScope>{"mcp_tool", &CapabilityScope::mcp_tools},
    };
    friend bool operator==(const CapabilityScope&, const CapabilityScope&) = default;
};

inline constexpr std::size_t kScopeNamesLimit = 256; ///< in one list
inline constexpr std::size_t kScopeNameLimitBytes = 256;

/// One of the two structs above; what follows is defined for these alone.
template <class Scope>
concept AnyScope = requires {
    Scope::kKinds;
};

template <AnyScope Scope>
bool is_unconstrained(const Scope& scope);

/// Permits, of each kind, what both permit.
template <AnyScope Scope>
Scope narrow(const Scope& wider, const Scope& by);

/// Members: those of Scope::kKinds, arrays of names. Errc::bad_request for a name that is empty,
/// has spaces at its ends, or comes twice; unknown members are Errc::unknown_field. `where` is what
/// errors call the value.
template <AnyScope Scope>
Result<Scope> parse_scope(const codec::Json& value, std::string where);
/// The same of what to_json() gave as text.
template <AnyScope Scope>
Result<Scope> parse_scope(std::string_view text);

/// Without the lists that are absent.
template <AnyScope Scope>
codec::Json to_json(const Scope& scope);

/// Whether a tool of this name is shown to models and found when they call it. A built-in one is.
/// "mcp__<server>__<tool>" is where its server and the whole name are permitted; where it could be
/// the name of a tool of several servers ("mcp__a__b__c"), all of them have to be. What begins with
/// "mcp__" and is no such name never is: characters other than letters, digits, '_' and '-', an
/// empty part, more than kScopeNameLimitBytes.
bool is_visible(const CapabilityScope& scope, std::string_view tool);

} // namespace kheish::govern
