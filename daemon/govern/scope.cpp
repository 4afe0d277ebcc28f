#include "govern/scope.hpp"

#include "codec/object_reader.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace kheish::govern {

namespace {

using codec::Json;
using Names = Allowance::Names;

constexpr std::string_view kEverything = "*";

struct Kind {
    std::string_view name; ///< of the members
    Allowance CredentialScope::*allowance;
};

constexpr std::array kKinds{
    Kind{"route", &CredentialScope::routes},
    Kind{"connector", &CredentialScope::connectors},
    Kind{"connector_credential", &CredentialScope::connector_credentials},
    Kind{"mcp_server", &CredentialScope::mcp_servers},
};

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

bool CredentialScope::is_unconstrained() const {
    return std::all_of(kKinds.begin(), kKinds.end(), [this](const Kind& kind) {
        return (this->*kind.allowance).is_unconstrained();
    });
}

CredentialScope narrow(const CredentialScope& wider, const CredentialScope& by) {
    CredentialScope narrowed;
    for (const Kind& kind : kKinds)
        narrowed.*kind.allowance = narrow(wider.*kind.allowance, by.*kind.allowance);
    return narrowed;
}

Result<CredentialScope> parse_credential_scope(const Json& value, std::string where) {
    codec::ObjectReader reader(value, std::move(where));
    CredentialScope scope;
    for (const Kind& kind : kKinds) {
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

Result<CredentialScope> parse_credential_scope(std::string_view text) {
    KHEISH_TRY(const Json value, codec::parse_json(text));
    return parse_credential_scope(value, "credential_scope");
}

Json to_json(const CredentialScope& scope) {
    Json value = Json::object();
    for (const Kind& kind : kKinds) {
        const Allowance& allowance = scope.*kind.allowance;
        if (allowance.allow)
            value.set(std::string(kind.name) + "_allow", to_json(*allowance.allow));
        if (!allowance.deny.empty())
            value.set(std::string(kind.name) + "_deny", to_json(allowance.deny));
    }
    return value;
}

} // namespace kheish::govern
