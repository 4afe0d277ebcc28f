#include "story.hpp"

namespace kheish::engine {
namespace {

using std::chrono::seconds;
using Texts = std::vector<std::string>;

class Scope : public ::testing::Test {
  protected:
    void SetUp() override { story.start(); }
    void gate_a_call() {
        story.ask_model();
        story.answer({proposed(1, 0)});
        story.gate(call);
    }

    Story story;
    const CallId call = call_id(1, 0);
};

TEST_F(Scope, APermanentFailureFailsTheRun) {
    story.ask_model();
    story.happen(LaunchRequested{1, "b1"});
    story.happen(LaunchFailed{1, "no user namespaces", true});
    EXPECT_EQ(story.next(), (Texts{"AbortModel turn 1 attempt 1", "Finish failed launch_refused"}));
    EXPECT_EQ(story.effect<Finish>().reason, "no user namespaces");
    story.cooperate();
}

TEST_F(Scope, OtherFailuresAreTriedAgainWithBackoff) {
    for (int attempt = 1; attempt <= 10; ++attempt) {
        const Launch launch = story.effect<Launch>();
        EXPECT_EQ(launch.attempt, attempt);
        const seconds expected =
            attempt == 1 ? seconds(0) : std::min(seconds(1 << (attempt - 2)), seconds(60));
        EXPECT_EQ(launch.delay, expected);
        story.happen(LaunchRequested{attempt, "b1"});
        story.happen(LaunchFailed{attempt, "launcher unreachable", false});
    }
    story.launch();
    EXPECT_EQ(story.state.scope.failed_launches, 0);
    EXPECT_TRUE(story.state.scope.launch_error.empty());
}

TEST_F(Scope, CallsWaitForTheLaunch) {
    story.ask_model();
    story.answer({proposed(1, 0)});
    story.judge(call, Decision::allow);
    EXPECT_EQ(story.next(), Texts{"Launch attempt 1 in 0 us"});
    EXPECT_EQ(wait_reason(story.state), WaitReason::launch);
    story.happen(LaunchRequested{1, "b1"});
    EXPECT_TRUE(story.next().empty());
    EXPECT_EQ(wait_reason(story.state), WaitReason::launch);
    story.happen(Launched{1, "kheish-run-7-1.scope", {"MemoryMax"}});
    EXPECT_TRUE(story.wants<StartCalls>());
    EXPECT_EQ(story.state.scope.unit, "kheish-run-7-1.scope");
    EXPECT_EQ(story.state.scope.degraded, std::vector<std::string>{"MemoryMax"});
}

TEST_F(Scope, IsStoppedWhereTheRunWaitsLongAndMadeAgain) {
    story.launch();
    gate_a_call();
    EXPECT_EQ(story.effect<StopScope>(), (StopScope{1, seconds(60)}));
    story.happen(ScopeStopRequested{1});
    EXPECT_TRUE(story.next().empty());
    story.resolve(call, true); // while the stop is under way
    EXPECT_TRUE(story.next().empty());
    EXPECT_EQ(wait_reason(story.state), WaitReason::launch);
    story.end_scope(false);
    EXPECT_EQ(story.next(), Texts{"Launch attempt 2 in 0 us"});
    story.launch();
    story.start_calls();
    EXPECT_EQ(story.state.find_call(call)->scope_attempt, 2);
}

TEST_F(Scope, IsStoppedDuringALongRetry) {
    story.launch();
    story.ask_model();
    story.fail_model("network");
    EXPECT_FALSE(story.wants<StopScope>());
    story.happen(*intent(story.state, story.effect<ScheduleModelRetry>()));
    EXPECT_EQ(story.effect<StopScope>().delay, seconds(60));
    story.happen(ScopeStopRequested{1});
    story.end_scope(false);
    story.happen(ModelRetryDue{1, 2});
    // Nothing needs it until the model asks for a call.
    EXPECT_EQ(story.next(), Texts{"RequestModel turn 1 attempt 2"});
}

TEST_F(Scope, IsKeptWhileItIsUsed) {
    story.launch();
    story.ask_model();
    EXPECT_FALSE(story.wants<StopScope>());
    story.answer({proposed(1, 0)});
    story.judge(call, Decision::allow);
    story.start_calls();
    EXPECT_FALSE(story.wants<StopScope>());
    story.refuse(ScopeStopRequested{1}, "in flight");
}

TEST_F(Scope, ThreeLossesInARowFailTheRun) {
    story.ask_model();
    story.answer({proposed(1, 0)});
    story.judge(call, Decision::allow);
    for (int loss = 1; loss <= 3; ++loss) {
        story.launch();
        story.start_calls();
        story.end_scope(true);
    }
    EXPECT_FALSE(story.wants<Launch>());
    EXPECT_EQ(story.effect<Finish>().code, "runner_lost");
    story.cooperate();
    EXPECT_EQ(story.state.status, RunStatus::failed);
}

TEST_F(Scope, AFinishedCallEndsTheRowOfLosses) {
    story.ask_model();
    story.answer({proposed(1, 0), proposed(1, 1)});
    story.judge(call, Decision::allow);
    story.judge(call_id(1, 1), Decision::allow);
    for (int loss = 1; loss <= 2; ++loss) {
        story.launch();
        story.start_calls();
        story.end_scope(true);
    }
    story.launch();
    story.start_calls();
    story.finish(call, "failed");
    EXPECT_EQ(story.state.scope.lost_in_a_row, 0);
    story.start_calls();
    story.end_scope(true);
    EXPECT_TRUE(story.wants<Launch>());
}

TEST_F(Scope, ALossByRestartIsNotTheRunnersFault) {
    story.ask_model();
    story.answer({proposed(1, 0)});
    story.judge(call, Decision::allow);
    for (int reboot = 1; reboot <= 5; ++reboot) {
        story.launch();
        story.start_calls();
        story.recover();
        story.end_scope(true);
    }
    EXPECT_EQ(story.state.scope.lost_in_a_row, 0);
    EXPECT_EQ(story.effect<Launch>().attempt, 6);
}

TEST_F(Scope, ARestartDuringTheLaunchLooksForTheRunner) {
    story.happen(LaunchRequested{1, "b1"});
    story.recover();
    EXPECT_EQ(story.effect<AdoptRunner>().attempt, 1);
    story.refuse(Launched{1, "", {}}, "no launch is under way");
    story.happen(RunnerAdopted{1, {}, {}});
    EXPECT_EQ(story.state.scope.phase, ScopeState::Phase::live);
    story.refuse(RunnerAdopted{1, {}, {}}, "nobody has asked");
}

TEST_F(Scope, AttemptsEndOnceAndInOrder) {
    story.refuse(LaunchRequested{2, "b1"}, "next attempt is 1");
    story.refuse(ScopeEnded{1, true, "", {}}, "not the last one");
    story.launch();
    story.refuse(LaunchRequested{2, "b1"}, "has not ended");
    story.refuse(ScopeEnded{1, false, "", {}}, "nobody has asked for the end");
    story.refuse(ScopeStopRequested{2}, "not the last one");
    story.happen(ScopeStopRequested{1});
    story.refuse(ScopeStopRequested{1}, "already");
    story.happen(RunnerAdopted{1, {}, {}}); // a late answer changes nothing
    EXPECT_EQ(story.state.scope.phase, ScopeState::Phase::stopping);
    story.end_scope(false);
    story.refuse(ScopeEnded{1, false, "", {}}, "ended already");
    story.refuse(ScopeStopRequested{1}, "has ended");
}

TEST_F(Scope, UsageAddsUpOverAttemptsAndBoots) {
    story.happen(LaunchRequested{1, "b1"});
    story.happen(Launched{1, "", {}});
    story.happen(ScopeEnded{1, true, "", {100, 50, 3, 10, -1}});
    story.ask_model();
    story.answer({proposed(1, 0)});
    story.judge(call, Decision::allow);
    story.happen(LaunchRequested{2, "b1"}); // the same slice: cumulative
    story.happen(Launched{2, "", {}});
    story.happen(ScopeEnded{2, true, "", {150, 40, 4, 30, -1}});
    EXPECT_EQ(story.state.scope.usage(), (ScopeUsage{150, 50, 4, 30, -1}));
    story.happen(LaunchRequested{3, "b2"}); // a new slice
    story.happen(Launched{3, "", {}});
    story.recover();
    story.happen(ScopeEnded{3, true, "", {7, 60, 1, 5, 2}});
    EXPECT_EQ(story.state.scope.usage(), (ScopeUsage{157, 60, 4, 35, 2}));
}

TEST_F(Scope, AStopOvertakesALaunch) {
    story.happen(LaunchRequested{1, "b1"});
    story.happen(RunCancelRequested{});
    story.happen(RunCancelled{});
    story.happen(ScopeStopRequested{1});
    story.happen(LaunchFailed{1, "stopped", false});
    EXPECT_TRUE(is_settled(story.state));
}

} // namespace
} // namespace kheish::engine
