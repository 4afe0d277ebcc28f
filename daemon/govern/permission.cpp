#include "govern/permission.hpp"

#include <algorithm>
#include <array>

namespace kheish::govern {

namespace {

template <class Key>
struct Word {
    Key key;
    std::string_view text;
};

constexpr std::array<Word<Mode>, 5> kModes{{
    {Mode::standard, "default"},
    {Mode::accept_edits, "acceptEdits"},
    {Mode::plan, "plan"},
    {Mode::dont_ask, "dontAsk"},
    {Mode::bypass_permissions, "bypassPermissions"},
}};

constexpr std::array<Word<Mode>, 3> kCommandLineModes{{
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

/// Larger is more specific; an exact name beats every prefix.
std::size_t specificity(const Rule& rule) {
    return rule.pattern.ends_with('*') ? rule.pattern.size() : kPatternLimitBytes + 1;
}

const Rule* find_deny(std::span<const Rule> rules, std::string_view tool) {
    const Rule* best = nullptr;
    for (const Rule& rule : rules)
        if (rule.behavior == Behavior::deny && rule.matches(tool))
            if (best == nullptr || specificity(rule) > specificity(*best))
                best = &rule;
    return best;
}

const Rule* find_in_scope(std::span<const Rule> rules, RuleScope scope, std::string_view tool) {
    const Rule* best = nullptr;
    for (const Rule& rule : rules)
        if (rule.scope == scope && rule.matches(tool))
            if (best == nullptr || specificity(rule) > specificity(*best))
                best = &rule;
    return best;
}

const Rule* find_rule(std::span<const Rule> rules, std::string_view tool) {
    if (const Rule* deny = find_deny(rules, tool))
        return deny;
    for (const RuleScope scope :
         {RuleScope::session, RuleScope::project, RuleScope::user, RuleScope::standard})
        if (const Rule* rule = find_in_scope(rules, scope, tool))
            return rule;
    return find_in_scope(standard_rules(), RuleScope::standard, tool);
}

void apply_mode(std::string_view tool, Judgement& judgement) {
    const bool asks = judgement.base_decision == Behavior::ask;
    switch (judgement.mode) {
    case Mode::standard:
        return;
    case Mode::accept_edits:
        if (asks && contains(kEditTools, tool)) {
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

std::vector<Rule> make_standard_rules() {
    std::vector<Rule> rules;
    for (const char* asked :
         {"bash",
          "write_file",
          "edit_file",
          "apply_patch",
          "mcp__*",
          "list_mcp_resources",
          "list_mcp_resource_templates",
          "read_mcp_resource",
          "exit_plan_mode"})
        rules.push_back({asked, Behavior::ask, RuleScope::standard, {}});
    rules.push_back({"*", Behavior::allow, RuleScope::standard, {}});
    return rules;
}

} // namespace

std::string_view to_string(Mode mode) {
    for (const Word<Mode>& row : kModes)
        if (row.key == mode)
            return row.text;
    return {};
}

std::optional<Mode> parse_mode(std::string_view text) {
    for (const Word<Mode>& row : kModes)
        if (row.text == text)
            return row.key;
    for (const Word<Mode>& row : kCommandLineModes)
        if (row.text == text)
            return row.key;
    return std::nullopt;
}

std::string_view to_string(Behavior behavior) {
    constexpr std::array<std::string_view, 3> kWords{"allow", "ask", "deny"};
    return kWords[static_cast<std::size_t>(behavior)];
}

std::string_view to_string(RuleScope scope) {
    constexpr std::array<std::string_view, 4> kWords{"session", "project", "user", "default"};
    return kWords[static_cast<std::size_t>(scope)];
}

bool Rule::matches(std::string_view tool) const {
    if (!pattern.ends_with('*'))
        return pattern == tool;
    return tool.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
}

Status check_pattern(std::string_view pattern) {
    if (pattern.empty())
        return fail(Errc::bad_request, "a permission pattern must not be empty");
    if (pattern.size() > kPatternLimitBytes)
        return fail(
            Errc::bad_request,
            "a permission pattern has at most " + std::to_string(kPatternLimitBytes) + " bytes");
    const std::size_t star = pattern.find('*');
    if (star != std::string_view::npos && star + 1 != pattern.size())
        return fail(
            Errc::bad_request,
            "\"" + std::string(pattern) + "\": a permission pattern may hold * at its end only");
    return {};
}

std::span<const Rule> standard_rules() {
    static const std::vector<Rule> rules = make_standard_rules();
    return rules;
}

Judgement judge(Mode mode, std::span<const Rule> rules, std::string_view tool) {
    Judgement judgement;
    judgement.mode = mode;
    const Rule* rule = find_rule(rules, tool);
    if (rule == nullptr) {
        judgement.reason = "no permission rule names this tool";
        return judgement;
    }
    judgement.base_decision = rule->behavior;
    judgement.decision = rule->behavior;
    judgement.rule_pattern = rule->pattern;
    judgement.rule_scope = rule->scope;
    judgement.reason = rule->reason;
    if (rule->behavior == Behavior::deny) {
        if (judgement.reason.empty())
            judgement.reason = "denied by rule " + rule->pattern;
        return judgement;
    }
    apply_mode(tool, judgement);
    return judgement;
}

} // namespace kheish::govern
