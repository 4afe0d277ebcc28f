#include "govern/permission.hpp"

#include <gtest/gtest.h>

#include <array>

namespace kheish::govern {
namespace {

using enum Behavior;

// Rows: tool; columns: default, acceptEdits, bypassPermissions, plan, dontAsk.
struct Row {
    const char* tool;
    std::array<Behavior, 5> expected;
};

constexpr std::array<Mode, 5> kColumns{
    Mode::standard, Mode::accept_edits, Mode::bypass_permissions, Mode::plan, Mode::dont_ask};

constexpr std::array kTable{
    Row{"bash", {ask, ask, allow, deny, deny}},
    Row{"write_file", {ask, allow, allow, deny, deny}},
    Row{"edit_file", {ask, allow, allow, deny, deny}},
    Row{"apply_patch", {ask, allow, allow, deny, deny}},
    Row{"web_fetch", {ask, ask, allow, ask, deny}},
    Row{"mcp__files__write", {ask, ask, allow, deny, deny}},
    Row{"list_mcp_resources", {ask, ask, allow, ask, deny}},
    Row{"list_mcp_resource_templates", {ask, ask, allow, ask, deny}},
    Row{"read_mcp_resource", {ask, ask, allow, ask, deny}},
    Row{"exit_plan_mode", {ask, ask, allow, ask, deny}},
    Row{"read_file", {allow, allow, allow, allow, allow}},
    Row{"list_files", {allow, allow, allow, allow, allow}},
    Row{"grep_search", {allow, allow, allow, allow, allow}},
    Row{"emit_output", {allow, allow, allow, allow, allow}},
    Row{"task_delete", {allow, allow, allow, deny, allow}},
    Row{"something_new", {allow, allow, allow, deny, allow}},
};

TEST(Judge, FollowsTheTableWithoutRules) {
    for (const Row& row : kTable)
        for (std::size_t i = 0; i < kColumns.size(); ++i) {
            const Judgement judgement = judge(kColumns[i], {}, {row.tool});
            EXPECT_EQ(judgement.decision, row.expected[i])
                << row.tool << " in " << to_string(kColumns[i]);
            EXPECT_EQ(judgement.mode_effect.empty(), judgement.decision == judgement.base_decision)
                << row.tool << " in " << to_string(kColumns[i]);
        }
}

TEST(Judge, ADenyInAnyScopeWinsInEveryMode) {
    for (const RuleScope scope : {RuleScope::session, RuleScope::project, RuleScope::user})
        for (const Mode mode : kColumns) {
            const std::array rules{
                Rule{"bash", allow, RuleScope::session, {}},
                Rule{"ba*", deny, scope, "not here"},
            };
            const Judgement judgement = judge(mode, rules, {"bash"});
            EXPECT_EQ(judgement.decision, deny) << to_string(scope) << to_string(mode);
            EXPECT_EQ(judgement.reason, "not here");
            EXPECT_EQ(judgement.rule_scope, scope);
        }
}

TEST(Judge, ScopesSettleAllowAndAskInOrder) {
    const std::array rules{
        Rule{"bash", ask, RuleScope::user, {}},
        Rule{"*", allow, RuleScope::project, {}},
    };
    EXPECT_EQ(judge(Mode::standard, rules, {"bash"}).decision, allow);
    EXPECT_EQ(judge(Mode::standard, rules, {"bash"}).rule_pattern, "*");
}

TEST(Judge, TheMostSpecificPatternWinsInsideAScope) {
    const std::array rules{
        Rule{"*", allow, RuleScope::session, {}},
        Rule{"mcp__*", ask, RuleScope::session, {}},
        Rule{"mcp__files__*", allow, RuleScope::session, {}},
        Rule{"mcp__files__write", ask, RuleScope::session, {}},
    };
    EXPECT_EQ(judge(Mode::standard, rules, {"mcp__files__write"}).decision, ask);
    EXPECT_EQ(judge(Mode::standard, rules, {"mcp__files__read"}).decision, allow);
    EXPECT_EQ(judge(Mode::standard, rules, {"mcp__mail__send"}).decision, ask);
    EXPECT_EQ(judge(Mode::standard, rules, {"bash"}).decision, allow);
}

TEST(Judge, TheEarlierRuleWinsATie) {
    const std::array rules{
        Rule{"bash", allow, RuleScope::session, "first"},
        Rule{"bash", ask, RuleScope::session, "second"},
    };
    EXPECT_EQ(judge(Mode::standard, rules, {"bash"}).reason, "first");
}

TEST(Judge, ARuleThatAllowsStillYieldsToPlanMode) {
    const std::array rules{Rule{"bash", allow, RuleScope::session, {}}};
    EXPECT_EQ(judge(Mode::plan, rules, {"bash"}).decision, deny);
    EXPECT_EQ(judge(Mode::dont_ask, rules, {"bash"}).decision, allow);
}

TEST(Mode, HasTwoSpellings) {
    for (const Mode mode : kColumns)
        EXPECT_EQ(parse_mode(to_string(mode)), mode);
    EXPECT_EQ(parse_mode("accept-edits"), Mode::accept_edits);
    EXPECT_FALSE(parse_mode("yolo"));
}

TEST(CheckPattern, RefusesWhatCannotMatch) {
    EXPECT_TRUE(check_pattern("bash").has_value());
    EXPECT_TRUE(check_pattern("mcp__*").has_value());
    EXPECT_FALSE(check_pattern("").has_value());
    EXPECT_FALSE(check_pattern("a*b").has_value());
    EXPECT_FALSE(check_pattern(std::string(kPatternLimitBytes + 1, 'a')).has_value());
}

} // namespace
} // namespace kheish::govern
