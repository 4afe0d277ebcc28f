#include "control/permission_rules.hpp"

#include "codec/object_reader.hpp"
#include "codec/runner_message.hpp"

#include <array>
#include <optional>
#include <string>
#include <utility>

namespace kheish::control {

using codec::Json;

namespace {

constexpr std::array<std::string_view, 2> kNarrowing{"ask", "deny"};
constexpr std::size_t kReasonBytes = 1024;

std::optional<govern::Behavior> parse_behavior(std::string_view text) {
    for (const govern::Behavior behavior :
         {govern::Behavior::allow, govern::Behavior::ask, govern::Behavior::deny})
        if (govern::to_string(behavior) == text)
            return behavior;
    return std::nullopt;
}

Result<govern::Rule> read_session_rule(const Json& item, const std::string& place) {
    codec::ObjectReader reader(item, place);
    config::PermissionRule written;
    written.pattern = reader.required_string("pattern", govern::kPatternLimitBytes);
    written.behavior = kNarrowing.at(reader.required_word("behavior", kNarrowing));
    written.reason = reader.optional_string("reason", kReasonBytes).value_or("");
    written.command = reader.optional_string("command", govern::kPatternLimitBytes).value_or("");
    written.path = reader.optional_string("path", govern::kPatternLimitBytes).value_or("");
    written.host = reader.optional_string("host", codec::kHostPatternBytes).value_or("");
    KHEISH_CHECK(reader.finish());
    Result<govern::Rule> rule = to_rule(written, govern::RuleScope::session);
    if (!rule)
        return fail(Errc::bad_request, place + ": " + rule.error().message);
    return rule;
}

} // namespace

Result<govern::Rule> to_rule(const config::PermissionRule& configured, govern::RuleScope scope) {
    govern::Rule rule;
    rule.pattern = configured.pattern;
    rule.scope = scope;
    rule.reason = configured.reason;
    const auto wrong = [](const Error& error) {
        return fail(Errc::invalid_configuration, error.message);
    };
    if (!configured.command.empty()) {
        Result<govern::CommandPattern> command = govern::parse_command_pattern(configured.command);
        if (!command)
            return wrong(command.error());
        rule.command = *std::move(command);
    }
    if (!configured.path.empty())
        rule.path = configured.path;
    if (!configured.host.empty()) {
        Result<codec::HostPattern> host = codec::parse_host_pattern(configured.host);
        if (!host)
            return wrong(host.error());
        rule.host = *std::move(host);
    }
    if (const Status checked = govern::check_rule(rule); !checked)
        return wrong(checked.error());
    const std::optional<govern::Behavior> behavior = parse_behavior(configured.behavior);
    if (!behavior)
        return fail(Errc::invalid_configuration, "\"" + configured.behavior + "\" is no behavior");
    rule.behavior = *behavior;
    return rule;
}

Result<std::vector<govern::Rule>> project_rules(std::string_view text) {
    const std::string path(codec::runner::kProjectPermissionsPath);
    KHEISH_TRY(
        const std::vector<config::PermissionRule> written,
        config::parse_project_permissions(text, path));
    std::vector<govern::Rule> rules;
    for (const config::PermissionRule& rule : written) {
        Result<govern::Rule> read = to_rule(rule, govern::RuleScope::project);
        if (!read)
            return fail(std::move(read).error().wrap(path));
        rules.push_back(*std::move(read));
    }
    return rules;
}

Result<std::vector<govern::Rule>> session_rules(const std::vector<Json>& rules) {
    std::vector<govern::Rule> read;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        KHEISH_TRY(
            govern::Rule rule,
            read_session_rule(rules[i], "permission_rules[" + std::to_string(i) + "]"));
        read.push_back(std::move(rule));
    }
    return read;
}

Result<std::vector<govern::Rule>> session_rules(std::string_view text) {
    KHEISH_TRY(const Json array, codec::parse_json(text));
    return session_rules(array.items());
}

Json rules_view(const std::vector<govern::Rule>& rules) {
    Json array = Json::array();
    for (const govern::Rule& rule : rules) {
        Json item = Json::object(
            {{"pattern", rule.pattern}, {"behavior", govern::to_string(rule.behavior)}});
        if (!rule.reason.empty())
            item.set("reason", rule.reason);
        if (rule.command)
            item.set("command", rule.command->text);
        item.set_optional("path", rule.path);
        if (rule.host)
            item.set("host", rule.host->text);
        array.append(std::move(item));
    }
    return array;
}

std::string session_rules_text(const std::vector<govern::Rule>& rules) {
    return codec::canonical_json(rules_view(rules));
}

} // namespace kheish::control
