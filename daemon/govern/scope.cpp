#include "govern/scope.hpp"

#include "codec/object_reader.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace kheish::govern {

namespace {

using codec::Json;
using Names = Allowance::Names;

constexpr std::string_view kEverything = "*";

constexpr std::string_view kMcpPrefix = "mcp__";
constexpr std::string_view kMcpSeparator = "__";

/// What providers take in the name of a tool.
constexpr std::string_view kToolNameCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/// A longer one could not be denied by name.
bool is_tool_name(std::string_view name) {
    return name.size() <= kScopeNameLimitBytes &&
           name.find_first_not_of(kToolNameCharacters) == std::string_view::npos;
}

bool has(const Names& names, std::string_view name) {
    return names.contains(kEverything) || names.contains(name);
}

Names both(const Names& left, const Names& right) {
    if (left.contains(kEverything))
        return right;
    if (right.contains(kEverything))
        return left;
    Names common;
    std::set_intersection(
        left.begin(), left.end(), right.begin(), right.end(), std::inserter(common, common.end()));
    return common;
}

Names read_names(codec::ObjectReader& reader, const std::string& key) {
    Names names;
    for (std::string& name : reader.optional_strings(key, kScopeNamesLimit)) {
        const bool good = !name.empty() && name.size() <= kScopeNameLimitBytes &&
                          name.front() != ' ' && name.back() != ' ';
        if (!good)
            reader.reject(
                key,
                "holds what is no name: 1 to " + std::to_string(kScopeNameLimitBytes) +
                    " bytes without a space at either end");
        else if (!names.insert(std::move(name)).second)
            reader.reject(key, "holds a name twice");
    }
    return names;
}

Json to_json(const Names& names) {
    Json array = Json::array();
    for (const std::string& name : names)
        array.append(Json(name));
    return array;
}

} // namespace

bool Allowance::permits(std::string_view name) const {
    return !has(deny, name) && (!allow || has(*allow, name));
}

Allowance narrow(const Allowance& wider, const Allowance& by) {
    Allowance narrowed{.allow = wider.allow ? wider.allow : by.allow, .deny = wider.deny};
    if (wider.allow && by.allow)
        narrowed.allow = both(*wider.allow, *by.allow);
    narrowed.deny.insert(by.deny.begin(), by.deny.end());
    return narrowed;
}

template <AnyScope Scope>
bool is_unconstrained(const Scope& scope) {
    return std::all_of(Scope::kKinds.begin(), Scope::kKinds.end(), [&scope](const auto& kind) {
        return (scope.*kind.allowance).is_unconstrained();
    });
}

template <AnyScope Scope>
Scope narrow(const Scope& wider, const Scope& by) {
    Scope narrowed;
    for (const ScopeKind<Scope>& kind : Scope::kKinds)
        narrowed.*kind.allowance = narrow(wider.*kind.allowance, by.*kind.allowance);
    return narrowed;
}

template <AnyScope Scope>
Result<Scope> parse_scope(const Json& value, std::string where) {
    codec::ObjectReader reader(value, std::move(where));
    Scope scope;
    for (const ScopeKind<Scope>& kind : Scope::kKinds) {
        Allowance& allowance = scope.*kind.allowance;
        const std::string allow = std::string(kind.name) + "_allow";
        const std::optional<Json> given = value.is_object() ? value.find(allow) : std::nullopt;
        Names names = read_names(reader, allow);
        if (given && !given->is_null())
            allowance.allow = std::move(names);
        allowance.deny = read_names(reader, std::string(kind.name) + "_deny");
    }
    KHEISH_CHECK(reader.finish());
    return scope;
}

template <AnyScope Scope>
Result<Scope> parse_scope(std::string_view text) {
    KHEISH_TRY(const Json value, codec::parse_json(text));
    return parse_scope<Scope>(value, std::string(Scope::kMember));
}

template <AnyScope Scope>
Json to_json(const Scope& scope) {
    Json value = Json::object();
    for (const ScopeKind<Scope>& kind : Scope::kKinds) {
        const Allowance& allowance = scope.*kind.allowance;
        if (allowance.allow)
            value.set(std::string(kind.name) + "_allow", to_json(*allowance.allow));
        if (!allowance.deny.empty())
            value.set(std::string(kind.name) + "_deny", to_json(allowance.deny));
    }
    return value;
}

template bool is_unconstrained(const CredentialScope&);
template CredentialScope narrow(const CredentialScope&, const CredentialScope&);
template Result<CredentialScope> parse_scope(const Json&, std::string);
template Result<CredentialScope> parse_scope(std::string_view);
template Json to_json(const CredentialScope&);

template bool is_unconstrained(const CapabilityScope&);
template CapabilityScope narrow(const CapabilityScope&, const CapabilityScope&);
template Result<CapabilityScope> parse_scope(const Json&, std::string);
template Result<CapabilityScope> parse_scope(std::string_view);
template Json to_json(const CapabilityScope&);

bool is_visible(const CapabilityScope& scope, std::string_view tool) {
    if (!tool.starts_with(kMcpPrefix))
        return true;
    const std::string_view rest = tool.substr(kMcpPrefix.size());
    bool has_parts = false;
    for (std::size_t end = rest.find(kMcpSeparator, 1); end != std::string_view::npos;
         end = rest.find(kMcpSeparator, end + 1)) {
        if (end + kMcpSeparator.size() == rest.size())
            break;
        if (!scope.mcp_servers.permits(rest.substr(0, end)))
            return false;
        has_parts = true;
    }
    return has_parts && is_tool_name(tool) && scope.mcp_tools.permits(tool);
}

} // namespace kheish::govern
