#include "govern/permission.hpp"

#include <gtest/gtest.h>

#include <array>

/// Rules about what a call does, not only about which tool it is.
namespace kheish::govern {
namespace {

using enum Behavior;

Rule command_rule(Behavior behavior, std::string_view command, RuleScope scope = RuleScope::user) {
    return {
        .pattern = "bash",
        .behavior = behavior,
        .scope = scope,
        .reason = {},
        .command = *parse_command_pattern(command)};
}

Rule path_rule(
    const char* tool, Behavior behavior, const char* path, RuleScope scope = RuleScope::user) {
    return {
        .pattern = tool,
        .behavior = behavior,
        .scope = scope,
        .reason = {},
        .command = {},
        .path = path};
}

Rule host_rule(Behavior behavior, std::string_view host, RuleScope scope = RuleScope::user) {
    return {
        .pattern = "web_fetch",
        .behavior = behavior,
        .scope = scope,
        .reason = {},
        .host = *codec::parse_host_pattern(host)};
}

Judgement judged(const std::vector<Rule>& rules, const char* command, Mode mode = Mode::standard) {
    return judge(mode, rules, {.tool = "bash", .command = command});
}

TEST(CommandRules, AnAllowHoldsWhereEverythingIsCovered) {
    const std::vector<Rule> rules{
        command_rule(allow, "git status"),
        command_rule(allow, "git diff *"),
        command_rule(allow, "ls *")};
    for (const char* text :
         {"git status",
          "git diff",
          "git diff --stat a",
          "git status && ls -l | ls",
          "git status 2>&1",
          "git status; git diff 'a b'"}) {
        EXPECT_EQ(judged(rules, text).decision, allow) << text;
    }
    for (const char* text :
         {"git status --short",
          "git statusx",
          "git",
          "git push",
          "git status && rm a",
          "git status > a",
          "git status $A",
          "git status $(rm a)",
          "A=b git status",
          "ls *",
          "",
          "git diff; eval b",
          "sudo ls",
          "/tmp/git status",
          "git diff `a`",
          "git status &"
          "\nrm a"})
        EXPECT_EQ(judged(rules, text).decision, ask) << text;
    EXPECT_EQ(judged(rules, "git diff a").rule_pattern, "bash(git diff *)");
}

TEST(CommandRules, ADenyHoldsWhereAnythingMayBe) {
    const std::vector<Rule> rules{
        {"bash", allow, RuleScope::session, {}}, command_rule(deny, "git push *")};
    EXPECT_EQ(judged(rules, "make && ls").decision, allow);
    for (const char* text :
         {"git push",
          "git push origin",
          "make && git push",
          "sudo git push",
          "bash -c 'git push'",
          "if a; then git push; fi",
          "echo $(git push)",
          "/usr/bin/git push"})
        for (const Mode mode : {Mode::standard, Mode::bypass_permissions, Mode::accept_edits}) {
            const Judgement judgement = judged(rules, text, mode);
            EXPECT_EQ(judgement.decision, deny) << text;
            EXPECT_EQ(judgement.reason, "denied by rule bash(git push *)");
        }
}

TEST(CommandRules, TheStrictestCommandDecidesAndTheMostSpecificRuleForEach) {
    const std::vector<Rule> rules{
        command_rule(allow, "git *"),
        command_rule(ask, "git push *"),
        command_rule(allow, "git push origin test"),
        command_rule(deny, "git push --force *")};
    EXPECT_EQ(judged(rules, "git log").decision, allow);
    EXPECT_EQ(judged(rules, "git push a").decision, ask);
    EXPECT_EQ(judged(rules, "git push origin test").decision, allow);
    EXPECT_EQ(judged(rules, "git log; git push a").decision, ask);
    EXPECT_EQ(judged(rules, "git log; git push a").rule_pattern, "bash(git push *)");
    EXPECT_EQ(judged(rules, "git push a; git push --force a").decision, deny);
    EXPECT_EQ(judged(rules, "git push a", Mode::bypass_permissions).decision, allow);
    EXPECT_EQ(judged(rules, "git push a", Mode::dont_ask).decision, deny);
    EXPECT_EQ(judged(rules, "git log", Mode::plan).decision, deny);
}

TEST(CommandRules, AnEarlierScopeSettlesAllowAndAsk) {
    const std::vector<Rule> rules{
        command_rule(ask, "make *", RuleScope::session),
        command_rule(allow, "make test", RuleScope::user)};
    EXPECT_EQ(judged(rules, "make test").decision, ask);
    EXPECT_EQ(judged(rules, "make test").rule_scope, RuleScope::session);
}

TEST(PathRules, HoldForTheirToolAndTheirNames) {
    const std::vector<Rule> rules{
        path_rule("edit_file", allow, "src/**"),
        path_rule("*", deny, "**/.env"),
        path_rule("read_file", ask, "private/**")};
    const auto judged = [&rules](const char* tool, const char* path) {
        return judge(Mode::standard, rules, {.tool = tool, .path = path}).decision;
    };
    EXPECT_EQ(judged("edit_file", "src/a/b.c"), allow);
    EXPECT_EQ(judged("edit_file", "./src/b.c"), allow);
    EXPECT_EQ(judged("edit_file", "docs/a"), ask);
    EXPECT_EQ(judged("write_file", "src/a"), ask) << "another tool";
    EXPECT_EQ(judged("edit_file", "src/.env"), deny);
    EXPECT_EQ(judged("read_file", ".env"), deny);
    EXPECT_EQ(judged("read_file", "private/a"), ask);
    EXPECT_EQ(judged("read_file", "a"), allow);
    EXPECT_EQ(judged("grep_search", "."), deny) << "it would look at .env";
    EXPECT_EQ(judged("emit_output", ""), allow) << "it has no path";
}

Behavior of_page(const std::vector<Rule>& rules, const char* url) {
    return judge(Mode::standard, rules, {.tool = "web_fetch", .url = *codec::parse_url(url)})
        .decision;
}

TEST(HostRules, AnAllowHoldsForTheHostAndItsUsualPort) {
    const std::vector<Rule> rules{
        host_rule(allow, "docs.example.com"),
        host_rule(allow, "*.wiki.example"),
        host_rule(allow, "build.example:8443")};
    EXPECT_EQ(of_page(rules, "https://docs.example.com/a?b"), allow);
    EXPECT_EQ(of_page(rules, "https://DOCS.example.com.:443/"), allow);
    EXPECT_EQ(of_page(rules, "https://docs.example.com:8443/"), ask);
    EXPECT_EQ(of_page(rules, "https://example.com/"), ask);
    EXPECT_EQ(of_page(rules, "https://docs.example.com.evil.example/"), ask);
    EXPECT_EQ(of_page(rules, "https://a.wiki.example/"), allow);
    EXPECT_EQ(of_page(rules, "https://wiki.example/"), ask);
    EXPECT_EQ(of_page(rules, "https://build.example:8443/"), allow);
    EXPECT_EQ(of_page(rules, "https://build.example/"), ask);
}

TEST(HostRules, ADenyHoldsForEveryPortAndAgainstEveryAllow) {
    for (const RuleScope scope : {RuleScope::session, RuleScope::project, RuleScope::user}) {
        const std::vector<Rule> rules{
            {"*", allow, RuleScope::session, {}},
            host_rule(allow, "bad.example", RuleScope::session),
            host_rule(deny, "bad.example", scope),
            host_rule(deny, "*.bad.example", scope)};
        EXPECT_EQ(of_page(rules, "https://bad.example/"), deny);
        EXPECT_EQ(of_page(rules, "https://bad.example:8443/"), deny);
        EXPECT_EQ(of_page(rules, "https://a.b.bad.example/"), deny);
        EXPECT_EQ(of_page(rules, "https://good.example/"), allow);
    }
}

TEST(HostRules, TheMostSpecificOneOfAScopeDecides) {
    const std::vector<Rule> rules{
        {"web_fetch", allow, RuleScope::user, {}},
        host_rule(ask, "*.example.com"),
        host_rule(allow, "docs.example.com")};
    EXPECT_EQ(of_page(rules, "https://docs.example.com/"), allow);
    EXPECT_EQ(of_page(rules, "https://mail.example.com/"), ask);
    EXPECT_EQ(of_page(rules, "https://other.example/"), allow);
}

TEST(Subjects, AreWhatACallIsAbout) {
    std::string storage;
    const auto subject = [&storage](const char* tool, const char* input) {
        return subject_of(tool, *codec::parse_json(input), storage);
    };
    EXPECT_EQ(subject("bash", R"({"command":"ls","path":"x"})").command, "ls");
    EXPECT_EQ(subject("bash", R"({"command":"ls","path":"x"})").path, "");
    EXPECT_EQ(subject("read_file", R"({"path":"a/b"})").path, "a/b");
    EXPECT_EQ(subject("grep_search", R"({"pattern":"x"})").path, ".");
    EXPECT_EQ(subject("read_file", R"({"path":7})").path, "");
    EXPECT_EQ(
        subject("web_fetch", R"({"url":"https://A.example:8443/b"})").url->site(),
        "a.example:8443");
    EXPECT_FALSE(subject("web_fetch", R"({"url":"a.example"})").url);
    EXPECT_FALSE(subject("web_fetch", R"({})").url);
    EXPECT_FALSE(subject("bash", R"({"command":"ls","url":"https://a.example"})").url);
}

TEST(RuleChecks, RefuseWhatCouldNeverMatch) {
    for (const char* text : {"git status", "git diff *", "'a b' c", "make"})
        EXPECT_TRUE(parse_command_pattern(text)) << text;
    for (const char* text :
         {"",
          "*",
          " *",
          "a; b",
          "a && b",
          "$A",
          "a > b",
          "a*",
          "git * push",
          "A=b c",
          "if",
          "\"a",
          "sudo $(a)"})
        EXPECT_EQ(parse_command_pattern(text).error().code, Errc::bad_request) << text;
    Rule rule = command_rule(allow, "ls");
    EXPECT_TRUE(check_rule(rule));
    rule.pattern = "read_file";
    EXPECT_FALSE(check_rule(rule));
    EXPECT_TRUE(check_rule(path_rule("read_*", allow, "src/**")));
    EXPECT_FALSE(check_rule(path_rule("bash", allow, "src/**")));
    EXPECT_FALSE(check_rule(path_rule("read_file", allow, "/etc/**")));
    EXPECT_FALSE(check_rule(path_rule("web_fetch", allow, "src/**")));
    for (const char* tool : {"web_fetch", "web_*", "*"}) {
        rule = host_rule(deny, "example.com");
        rule.pattern = tool;
        EXPECT_TRUE(check_rule(rule)) << tool;
    }
    rule.pattern = "read_file";
    EXPECT_FALSE(check_rule(rule));
    rule.pattern = "*";
    rule.path = "src/**";
    EXPECT_FALSE(check_rule(rule));
}

/// Every tool, every mode, every kind of rule: the mode changes what the rule says in the same way
/// whatever made the rule match.
TEST(RuleKinds, FollowOneTable) {
    const auto kinds = [](const std::string& tool, Behavior behavior) {
        std::vector<Rule> rules{
            {tool, behavior, RuleScope::user, {}},
            {tool.substr(0, 3) + "*", behavior, RuleScope::user, {}},
            {"*", behavior, RuleScope::user, {}}};
        rules.push_back(
            tool == "bash"        ? command_rule(behavior, "make test")
            : tool == "web_fetch" ? host_rule(behavior, "*.example.com")
                                  : path_rule(tool.c_str(), behavior, "src/**"));
        return rules;
    };
    for (const std::string tool :
         {"bash", "read_file", "list_files", "grep_search", "write_file", "edit_file", "web_fetch"})
        for (const Mode mode :
             {Mode::standard,
              Mode::accept_edits,
              Mode::plan,
              Mode::dont_ask,
              Mode::bypass_permissions})
            for (const Behavior behavior : {allow, ask, deny})
                for (const Rule& rule : kinds(tool, behavior)) {
                    const bool edits = tool == "write_file" || tool == "edit_file";
                    const bool changes = edits || tool == "bash";
                    Behavior expected = behavior;
                    if (behavior != deny && mode == Mode::plan && changes)
                        expected = deny;
                    if (behavior == ask && mode == Mode::dont_ask)
                        expected = deny;
                    if (behavior == ask &&
                        (mode == Mode::bypass_permissions || (mode == Mode::accept_edits && edits)))
                        expected = allow;
                    const std::array rules{rule};
                    Subject subject{.tool = tool, .command = "make test", .path = "src/a"};
                    if (tool == "web_fetch")
                        subject.url = *codec::parse_url("https://docs.example.com/");
                    const Judgement judgement = judge(mode, rules, subject);
                    EXPECT_EQ(judgement.decision, expected)
                        << tool << " " << to_string(mode) << " " << rule.text();
                    EXPECT_EQ(judgement.base_decision, behavior);
                    EXPECT_EQ(judgement.rule_pattern, rule.text());
                }
}

} // namespace
} // namespace kheish::govern
