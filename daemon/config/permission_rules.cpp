#include "config/permission_rules.hpp"

#include "config/table_reader.hpp"
#include "config/toml_file.hpp"

#include <array>
#include <utility>

namespace kheish::config {

namespace {

constexpr std::array<std::string_view, 3> kBehaviors{"allow", "ask", "deny"};

} // namespace

Result<PermissionRule> read_permission_rule(const Value& value, std::string_view name) {
    TableReader reader(value, std::string(name));
    PermissionRule rule{.pattern = reader.required_string("pattern"), .behavior = {}, .reason = {}};
    const std::optional<std::size_t> behavior = reader.word("behavior", kBehaviors);
    if (!behavior)
        reader.reject("behavior", "is required");
    rule.behavior = kBehaviors.at(behavior.value_or(0));
    rule.reason = reader.string("reason").value_or("");
    rule.command = reader.string("command").value_or("");
    rule.path = reader.string("path").value_or("");
    rule.host = reader.string("host").value_or("");
    KHEISH_CHECK(reader.finish());
    return rule;
}

Result<std::vector<PermissionRule>>
parse_project_permissions(std::string_view text, const std::string& path) {
    KHEISH_TRY(const Value file, parse_toml(text, path));
    TableReader reader(file, "");
    std::vector<PermissionRule> rules;
    for (const Value* entry : reader.array_of_tables("rules", kProjectRuleLimit)) {
        KHEISH_TRY(PermissionRule rule, read_permission_rule(*entry, "rules"));
        if (rule.behavior == "allow")
            return fail(
                Errc::invalid_configuration,
                entry->origin + ": a project may only narrow what is permitted: behavior must be "
                                "\"ask\" or \"deny\"");
        rules.push_back(std::move(rule));
    }
    KHEISH_CHECK(reader.finish());
    return rules;
}

} // namespace kheish::config
