#include "launcher/identity.hpp"
#include "launcher/user_namespace.hpp"

#include <gtest/gtest.h>

namespace kheish::launcher {
namespace {

constexpr IdentityPolicy kPolicy{.service_uid = 995, .agent_uid = 994};

TEST(Identity, PeopleAndTheAgentMayBeRunAs) {
    for (const uid_t uid : {1000U, 1001U, 60000U, 100000U, 524288U, 994U})
        EXPECT_TRUE(check_run_as(uid, kPolicy)) << uid;
}

TEST(Identity, NobodyElseMay) {
    for (const uid_t uid : {0U, 1U, 999U, 995U, 65534U, 65535U, 4294967295U, 61184U, 65519U}) {
        const Status status = check_run_as(uid, kPolicy);
        ASSERT_FALSE(status) << uid;
        EXPECT_EQ(status.error().code, Errc::launch_refused);
        EXPECT_NE(status.error().message.find(std::to_string(uid)), std::string::npos);
    }
}

TEST(Identity, TheDaemonsUserIsRefusedEvenAboveTheSystemRange) {
    EXPECT_FALSE(check_run_as(2000, {.service_uid = 2000, .agent_uid = 2000}));
}

TEST(Identity, WithoutAnAgentUserItsUidIsASystemUsers) {
    EXPECT_FALSE(check_run_as(994, {.service_uid = 995, .agent_uid = std::nullopt}));
}

TEST(Identity, UnknownUsersAreRefused) {
    const Result<Account> account = look_up_account(4294967290U);
    ASSERT_FALSE(account);
    EXPECT_EQ(account.error().code, Errc::launch_refused);
    EXPECT_EQ(look_up_uid("no-such-user-here").error().code, Errc::not_found);
    EXPECT_EQ(look_up_gid("no-such-group-here").error().code, Errc::not_found);
    EXPECT_EQ(*look_up_uid("root"), 0U);
}

TEST(Identity, RootsGroupIsRefused) {
    EXPECT_FALSE(look_up_account(0));
}

TEST(UserNamespace, MapsEachIdToItself) {
    const Account account{"alice", 1000, 1000, {1000, 27, 100}};
    EXPECT_EQ(uid_map(account), "0 4294967294 1\n1000 1000 1\n");
    EXPECT_EQ(gid_map(account), "0 4294967294 1\n27 27 1\n100 100 1\n1000 1000 1\n");
}

TEST(UserNamespace, RootsGroupIsNeverMapped) {
    const Account account{"alice", 1000, 1000, {1000, 0}};
    EXPECT_EQ(gid_map(account), "0 4294967294 1\n1000 1000 1\n");
}

TEST(UserNamespace, TooManyGroupsLeaveThePrimaryOne) {
    Account account{"alice", 1000, 1000, {}};
    for (gid_t group = 2000; group < 2400; ++group)
        account.groups.push_back(group);
    EXPECT_EQ(gid_map(account), "0 4294967294 1\n1000 1000 1\n");
}

} // namespace
} // namespace kheish::launcher
