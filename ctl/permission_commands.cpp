#include "command.hpp"
#include "input.hpp"
#include "listing.hpp"
#include "output.hpp"
#include "session.hpp"

#include <map>

namespace kheish::ctl {

namespace {

using codec::Json;

Result<Json> ask(Session& session, const char* member, Json options) {
    return session.call_json(
        {.path = manager_path(),
         .interface = kManager,
         .member = member,
         .options = std::move(options)});
}

Status add_project(Json& options, const Invocation& invocation) {
    if (const std::optional<std::string> file = invocation.value("--project")) {
        KHEISH_TRY(const std::string text, read_input_file(*file, kPermissionsLimitBytes));
        options.set("project_permissions", text);
    }
    return {};
}

Result<int> check(Session& session, const Invocation& invocation) {
    Json options = Json::object({{"tool_name", invocation.required("TOOL")}});
    KHEISH_CHECK(add_project(options, invocation));
    set_given(options, invocation, "--input-json", "input_json");
    set_given(options, invocation, "--session-id", "session_id");
    set_given(options, invocation, "--mode", "mode_override");
    set_given(options, invocation, "--tool-call-id", "tool_call_id");
    KHEISH_TRY(const Json view, ask(session, "DescribePermission", std::move(options)));
    std::string text;
    add_field(text, "decision", text_at(view, "decision"));
    add_field(text, "rule", text_at(view, "matched_rule"));
    add_field(text, "scope", text_at(view, "scope"));
    add_field(text, "mode", text_at(view, "mode_applied"));
    add_field(text, "mode effect", text_at(view, "mode_effect"));
    add_field(text, "reason", text_at(view, "reason"));
    return session.show(view, text);
}

/// A row a tool, a column a mode.
Result<int> matrix(Session& session, const Invocation& invocation) {
    Json options = Json::object();
    KHEISH_CHECK(add_project(options, invocation));
    set_given(options, invocation, "--session-id", "session_id");
    KHEISH_TRY(const Json view, ask(session, "DescribePermissionMatrix", std::move(options)));
    std::vector<std::string> headings{"TOOL"};
    std::vector<std::vector<std::string>> rows;
    for (const Json& mode : view.find("modes").value_or(Json::array()).items()) {
        headings.push_back(text_at(mode, "mode"));
        const std::vector<Json> tools = mode.find("tools").value_or(Json::array()).items();
        rows.resize(tools.size());
        for (std::size_t i = 0; i < tools.size(); ++i) {
            if (rows[i].empty())
                rows[i].push_back(text_at(tools[i], "tool_name"));
            // What a rule about arguments says depends on the call.
            const bool depends = tools[i].find("argument_rules").has_value();
            rows[i].push_back(text_at(tools[i], "decision") + (depends ? " *" : ""));
        }
    }
    Table table(std::move(headings));
    for (std::vector<std::string>& row : rows)
        table.add(std::move(row));
    return session.show(view, table.text());
}

const Option kSessionOption{"--session-id", "SESSION", "As in this session"};
const Option kProjectOption{"--project", "FILE", "With a .kheish/permissions.toml"};

} // namespace

std::vector<Command> permission_commands() {
    return {
        {"permissions check",
         "Show what the rules would say of a call",
         {{"TOOL", "The tool's name"}},
         {{"--input-json", "JSON", "What it would be called with"},
          {"--mode", "MODE", "In this mode, not the configured one"},
          kSessionOption,
          kProjectOption,
          {"--tool-call-id", "ID", "Shown again"}},
         check},
        {"permissions matrix",
         "Show what the rules say, by tool and mode",
         {},
         {kSessionOption, kProjectOption},
         matrix},
    };
}

} // namespace kheish::ctl
