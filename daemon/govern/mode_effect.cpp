#include "govern/mode_effect.hpp"

#include "govern/path_pattern.hpp"

#include <algorithm>
#include <array>

namespace kheish::govern {

namespace {

struct Word {
    Mode key;
    std::string_view text;
};

constexpr std::array<Word, 5> kModes{{
    {Mode::standard, "default"},
    {Mode::accept_edits, "acceptEdits"},
    {Mode::plan, "plan"},
    {Mode::dont_ask, "dontAsk"},
    {Mode::bypass_permissions, "bypassPermissions"},
}};

constexpr std::array<Word, 3> kCommandLineModes{{
    {Mode::accept_edits, "accept-edits"},
    {Mode::dont_ask, "dont-ask"},
    {Mode::bypass_permissions, "bypass-permissions"},
}};

constexpr std::array<std::string_view, 3> kEditTools{"write_file", "edit_file", "apply_patch"};

// What plan mode lets through: looking, planning, coordinating.
constexpr std::array<std::string_view, 28> kPlanTools{
    "read_file",          "list_files",         "glob_search",
    "grep_search",        "web_search",         "web_fetch",
    "emit_output",        "ask_user_question",  "ask_operator",
    "notify_operator",    "spawn_agent",        "message_agent",
    "wait_agent",         "list_agents",        "list_agent_summaries",
    "get_agent",          "task_get",           "task_list",
    "task_output",        "todo_write",         "schedule_list",
    "schedule_get",       "get_goal",           "list_skills",
    "project_list_tasks", "list_mcp_resources", "list_mcp_resource_templates",
    "read_mcp_resource",
};
/// What puts something to a person and waits for the answer.
constexpr std::array<std::string_view, 2> kAskingTools{"ask_user_question", "ask_operator"};
constexpr std::string_view kLeavePlanTool = "exit_plan_mode";

template <std::size_t Count>
bool contains(const std::array<std::string_view, Count>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// Where a project says what it does not permit: no edit like another.
constexpr std::string_view kProjectRules = ".kheish/**";

} // namespace

void apply_mode(const Subject& subject, Judgement& judgement) {
    const std::string_view tool = subject.tool;
    const bool asks = judgement.decision == Behavior::ask;
    switch (judgement.mode) {
    case Mode::standard:
        return;
    case Mode::accept_edits:
        if (asks && contains(kEditTools, tool) && !matches_path(kProjectRules, subject.path)) {
            judgement.decision = Behavior::allow;
            judgement.mode_effect = "accept_edits_auto_allowed_edit_approval";
        }
        return;
    case Mode::bypass_permissions:
        if (asks) {
            judgement.decision = Behavior::allow;
            judgement.mode_effect = "bypass_permissions_auto_allowed_approval";
        }
        return;
    case Mode::dont_ask:
        if (asks) {
            judgement.decision = Behavior::deny;
            judgement.mode_effect = "dont_ask_denied_approval";
            judgement.reason = "this tool needs an approval and the mode is dontAsk";
        } else if (contains(kAskingTools, tool) && judgement.decision == Behavior::allow) {
            judgement.decision = Behavior::deny;
            judgement.mode_effect = "dont_ask_denied_question";
            judgement.reason = "nobody is there to answer: the mode is dontAsk";
        }
        return;
    case Mode::plan:
        if (!contains(kPlanTools, tool) && tool != kLeavePlanTool) {
            judgement.decision = Behavior::deny;
            judgement.mode_effect = "plan_mode_denied_non_whitelisted_tool";
            judgement.reason = "this tool is not available in plan mode";
        }
        return;
    }
}

std::string_view to_string(Mode mode) {
    for (const Word& row : kModes)
        if (row.key == mode)
            return row.text;
    return {};
}

std::optional<Mode> parse_mode(std::string_view text) {
    for (const Word& row : kModes)
        if (row.text == text)
            return row.key;
    for (const Word& row : kCommandLineModes)
        if (row.text == text)
            return row.key;
    return std::nullopt;
}

} // namespace kheish::govern
