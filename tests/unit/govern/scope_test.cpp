#include "govern/scope.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <vector>

/// Scopes: whatever is done to them, they never get wider.
namespace kheish::govern {
namespace {

constexpr std::array<const char*, 3> kNames{"x", "y", "*"};
/// Those that are asked for: one is in no list.
constexpr std::array<const char*, 3> kAsked{"x", "y", "z"};

Allowance::Names subset(unsigned bits) {
    Allowance::Names names;
    for (std::size_t i = 0; i < kNames.size(); ++i)
        if ((bits & (1U << i)) != 0)
            names.insert(kNames.at(i));
    return names;
}

/// Every one that can be made of kNames: no allow list, or one of eight, and one of eight denied.
std::vector<Allowance> all_allowances() {
    std::vector<Allowance> all;
    for (unsigned deny = 0; deny < 8; ++deny) {
        all.push_back({.allow = {}, .deny = subset(deny)});
        for (unsigned allow = 0; allow < 8; ++allow)
            all.push_back({.allow = subset(allow), .deny = subset(deny)});
    }
    return all;
}

TEST(Allowances, AbsentIsEverythingEmptyIsNothingAndADenyWins) {
    const Allowance absent;
    EXPECT_TRUE(absent.permits("x"));
    EXPECT_TRUE(absent.is_unconstrained());
    const Allowance empty{.allow = Allowance::Names{}, .deny = {}};
    EXPECT_FALSE(empty.permits("x"));
    EXPECT_FALSE(empty.permits("*"));
    EXPECT_FALSE(empty.is_unconstrained());
    const Allowance some{.allow = subset(1), .deny = {}};
    EXPECT_TRUE(some.permits("x"));
    EXPECT_FALSE(some.permits("xx"));
    EXPECT_FALSE(some.permits("y"));
    const Allowance denied{.allow = subset(4), .deny = subset(1)};
    EXPECT_FALSE(denied.permits("x"));
    EXPECT_TRUE(denied.permits("y"));
    EXPECT_FALSE((Allowance{.allow = subset(4), .deny = subset(4)}).permits("y"));
}

TEST(Allowances, TwoPermitWhatEachOfThemPermits) {
    const std::vector<Allowance> all = all_allowances();
    ASSERT_EQ(all.size(), 72U);
    int pairs = 0;
    for (const Allowance& left : all)
        for (const Allowance& right : all) {
            const Allowance narrowed = narrow(left, right);
            for (const char* name : kAsked)
                ASSERT_EQ(narrowed.permits(name), left.permits(name) && right.permits(name))
                    << name << " in pair " << pairs;
            ++pairs;
        }
    EXPECT_EQ(pairs, 72 * 72);
}

TEST(Allowances, ListsWithoutANameInCommonLeaveNothing) {
    const Allowance left{.allow = subset(1), .deny = {}};
    const Allowance right{.allow = subset(2), .deny = {}};
    const Allowance nothing = narrow(left, right);
    for (const char* name : kAsked)
        EXPECT_FALSE(nothing.permits(name));
    const Allowance everything{.allow = subset(4), .deny = {}};
    EXPECT_EQ(narrow(nothing, everything), nothing) << "nothing stays nothing";
    EXPECT_EQ(narrow(nothing, {}), nothing);
}

template <class Scope>
class ScopeChain {
  public:
    Scope any() {
        Scope scope;
        for (const ScopeKind<Scope>& kind : Scope::kKinds)
            scope.*kind.allowance = all_[random_() % all_.size()];
        return scope;
    }
    static unsigned permitted(const Scope& scope) {
        unsigned bits = 0;
        for (const ScopeKind<Scope>& kind : Scope::kKinds)
            for (const char* name : kAsked)
                bits = (bits << 1U) | static_cast<unsigned>((scope.*kind.allowance).permits(name));
        return bits;
    }

