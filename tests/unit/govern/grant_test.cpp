#include "govern/grant.hpp"

#include <gtest/gtest.h>

#include <array>

/// What people have allowed beforehand, beside rules and modes.
namespace kheish::govern {
namespace {

const codec::Digest kAction = codec::sha256("an action");

Grant grant_of(GrantKind kind, std::string tool, const std::string& pattern = "") {
    Result<Grant> grant = make_grant("grant-1-1", std::move(tool), kind, pattern, kAction);
    EXPECT_TRUE(grant.has_value()) << grant.error().to_string();
    return grant.value_or(Grant{});
}

Judgement judged(
    const Grant& grant,
    const Subject& subject,
    Mode mode = Mode::standard,
    std::vector<Rule> rules = {}) {
    const std::array<const Grant*, 1> grants{&grant};
    return judge(mode, rules, subject, grants);
}

Behavior of_command(const Grant& grant, std::string_view command) {
    return judged(grant, {.tool = "bash", .command = command}).decision;
}

TEST(GrantRules, ACommandCoversEachCommandOfAScriptOrNothing) {
    const Grant grant = grant_of(GrantKind::command, "bash", "git push *");
    for (const char* text : {"git push", "git push origin main", "git push && git push -f"})
        EXPECT_EQ(of_command(grant, text), Behavior::allow) << text;
    for (const char* text :
         {"git pull",
          "git push; rm a",
          "git push $(rm a)",
          "git push > a",
          "sudo git push",
          "eval git push",
          ""})
        EXPECT_EQ(of_command(grant, text), Behavior::ask) << text;
}

TEST(GrantRules, TheDecisionNamesWhatMadeIt) {
    const Grant grant = grant_of(GrantKind::command, "bash", "git push *");
    const Judgement judgement = judged(grant, {.tool = "bash", .command = "git push; git push"});
    EXPECT_EQ(judgement.grants, std::vector<std::string>{"grant-1-1"});
    EXPECT_EQ(judgement.base_decision, Behavior::ask);
    EXPECT_EQ(judgement.reason, "allowed before, by grant-1-1");
    EXPECT_TRUE(judged(grant, {.tool = "bash", .command = "git push; rm a"}).grants.empty());
}

TEST(GrantRules, ADenyIsNeverOverruled) {
    const Grant grant = grant_of(GrantKind::exact, "bash");
    const Subject subject{.tool = "bash", .command = "git push", .path = {}, .action = kAction};
    EXPECT_EQ(judged(grant, subject).decision, Behavior::allow);
    for (const RuleScope scope : {RuleScope::session, RuleScope::project, RuleScope::user}) {
        const Rule deny{
            .pattern = "bash", .behavior = Behavior::deny, .scope = scope, .reason = {}};
        const Judgement judgement = judged(grant, subject, Mode::bypass_permissions, {deny});
        EXPECT_EQ(judgement.decision, Behavior::deny);
        EXPECT_TRUE(judgement.grants.empty());
    }
    const Judgement planned = judged(grant, subject, Mode::plan);
    EXPECT_EQ(planned.decision, Behavior::deny);
    EXPECT_TRUE(planned.grants.empty());
    EXPECT_EQ(judged(grant, subject, Mode::dont_ask).decision, Behavior::allow)
        << "nobody has to be asked";
    // Whatever scope it is that asks.
    const Rule ask{
        .pattern = "bash", .behavior = Behavior::ask, .scope = RuleScope::project, .reason = {}};
    EXPECT_EQ(judged(grant, subject, Mode::standard, {ask}).decision, Behavior::allow);
}

TEST(GrantRules, AHostCoversItsPagesAndNoOthers) {
    const Grant grant = grant_of(GrantKind::host, "web_fetch", "*.example.com");
    const auto of_page = [&grant](const char* url, Mode mode = Mode::standard) {
        return judged(grant, {.tool = "web_fetch", .url = *codec::parse_url(url)}, mode).decision;
    };
    EXPECT_EQ(of_page("https://docs.example.com/a"), Behavior::allow);
    EXPECT_EQ(of_page("https://docs.example.com/b?c", Mode::plan), Behavior::allow);
    for (const char* url :
         {"https://example.com/",
          "https://docs.example.com:8443/",
          "https://docs.example.com.evil.example/"})
        EXPECT_EQ(of_page(url), Behavior::ask) << url;
    const Rule deny{
        .pattern = "web_fetch",
        .behavior = Behavior::deny,
        .scope = RuleScope::user,
        .reason = {},
        .host = *codec::parse_host_pattern("docs.example.com")};
    const Subject page{
        .tool = "web_fetch", .url = *codec::parse_url("https://docs.example.com:8443/")};
    EXPECT_EQ(judged(grant, page, Mode::standard, {deny}).decision, Behavior::deny);
    for (const char* tool : {"bash", "read_file", "web_search"})
        EXPECT_FALSE(make_grant("grant-1-1", tool, GrantKind::host, "example.com", kAction))
            << tool;
    EXPECT_FALSE(make_grant("grant-1-1", "web_fetch", GrantKind::host, "*", kAction));
    EXPECT_FALSE(make_grant("grant-1-1", "web_fetch", GrantKind::path, "a/**", kAction));
}

TEST(GrantRules, EveryKindCoversItsOwnAndNothingElse) {
    const Subject same{.tool = "bash", .command = "make", .path = {}, .action = kAction};
    Subject other = same;
    other.action = codec::sha256("another action");
    const Grant exact = grant_of(GrantKind::exact, "bash");
    EXPECT_EQ(judged(exact, same).decision, Behavior::allow);
    EXPECT_EQ(judged(exact, other).decision, Behavior::ask);
    other.action.reset();
    EXPECT_EQ(judged(exact, other).decision, Behavior::ask);
    EXPECT_EQ(
        judged(exact, {.tool = "write_file", .command = {}, .path = "a", .action = kAction})
            .decision,
        Behavior::ask);
    const Grant path = grant_of(GrantKind::path, "write_file", "src/**");
    const auto write = [&path](const char* tool, const char* name) {
        return judged(path, {.tool = tool, .command = {}, .path = name}).decision;
    };
    EXPECT_EQ(write("write_file", "src/a/b.c"), Behavior::allow);
    EXPECT_EQ(write("write_file", "./src//a"), Behavior::allow);
    EXPECT_EQ(write("write_file", "doc/a"), Behavior::ask);
    EXPECT_EQ(write("write_file", ""), Behavior::ask);
    EXPECT_EQ(write("edit_file", "src/a/b.c"), Behavior::ask) << "another tool";
}

TEST(GrantRules, TheRulesOfAProjectAreCoveredByNameOnly) {
    const Subject rules{.tool = "write_file", .command = {}, .path = ".kheish/permissions.toml"};
    for (const char* pattern : {"**", "*/permissions.toml", ".k*/**"})
        EXPECT_EQ(
            judged(grant_of(GrantKind::path, "write_file", pattern), rules).decision, Behavior::ask)
            << pattern;
    EXPECT_EQ(
        judged(grant_of(GrantKind::path, "write_file", ".kheish/*"), rules).decision,
        Behavior::allow);
}

TEST(GrantRules, WhatCouldCoverNothingIsRefused) {
    const auto error = [](GrantKind kind, const char* tool, const char* pattern) {
        const Result<Grant> grant = make_grant("grant-1-1", tool, kind, pattern, kAction);
        return grant ? Errc::internal : grant.error().code;
    };
    EXPECT_EQ(error(GrantKind::command, "write_file", "git push"), Errc::bad_request);
    EXPECT_EQ(error(GrantKind::command, "bash", "git push; rm a"), Errc::bad_request);
    EXPECT_EQ(error(GrantKind::command, "bash", ""), Errc::bad_request);
    EXPECT_EQ(error(GrantKind::command, "bash", "*"), Errc::bad_request);
    EXPECT_EQ(error(GrantKind::path, "bash", "src/**"), Errc::bad_request);
    EXPECT_EQ(error(GrantKind::path, "write_file", "../a"), Errc::bad_request);
    EXPECT_EQ(error(GrantKind::path, "write_file", ""), Errc::bad_request);
    EXPECT_EQ(error(GrantKind::exact, "bash", "git push"), Errc::bad_request);
}

TEST(GrantRules, WordsAreThoseOfTheRecord) {
    for (const GrantKind kind : {GrantKind::exact, GrantKind::command, GrantKind::path})
        EXPECT_EQ(parse_grant_kind(to_string(kind)), kind);
    for (const GrantLifetime lifetime :
         {GrantLifetime::run, GrantLifetime::session, GrantLifetime::days})
        EXPECT_EQ(parse_grant_lifetime(to_string(lifetime)), lifetime);
    EXPECT_FALSE(parse_grant_kind("prefix"));
    EXPECT_FALSE(parse_grant_lifetime("forever"));
}

} // namespace
} // namespace kheish::govern
