#include "govern/permission.hpp"

#include "govern/grant.hpp"
#include "govern/mode_effect.hpp"
#include "govern/path_pattern.hpp"
#include "govern/shell_command.hpp"

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

namespace kheish::govern {

namespace {

/// What looks at everything below the directory that it is given.
constexpr std::array<std::string_view, 3> kSearchingTools{
    "list_files", "grep_search", "glob_search"};

bool is_search(std::string_view tool) {
    return std::find(kSearchingTools.begin(), kSearchingTools.end(), tool) != kSearchingTools.end();
}

/// One thing to be judged: a call, or one command of a script of plain commands.
struct Unit {
    const Subject& subject;
    const ShellScript& script; ///< that command, or all there is
    bool is_plain = false;     ///< a command, of which it is known what it is
};

/// Larger is more specific: whether there is an argument, its length, the tool's name.
using Specificity = std::tuple<bool, std::size_t, std::size_t>;

Specificity specificity(const Rule& rule) {
    const std::size_t name =
        rule.pattern.ends_with('*') ? rule.pattern.size() : kPatternLimitBytes + 1;
    const std::size_t argument = rule.command ? rule.command->text.size()
                                 : rule.path  ? rule.path->size()
                                 : rule.host  ? rule.host->text.size()
                                              : 0;
    return {rule.has_argument(), argument, name};
}

/// The one plain command that it is, or null.
const std::vector<std::string>* command_of(const Unit& unit) {
    return unit.is_plain ? &unit.script.commands.front() : nullptr;
}

bool covers(const CommandPattern& pattern, const Unit& unit) {
    const std::vector<std::string>* command = command_of(unit);
    return command != nullptr && matches_command(pattern, *command);
}

bool holds_for(const Rule& rule, const Unit& unit) {
    const bool allows = rule.behavior == Behavior::allow;
    if (!rule.matches(unit.subject.tool))
        return false;
    if (rule.command)
        return unit.subject.tool == kShellTool &&
               (allows ? covers(*rule.command, unit) : may_run(unit.script, rule.command->words));
    if (rule.host)
        return unit.subject.url && (allows ? codec::covers(*rule.host, *unit.subject.url)
                                           : codec::concerns(*rule.host, *unit.subject.url));
    if (!rule.path)
        return true;
    if (unit.subject.path.empty())
        return false;
    const bool searches = !allows && is_search(unit.subject.tool);
    return searches ? may_match_below(*rule.path, unit.subject.path)
                    : matches_path(*rule.path, unit.subject.path);
}

template <class Wanted>
const Rule* most_specific(std::span<const Rule> rules, const Unit& unit, Wanted wanted) {
    const Rule* best = nullptr;
    for (const Rule& rule : rules)
        if (wanted(rule) && holds_for(rule, unit))
            if (best == nullptr || specificity(rule) > specificity(*best))
                best = &rule;
    return best;
}

const Rule* find_rule(std::span<const Rule> rules, const Unit& unit) {
    const auto denies = [](const Rule& rule) {
        return rule.behavior == Behavior::deny;
    };
    if (const Rule* deny = most_specific(rules, unit, denies))
        return deny;
    for (const RuleScope scope :
         {RuleScope::session, RuleScope::project, RuleScope::user, RuleScope::standard}) {
        const auto in_scope = [scope](const Rule& rule) {
            return rule.scope == scope;
        };
        if (const Rule* rule = most_specific(rules, unit, in_scope))
            return rule;
    }
    return most_specific(standard_rules(), unit, [](const Rule&) { return true; });
}

/// What holds for one thing that a call does.
struct Finding {
    const Rule* rule = nullptr;   ///< null: none
    const Grant* grant = nullptr; ///< has answered what the rule asks

