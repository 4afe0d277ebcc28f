#include "story.hpp"

#include <limits>

namespace kheish::engine {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

class Retry : public ::testing::Test {
  protected:
    void SetUp() override {
        story.start();
        story.launch();
    }
    /// One attempt that fails; what is scheduled then.
    ScheduleModelRetry fail(const std::string& kind, std::int64_t retry_after_us = -1) {
        story.ask_model();
        story.fail_model(kind, true, retry_after_us);
        return story.effect<ScheduleModelRetry>();
    }
    void wait(const ScheduleModelRetry& retry) {
        story.happen(*intent(story.state, retry));
        story.happen(ModelRetryDue{retry.turn, retry.attempt});
    }

    Story story;
};

TEST_F(Retry, BacksOffAndGivesUp) {
    const std::vector<seconds> delays = {
        seconds(1), seconds(2), seconds(4), seconds(8), seconds(16), seconds(32), seconds(60)};
    int attempt = 1;
    for (const seconds delay : delays) {
        const ScheduleModelRetry retry = fail("overloaded");
        EXPECT_EQ(retry, (ScheduleModelRetry{1, ++attempt, delay, false}));
        wait(retry);
    }
    story.ask_model();
    story.fail_model("overloaded");
    EXPECT_EQ(story.state.model.failures, kMaxModelFailures);
    EXPECT_FALSE(story.wants<ScheduleModelRetry>());
    EXPECT_EQ(story.effect<Finish>().code, "model_overloaded");
    EXPECT_NE(story.effect<Finish>().reason.find("8 failures"), std::string::npos);
    story.refuse(ModelRetryScheduled{1, 9, false, {0, 0, ""}}, "ending");
}

TEST_F(Retry, ACredentialIsWaitedForWithoutEndAndAskedForEveryHour) {
    constexpr int kLong = 50;
    for (int failure = 1; failure <= kLong; ++failure) {
        const ScheduleModelRetry retry = fail("authentication");
        EXPECT_EQ(wait_reason(story.state), WaitReason::credential);
        EXPECT_EQ(retry, (ScheduleModelRetry{1, failure + 1, std::chrono::hours(1), false, true}));
        story.happen(*intent(story.state, retry));
        EXPECT_EQ(wait_reason(story.state), WaitReason::credential);
        if (failure % 2 == 0)
            story.happen(ModelRetryWoken{retry.turn, retry.attempt});
        else
            story.happen(ModelRetryDue{retry.turn, retry.attempt});
    }
    EXPECT_EQ(story.state.model.failures, 0) << "others are counted without it";
}

TEST_F(Retry, WhatCannotBePutOnRecordIsNotDoneAndWaitedFor) {
    constexpr int kLong = 20;
    for (int failure = 1; failure <= kLong; ++failure) {
        const ScheduleModelRetry retry = fail("unrecorded");
        EXPECT_EQ(wait_reason(story.state), WaitReason::audit);
        EXPECT_EQ(retry.delay, seconds(60));
        story.happen(*intent(story.state, retry));
        EXPECT_EQ(wait_reason(story.state), WaitReason::audit);
        story.happen(ModelRetryDue{retry.turn, retry.attempt});
    }
    EXPECT_EQ(story.state.model.failures, 0);
}

TEST_F(Retry, ARefusedCredentialOfAnOlderRecordIsTheEnd) {
    story.ask_model();
    story.fail_model("authentication", false);
    EXPECT_EQ(story.effect<Finish>().code, "model_authentication");
}

TEST_F(Retry, TheNetworkIsWaitedForWithoutEnd) {
    constexpr int kLong = 50;
    for (int failure = 1; failure <= kLong; ++failure) {
        const ScheduleModelRetry retry = fail("network");
        EXPECT_TRUE(retry.network);
        EXPECT_EQ(retry.delay, failure < 7 ? seconds(1 << (failure - 1)) : seconds(60));
        EXPECT_EQ(wait_reason(story.state), WaitReason::network);
        wait(retry);
    }
    EXPECT_EQ(story.state.model.failures, 0);
    EXPECT_EQ(story.state.model.attempt, kLong);
    // Other failures begin where they were.
    EXPECT_EQ(fail("server").delay, seconds(1));
    EXPECT_EQ(wait_reason(story.state), WaitReason::timer);
}

TEST_F(Retry, WhatTheProviderAsksForIsHonoured) {
    EXPECT_EQ(fail("rate_limited", 30'000'000).delay, seconds(30));
    wait(story.effect<ScheduleModelRetry>());
    EXPECT_EQ(fail("rate_limited", 10).delay, seconds(2)); // not quicker than our own
    wait(story.effect<ScheduleModelRetry>());
    EXPECT_EQ(fail("rate_limited", 7'200'000'000).delay, seconds(7200));
    wait(story.effect<ScheduleModelRetry>());
    constexpr std::int64_t kForEver = std::numeric_limits<std::int64_t>::max();
    EXPECT_EQ(fail("rate_limited", kForEver).delay, kLongestRetryAfter);
}

TEST_F(Retry, SomeErrorsAreFinal) {
    story.ask_model();
    story.fail_model("context_overflow", false);
    EXPECT_EQ(story.effect<Finish>(), (Finish{RunStatus::failed, "model_context_overflow", "no"}));
    story.cooperate();
    EXPECT_EQ(story.state.failure_code, "model_context_overflow");
}

TEST_F(Retry, TheTimerIsArmedUntilItIsDue) {
    story.happen(*intent(story.state, fail("server")));
    EXPECT_EQ(wait_reason(story.state), WaitReason::timer);
    const ArmRetryTimer armed{1, 2, {1'000'000, 7, "b1"}};
    EXPECT_EQ(story.effect<ArmRetryTimer>(), armed);
    story.recover(); // a restart arms it again, with the same deadline
    EXPECT_EQ(story.effect<ArmRetryTimer>(), armed);
    story.refuse(ModelRequested{1, 2, "", "", {}}, "not over");
    story.refuse(ModelRetryDue{1, 3}, "attempt 2 waits");
    story.happen(ModelRetryDue{1, 2});
    EXPECT_EQ(story.effect<RequestModel>(), (RequestModel{1, 2}));
    story.refuse(ModelRetryDue{1, 2}, "no attempt waits");
}

TEST_F(Retry, AChangedNetworkEndsTheWaitForIt) {
    for (int failures = 0; failures < 5; ++failures)
        wait(fail("network"));
    story.happen(*intent(story.state, fail("network")));
    EXPECT_EQ(wait_reason(story.state), WaitReason::network);
    story.refuse(ModelRetryWoken{1, 3}, "attempt 7 waits");
    story.happen(ModelRetryWoken{1, 7});
    EXPECT_EQ(story.effect<RequestModel>(), (RequestModel{1, 7}));
    story.refuse(ModelRetryWoken{1, 7}, "no attempt waits");
    EXPECT_EQ(fail("network").delay, seconds(1)) << "it is another network";
}

TEST_F(Retry, AChangedNetworkShortensNoOtherWait) {
    story.happen(*intent(story.state, fail("rate_limited", 7'200'000'000)));
    story.refuse(ModelRetryWoken{1, 2}, "waits neither for the network nor for a credential");
}

TEST_F(Retry, ARestartLosesTheAttemptAndMakesTheNext) {
    story.ask_model();
    story.recover();
    EXPECT_EQ(story.effect<RequestModel>(), (RequestModel{1, 2}));
    EXPECT_EQ(story.state.model.failures, 0);
    EXPECT_EQ(story.state.model_attempts, 1);
    story.refuse(ModelCompleted{}, "not under way");
    story.ask_model();
    EXPECT_EQ(story.state.model_attempts, 2);
}

TEST_F(Retry, EachTurnCountsItsOwnFailures) {
    wait(fail("server"));
    wait(fail("network"));
    story.ask_model();
    story.answer({proposed(1, 0)});
    story.judge(call_id(1, 0), Decision::deny);
    story.settle_all();
    EXPECT_EQ(fail("server"), (ScheduleModelRetry{2, 2, seconds(1), false}));
    story.refuse(ModelRetryScheduled{2, 3, false, {0, 0, ""}}, "attempt 2 is next");
}

} // namespace
} // namespace kheish::engine
