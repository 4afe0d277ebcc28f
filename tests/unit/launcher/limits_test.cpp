#include "launcher/limits.hpp"

#include <gtest/gtest.h>

namespace kheish::launcher {
namespace {

TEST(Limits, NothingAskedGivesTheStandard) {
    const LimitPolicy policy;
    EXPECT_EQ(clamp({}, policy), policy.standard);
}

TEST(Limits, NothingGoesAboveTheMaximum) {
    LimitPolicy policy;
    policy.maximum = {100, 10, 50, 1000, 60, 5000};
    const sandbox::Limits huge{1'000'000, 1'000'000, 10000, 1'000'000, 10000, 1'000'000};
    EXPECT_EQ(clamp(huge, policy), policy.maximum);
    // The standard is clamped too, and no number is not "no bound".
    EXPECT_EQ(clamp({}, policy).memory_max_bytes, 100U);
    EXPECT_EQ(clamp({}, policy).cpu_quota_us_per_second, 1000U);
}

TEST(Limits, WhatFitsIsKept) {
    const sandbox::Limits wanted{1 << 20, 5, 7, 500'000, 9, 60'000'000};
    EXPECT_EQ(clamp(wanted, LimitPolicy()), wanted);
}

TEST(Limits, TheFileChangesThePolicy) {
    const Result<LimitPolicy> policy = parse_limits(
        "tasks_max = 64\nmaximum_tasks_max = 128\nruns_max = 3\nrequire_limits = yes\n", {});
    ASSERT_TRUE(policy) << policy.error().to_string();
    EXPECT_EQ(policy->standard.tasks_max, 64U);
    EXPECT_EQ(policy->maximum.tasks_max, 128U);
    EXPECT_EQ(policy->runs_max, 3U);
    EXPECT_TRUE(policy->require_limits);
    EXPECT_EQ(policy->standard.memory_max_bytes, LimitPolicy().standard.memory_max_bytes);
}

TEST(Limits, BadLinesAreNamed) {
    for (const char* bad :
         {"colour = 1",
          "tasks_max = -1",
          "tasks_max = many",
          "cpu_weight = 10001",
          "runs_max = 0",
          "maximum_ = 1",
          "require_limits = perhaps"}) {
        const Result<LimitPolicy> policy = parse_limits(bad, {});
        ASSERT_FALSE(policy) << bad;
        EXPECT_EQ(policy.error().code, Errc::invalid_configuration) << bad;
        EXPECT_NE(policy.error().message.find("line 1"), std::string::npos) << bad;
    }
}

} // namespace
} // namespace kheish::launcher
