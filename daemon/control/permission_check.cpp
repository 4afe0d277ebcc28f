#include "control/permission_check.hpp"

#include "codec/object_reader.hpp"
#include "codec/runner_message.hpp"
#include "control/requests.hpp"
#include "govern/action.hpp"
#include "govern/grant.hpp"
#include "tools/input.hpp"

#include <array>

namespace kheish::control {

namespace {

using codec::Json;
using codec::ObjectReader;

constexpr std::array kModes{
    govern::Mode::standard,
    govern::Mode::accept_edits,
    govern::Mode::plan,
    govern::Mode::dont_ask,
    govern::Mode::bypass_permissions};

void read_session(ObjectReader& reader, std::optional<SessionId>& session) {
    const std::optional<std::string> text = reader.optional_string("session_id", kLabelLimitBytes);
    if (!text)
        return;
    if (Result<SessionId> parsed = parse_session_id(*text))
        session = *std::move(parsed);
    else
        reader.reject_with(parsed.error());
}

void read_mode(ObjectReader& reader, std::optional<govern::Mode>& mode) {
    const std::optional<std::string> text =
        reader.optional_string("mode_override", kLabelLimitBytes);
    if (!text)
        return;
    mode = govern::parse_mode(*text);
    if (!mode)
        reader.reject(
            "mode_override", "must be default, acceptEdits, plan, dontAsk or bypassPermissions");
}

void read_project(ObjectReader& reader, std::optional<std::string>& project) {
    project = reader.optional_string("project_permissions", codec::runner::kPayloadBytes);
}

govern::Judgement judge(
    std::span<const govern::Rule> rules,
    govern::Mode mode,
    const std::string& tool,
    const Json& input) {
    std::string argument;
    return govern::judge(mode, rules, govern::subject_of(tool, input, argument));
}

/// What both views say of a judgement.
Json judgement_view(const std::string& tool, const govern::Judgement& judgement) {
    Json view = Json::object({
        {"tool_name", tool},
        {"decision", govern::to_string(judgement.decision)},
        {"base_decision", govern::to_string(judgement.base_decision)},
        {"approval_required", judgement.decision == govern::Behavior::ask},
        {"scope", govern::to_string(judgement.rule_scope)},
    });
    if (!judgement.rule_pattern.empty())
        view.set("matched_rule", judgement.rule_pattern);
    if (!judgement.mode_effect.empty())
        view.set("mode_effect", judgement.mode_effect);
    if (!judgement.reason.empty())
        view.set("reason", judgement.reason);
    if (!judgement.grants.empty()) {
        Json grants = Json::array();
        for (const std::string& grant : judgement.grants)
            grants.append(Json(grant));
        view.set("grants", std::move(grants));
    }
    return view;
}

/// What the record would say.
Json audit_view(const CheckPermission& request, const govern::Judgement& judgement) {
    Json view = Json::object({
        {"decision", govern::to_string(judgement.decision)},
        {"base_decision", govern::to_string(judgement.base_decision)},
        {"effective_mode", govern::to_string(judgement.mode)},
        {"mode_effect", judgement.mode_effect},
        {"matched_rule_pattern", judgement.rule_pattern},
        {"matched_rule_origin", "static"},
        {"scope", govern::to_string(judgement.rule_scope)},
        {"reason", judgement.reason},
    });
    if (!request.call.empty())
        view.set("tool_call_id", request.call);
    return view;
}

Json argument_rules(std::span<const govern::Rule> rules, std::string_view tool) {
    Json found = Json::array();
    for (const govern::Rule& rule : rules)
        if (rule.has_argument() && rule.matches(tool))
            found.append(Json::object(
                {{"rule", rule.text()},
                 {"behavior", govern::to_string(rule.behavior)},
                 {"scope", govern::to_string(rule.scope)}}));
    return found;
}

/// Files of a workspace are read by a run, in its sandbox; here only the text that was given.
std::string_view project_scope(const std::optional<std::string>& project) {
    return project ? "as_given" : "not_read_in_dry_run";
}

} // namespace

Result<CheckPermission> parse_check_permission(const Json& body) {
    ObjectReader reader(body, "body");
    CheckPermission request;
    request.tool = reader.required_string("tool_name", kLabelLimitBytes);
    if (reader.ok() && request.tool.empty())
        reader.reject("tool_name", "must not be empty");
    request.input = reader.optional_object("input").value_or(Json::object());
    request.call = reader.optional_string("tool_call_id", kLabelLimitBytes).value_or("");
    read_session(reader, request.session);
    read_mode(reader, request.mode);
    read_project(reader, request.project);
    KHEISH_CHECK(reader.finish());
    const tools::Tool* tool = ToolSurface::of_built_in_tools().find(request.tool);
    if (tool == nullptr || request.input.keys().empty())
        return request;
    Result<std::string> valid = tools::validate_input(*tool, codec::canonical_json(request.input));
    if (!valid)
        return fail(std::move(valid).error().wrap("body.input"));
    KHEISH_TRY(request.input, codec::parse_json(*valid));
    return request;
}

Result<DescribeMatrix> parse_describe_matrix(const Json& body) {
    ObjectReader reader(body, "body");
    DescribeMatrix request;
    read_session(reader, request.session);
    read_project(reader, request.project);
    KHEISH_CHECK(reader.finish());
    return request;
}

Json permission_check_view(
    const Settings& settings, const InForce& in_force, const CheckPermission& request) {
    std::string argument;
    govern::Subject subject = govern::subject_of(request.tool, request.input, argument);
    if (!in_force.grants.empty())
        subject.action = govern::recurring_digest(govern::Action{
            .run = {},
            .call = {},
            .tool = request.tool,
            .input = codec::canonical_json(request.input),
            .working_directory = in_force.workspace,
            .sandbox_profile = settings.sandbox_profile});
    const govern::Mode mode = request.mode.value_or(settings.permission_mode);
    govern::Judgement judgement;
    judgement.mode = mode;
    judgement.reason = in_force.tools.why_hidden(request.tool);
    if (judgement.reason.empty()) // else no rule is asked
        judgement = govern::judge(mode, in_force.rules, subject, in_force.grants);
    Json view = judgement_view(request.tool, judgement);
    view.set("mode_applied", govern::to_string(judgement.mode));
    view.set("audit_preview", audit_view(request, judgement));
    view.set("hooks_evaluated", false);
    view.set("hook_policy", "not_executed_in_dry_run");
    view.set("project_policy", project_scope(request.project));
    if (request.session)
        view.set("session_id", request.session->value);
    return view;
}

Json permission_matrix_view(
    std::span<const govern::Rule> rules, const ToolSurface& tools, const DescribeMatrix& request) {
    Json modes = Json::array();
    for (const govern::Mode mode : kModes) {
        Json rows = Json::array();
        for (const tools::Tool* tool : tools.visible()) {
            const std::string name(tool->name);
            Json row = judgement_view(name, judge(rules, mode, name, Json::object()));
            if (Json found = argument_rules(rules, name); found.size() > 0)
                row.set("argument_rules", std::move(found));
            rows.append(std::move(row));
        }
        modes.append(Json::object({{"mode", govern::to_string(mode)}, {"tools", std::move(rows)}}));
    }
    Json view = Json::object(
        {{"modes", std::move(modes)}, {"project_policy", project_scope(request.project)}});
    if (request.session)
        view.set("session_id", request.session->value);
    return view;
}

} // namespace kheish::control