    Behavior behavior() const { return grant != nullptr ? Behavior::allow : rule->behavior; }
    /// Stricter is greater; of two that end alike, what the rule alone says.
    std::pair<Behavior, Behavior> strictness() const { return {behavior(), rule->behavior}; }
};

using Grants = std::span<const Grant* const>;

Finding find_for(std::span<const Rule> rules, Grants grants, const Unit& unit) {
    Finding finding{.rule = find_rule(rules, unit)};
    if (finding.rule == nullptr || finding.rule->behavior != Behavior::ask)
        return finding;
    const auto covering = std::find_if(grants.begin(), grants.end(), [&unit](const Grant* grant) {
        return covers(*grant, unit.subject, command_of(unit));
    });
    if (covering != grants.end())
        finding.grant = *covering;
    return finding;
}

/// The findings about all that the call does.
std::vector<Finding> find_all(std::span<const Rule> rules, Grants grants, const Subject& subject) {
    const ShellScript script = read_shell_script(subject.command);
    if (subject.tool != kShellTool || !script.is_plain || script.commands.empty())
        return {find_for(rules, grants, {subject, script})};
    std::vector<Finding> findings;
    for (const std::vector<std::string>& command : script.commands) {
        const ShellScript alone = script_of(command);
        findings.push_back(find_for(rules, grants, {subject, alone, true}));
    }
    return findings;
}

/// The strictest; without a rule where something has none.
Finding strictest_of(const std::vector<Finding>& findings) {
    const auto none = std::find_if(findings.begin(), findings.end(), [](const Finding& finding) {
        return finding.rule == nullptr;
    });
    if (none != findings.end())
        return *none;
    return *std::max_element(
        findings.begin(), findings.end(), [](const Finding& left, const Finding& right) {
            return left.strictness() < right.strictness();
        });
}

void note_grants(const std::vector<Finding>& findings, Judgement& judgement) {
    for (const Finding& finding : findings)
        if (finding.grant != nullptr &&
            std::find(judgement.grants.begin(), judgement.grants.end(), finding.grant->id) ==
                judgement.grants.end())
            judgement.grants.push_back(finding.grant->id);
    judgement.reason = "allowed before, by";
    for (const std::string& id : judgement.grants)
        judgement.reason += (&id == judgement.grants.data() ? " " : ", ") + id;
}

std::vector<Rule> make_standard_rules() {
    std::vector<Rule> rules;
    for (const char* asked :
         {"bash",
          "write_file",
          "edit_file",
          "apply_patch",
          "web_fetch", // an address carries out what the model has read
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

std::string Rule::text() const {
    if (command)
        return pattern + "(" + command->text + ")";
    if (host)
        return pattern + "(" + host->text + ")";
    return path ? pattern + "(" + *path + ")" : pattern;
}

Result<CommandPattern> parse_command_pattern(std::string_view text) {
    constexpr std::string_view kOpenEnd = " *";
    CommandPattern pattern;
    pattern.text = text;
    pattern.open_end = text.ends_with(kOpenEnd);
    const ShellScript script =
        read_shell_script(pattern.open_end ? text.substr(0, text.size() - kOpenEnd.size()) : text);
    if (text.size() > kPatternLimitBytes || !script.is_plain || script.commands.size() != 1)
        return fail(
            Errc::bad_request,
            "\"" + std::string(text.substr(0, kPatternLimitBytes)) +
                "\" is not one plain command such as \"git status\", or its beginning such as "
                "\"git "
                "diff *\"");
    pattern.words = script.commands.front();
    return pattern;
}

Subject subject_of(std::string_view tool, const codec::Json& input, std::string& storage) {
    Subject subject{.tool = tool};
    if (tool == kWebTool) {
        const std::optional<codec::Json> address = input.find("url");
        if (Result<codec::Url> url = codec::parse_url(
                address && address->is_string() ? address->string() : std::string()))
            subject.url = *std::move(url);
        return subject;
    }
    const std::optional<codec::Json> argument = input.find(tool == kShellTool ? "command" : "path");
    if (!argument || !argument->is_string()) {
        // Without a path they look at the whole workspace.
        if (is_search(tool))
            subject.path = ".";
        return subject;
    }
    storage = argument->string();
    (tool == kShellTool ? subject.command : subject.path) = storage;
    return subject;
}

Status check_rule(const Rule& rule) {
    KHEISH_CHECK(check_pattern(rule.pattern));
    if (rule.command && rule.pattern != kShellTool)
        return fail(
            Errc::bad_request,
            "a rule about commands is one of bash, not of \"" + rule.pattern + "\"");
    if (rule.host && !rule.matches(kWebTool))
        return fail(
            Errc::bad_request,
            "a rule about hosts is one of web_fetch, not of \"" + rule.pattern + "\"");
    if ((rule.command ? 1 : 0) + (rule.path ? 1 : 0) + (rule.host ? 1 : 0) > 1)
        return fail(
            Errc::bad_request, "a rule is about a command, a path or a host: one of them only");
    if (rule.path && rule.pattern == kShellTool)
        return fail(
            Errc::bad_request, "which paths a command of bash uses cannot be told: use a command");
    if (rule.path && rule.pattern == kWebTool)
        return fail(Errc::bad_request, "web_fetch goes to hosts, not to paths: use a host");
    if (rule.path)
        KHEISH_CHECK(check_path_pattern(*rule.path));
    return {};
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

bool matches_command(const CommandPattern& pattern, const std::vector<std::string>& command) {
    return pattern.open_end ? begins_with(command, pattern.words) : command == pattern.words;
}

Judgement judge(Mode mode, std::span<const Rule> rules, const Subject& subject, Grants grants) {
    Judgement judgement;
    judgement.mode = mode;
    const std::vector<Finding> findings = find_all(rules, grants, subject);
    const Finding strictest = strictest_of(findings);
    if (strictest.rule == nullptr) {
        judgement.reason = "no permission rule names this tool";
        return judgement;
    }
    const Rule& rule = *strictest.rule;
    judgement.base_decision = rule.behavior;
    judgement.decision = strictest.behavior();
    judgement.rule_pattern = rule.text();
    judgement.rule_scope = rule.scope;
    judgement.reason = rule.reason;
    if (rule.behavior == Behavior::deny) {
        if (judgement.reason.empty())
            judgement.reason = "denied by rule " + rule.text();
        return judgement;
    }
    if (strictest.grant != nullptr)
        note_grants(findings, judgement);
    apply_mode(subject, judgement);
    if (judgement.decision != Behavior::allow)
        judgement.grants.clear();
    return judgement;
}

} // namespace kheish::govern
