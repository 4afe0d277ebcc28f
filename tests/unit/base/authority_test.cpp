#include "base/authority.hpp"

#include <gtest/gtest.h>

namespace kheish {
namespace {

TEST(Principal, RoundTrips) {
    for (const char* text :
         {"user:0",
          "user:1000",
          "token:ci",
          "connector:slack",
          "schedule:7",
          "agent:agent-demo",
          "daemon"})
        EXPECT_EQ(Principal::parse(text)->to_string(), text);
}

TEST(Principal, RefusesOtherText) {
    for (const char* text :
         {"", "user", "user:", "user:bob", "user:-1", "root:0", "daemon:x", "daemon:"})
        EXPECT_FALSE(Principal::parse(text).has_value()) << text;
}

TEST(Principal, OnlyUsersHaveAUid) {
    EXPECT_EQ(Principal::user(1000).uid(), 1000U);
    EXPECT_EQ(Principal::daemon().uid(), static_cast<uid_t>(-1));
}

TEST(Authority, KeepsTheChainAboveIt) {
    const Authority agent =
        Authority::of(Principal::user(1000)).delegated_to(Principal::agent("agent-demo"));
    EXPECT_EQ(agent.to_string(), "agent:agent-demo for user:1000");
    EXPECT_EQ(Authority::parse(agent.to_string()).value(), agent);
    EXPECT_EQ(agent.actor(), Principal::agent("agent-demo"));
    EXPECT_FALSE(Authority::parse("agent:a for ").has_value());
}

} // namespace
} // namespace kheish
