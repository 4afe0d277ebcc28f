#include "govern/scope.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
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

TEST(CredentialScopes, NoSequenceOfNarrowingsEverWidens) {
    const std::vector<Allowance> all = all_allowances();
    std::mt19937 random(4711); // NOLINT(bugprone-random-generator-seed): the same each time
    const auto any = [&all, &random] {
        return all[random() % all.size()];
    };
    const auto permitted = [](const CredentialScope& scope) {
        unsigned bits = 0;
        for (const Allowance* kind :
             {&scope.routes, &scope.connectors, &scope.connector_credentials, &scope.mcp_servers})
            for (const char* name : kAsked)
                bits = (bits << 1U) | static_cast<unsigned>(kind->permits(name));
        return bits;
    };
    for (int chain = 0; chain < 2000; ++chain) {
        CredentialScope scope{any(), any(), any(), any()};
        for (int step = 0; step < 12; ++step) {
            const CredentialScope by{any(), any(), any(), any()};
            const CredentialScope next = narrow(scope, by);
            ASSERT_EQ(permitted(next), permitted(scope) & permitted(by));
            ASSERT_EQ(narrow(next, next), next);
            const Result<CredentialScope> read =
                parse_credential_scope(codec::canonical_json(to_json(next)));
            ASSERT_TRUE(read.has_value()) << read.error().to_string();
            ASSERT_EQ(*read, next) << "written down it is the same";
            scope = next;
        }
    }
}

TEST(CredentialScopes, SayWhatIsWrongWithThem) {
    const auto error = [](const char* text) {
        const Result<CredentialScope> scope = parse_credential_scope(text);
        return scope ? "" : scope.error().message;
    };
    EXPECT_EQ(error("{}"), "");
    EXPECT_TRUE(parse_credential_scope("{}")->is_unconstrained());
    EXPECT_FALSE(parse_credential_scope(R"({"route_allow":[]})")->routes.permits("x"));
    EXPECT_TRUE(parse_credential_scope(R"({"route_allow":null})")->routes.permits("x"));
    EXPECT_NE(error(R"({"route_allow":["a","a"]})").find("route_allow"), std::string::npos);
    EXPECT_NE(error(R"({"route_deny":[""]})").find("route_deny"), std::string::npos);
    EXPECT_NE(error(R"({"route_deny":[" a"]})").find("route_deny"), std::string::npos);
    EXPECT_NE(error(R"({"route_allow":"a"})").find("route_allow"), std::string::npos);
    EXPECT_NE(error(R"({"routes":[]})").find("routes"), std::string::npos);
    EXPECT_NE(error("[]"), "");
}

} // namespace
} // namespace kheish::govern