  private:
    std::vector<Allowance> all_ = all_allowances();
    std::mt19937 random_{4711}; // NOLINT(bugprone-random-generator-seed): the same each time
};

template <class Scope>
void expect_that_none_widens() {
    using Chain = ScopeChain<Scope>;
    Chain chain;
    for (int i = 0; i < 2000; ++i) {
        Scope scope = chain.any();
        for (int step = 0; step < 12; ++step) {
            const Scope by = chain.any();
            const Scope next = narrow(scope, by);
            ASSERT_EQ(Chain::permitted(next), Chain::permitted(scope) & Chain::permitted(by));
            ASSERT_EQ(narrow(next, next), next);
            const Result<Scope> read = parse_scope<Scope>(codec::canonical_json(to_json(next)));
            ASSERT_TRUE(read.has_value()) << read.error().to_string();
            ASSERT_EQ(*read, next) << "written down it is the same";
            scope = next;
        }
    }
}

TEST(CredentialScopes, NoSequenceOfNarrowingsEverWidens) {
    expect_that_none_widens<CredentialScope>();
}

TEST(CapabilityScopes, NoSequenceOfNarrowingsEverWidens) {
    expect_that_none_widens<CapabilityScope>();
}

template <class Scope>
std::string error_of(const std::string& text) {
    const Result<Scope> scope = parse_scope<Scope>(text);
    return scope ? "" : scope.error().message;
}

/// `kind` is one of the scope, `other` is not.
template <class Scope>
void expect_that_errors_name(const std::string& kind, const std::string& other) {
    const auto says = [](const std::string& text, const std::string& name) {
        EXPECT_NE(error_of<Scope>(text).find(name), std::string::npos) << text;
    };
    EXPECT_EQ(error_of<Scope>("{}"), "");
    says("{\"" + kind + "_allow\":[\"a\",\"a\"]}", kind + "_allow");
    says("{\"" + kind + "_deny\":[\"\"]}", kind + "_deny");
    says("{\"" + kind + "_deny\":[\" a\"]}", kind + "_deny");
    says("{\"" + kind + "_allow\":\"a\"}", kind + "_allow");
    says("{\"" + kind + "s\":[]}", kind + "s");
    says("{\"" + other + "_allow\":[]}", other + "_allow");
    says("[]", std::string(Scope::kMember));
}

TEST(CredentialScopes, SayWhatIsWrongWithThem) {
    expect_that_errors_name<CredentialScope>("route", "skill");
    EXPECT_TRUE(is_unconstrained(*parse_scope<CredentialScope>("{}")));
    EXPECT_FALSE(parse_scope<CredentialScope>(R"({"route_allow":[]})")->routes.permits("x"));
    EXPECT_TRUE(parse_scope<CredentialScope>(R"({"route_allow":null})")->routes.permits("x"));
}

TEST(CapabilityScopes, SayWhatIsWrongWithThem) {
    for (const ScopeKind<CapabilityScope>& kind : CapabilityScope::kKinds)
        expect_that_errors_name<CapabilityScope>(std::string(kind.name), "route");
    EXPECT_TRUE(is_unconstrained(*parse_scope<CapabilityScope>("{}")));
    const CapabilityScope none = *parse_scope<CapabilityScope>(R"({"skill_allow":[]})");
    EXPECT_FALSE(is_unconstrained(none));
    EXPECT_FALSE(none.skills.permits("x"));
    EXPECT_TRUE(none.mcp_tools.permits("x"));
}

// --- tools that are visible
// ---------------------------------------------------------------------

/// As all_allowances(), of the whole names of tools.
std::vector<Allowance> all_of_tools() {
    const auto qualified = [](const Allowance::Names& names) {
        Allowance::Names tools;
        for (const std::string& name : names)
            tools.insert(name == "*" ? name : "mcp__" + name + "__y");
        return tools;
    };
    std::vector<Allowance> all = all_allowances();
    for (Allowance& one : all) {
        if (one.allow)
            one.allow = qualified(*one.allow);
        one.deny = qualified(one.deny);
    }
    return all;
}

TEST(CapabilityScopes, ShowAToolWhereItsServerAndItsNameBothPass) {
    const std::vector<Allowance> tools = all_of_tools();
    int shown = 0;
    for (const Allowance& servers : all_allowances())
        for (const Allowance& tool : tools) {
            const CapabilityScope scope{.skills = {}, .mcp_servers = servers, .mcp_tools = tool};
            for (const std::string server : kAsked) {
                const std::string name = "mcp__" + server + "__y";
                const bool is_shown = is_visible(scope, name);
                ASSERT_EQ(is_shown, servers.permits(server) && tool.permits(name)) << name;
                shown += is_shown ? 1 : 0;
            }
        }
    EXPECT_GT(shown, 0);
}

TEST(CapabilityScopes, ShowNoMoreAfterAnyNarrowing) {
    const std::vector<Allowance> servers = all_allowances();
    const std::vector<Allowance> tools = all_of_tools();
    std::mt19937 random(42); // NOLINT(bugprone-random-generator-seed): the same each time
    const auto any = [&] {
        return CapabilityScope{
            .skills = {},
            .mcp_servers = servers[random() % servers.size()],
            .mcp_tools = tools[random() % tools.size()]};
    };
    for (int chain = 0; chain < 2000; ++chain) {
        CapabilityScope scope = any();
        for (int step = 0; step < 6; ++step) {
            const CapabilityScope by = any();
            const CapabilityScope next = narrow(scope, by);
            for (const char* name : {"mcp__x__y", "mcp__y__y", "mcp__z__y", "mcp__x__y__y"})
                ASSERT_EQ(is_visible(next, name), is_visible(scope, name) && is_visible(by, name));
            scope = next;
        }
    }
}

TEST(CapabilityScopes, HideNoToolThatIsBuiltIn) {
    const CapabilityScope nothing = *parse_scope<CapabilityScope>(
        R"({"skill_allow":[],"mcp_server_allow":[],"mcp_tool_allow":[],"mcp_tool_deny":["bash"]})");
    for (const char* name : {"bash", "read_file", "mcp", "mcp_", "mcp_x__y", "Mcp__x__y"})
        EXPECT_TRUE(is_visible(nothing, name)) << name;
    EXPECT_FALSE(is_visible(nothing, "mcp__x__y"));
}

TEST(CapabilityScopes, ShowNoNameThatNoMcpToolHas) {
    const std::string prefix = "mcp__x__";
    for (const std::string& name :
         {std::string("mcp__"),
          std::string("mcp___"),
          std::string("mcp____"),
          std::string("mcp_____"),
          std::string("mcp__x"),
          std::string("mcp__x_y"),
          std::string("mcp__x__"),
          std::string("mcp____y"),
          std::string("mcp__x__y z"),
          std::string("mcp__x__ y"),
          std::string("mcp__x .y__z"),
          std::string("mcp__*__*"),
          std::string("mcp__x__y\n"),
          std::string("mcp__x__y\0", 10),
          std::string("mcp__x__\xc3\xa9"),
          std::string("mcp__x__\xff"),
          prefix + std::string(kScopeNameLimitBytes + 1 - prefix.size(), 'y')})
        EXPECT_FALSE(is_visible({}, name)) << name;
    EXPECT_TRUE(is_visible({}, prefix + std::string(kScopeNameLimitBytes - prefix.size(), 'y')));
    EXPECT_TRUE(is_visible({}, "mcp__X-1__Read_file-2"));
}

/// All words of one to four of 'a' and '_'.
std::vector<std::string> words() {
    std::vector<std::string> words{"a", "_"};
    for (std::size_t i = 0; words.size() < 2 + 4 + 8 + 16; ++i)
        for (const char c : {'a', '_'})
            words.push_back(words[i] + c);
    return words;
}

TEST(CapabilityScopes, CannotBeEvadedWithUnderscores) {
    for (const std::string& server : words()) {
        CapabilityScope without;
        without.mcp_servers.deny = {server};
        CapabilityScope nothing;
        nothing.mcp_servers.allow = Allowance::Names{};
        for (const std::string& tool : words()) {
            const std::string name = "mcp__" + server + "__" + tool;
            ASSERT_TRUE(is_visible({}, name)) << name;
            ASSERT_FALSE(is_visible(without, name)) << name;
            ASSERT_FALSE(is_visible(nothing, name)) << name;
        }
    }
}

TEST(CapabilityScopes, ShowAToolOfPerhapsSeveralServersWhereAllOfThemPass) {
    CapabilityScope scope;
    scope.mcp_servers.allow = Allowance::Names{"a", "a__b"};
    EXPECT_TRUE(is_visible(scope, "mcp__a__b__c"));
    EXPECT_TRUE(is_visible(scope, "mcp__a__b"));
    scope.mcp_servers.allow->erase("a__b");
    EXPECT_FALSE(is_visible(scope, "mcp__a__b__c"));
    EXPECT_TRUE(is_visible(scope, "mcp__a__b"));
    scope.mcp_servers = {.allow = {}, .deny = {"a__b"}};
    EXPECT_FALSE(is_visible(scope, "mcp__a__b__c"));
    EXPECT_TRUE(is_visible(scope, "mcp__a__b"));
}

} // namespace
} // namespace kheish::govern
