#include "control_fixture.hpp"

#include "control/stuck.hpp"

#include <algorithm>
#include <chrono>

/// A run that makes no progress though nothing holds it back is said to be stuck, once.
namespace kheish::control {
namespace {

using codec::Json;
using namespace std::chrono_literals;

const models::ToolCall kLook{"toolu_1", "list_files", "{}"};
const models::ToolCall kBash{"toolu_2", "bash", R"({"command":"make"})"};

class StuckTest : public ControlFixture {
  protected:
    RunId begin() {
        make_session("demo");
        const RunId run = submit("demo", "look");
        launched(run);
        return run;
    }
    /// A run whose tool is at work.
    RunId working() {
        const RunId run = begin();
        routes_->fake.answer_calls({kLook});
        settle();
        return run;
    }
    void pass(std::chrono::microseconds time) {
        constexpr std::chrono::minutes kStep{1};
        for (; time > 0us; time -= kStep) {
            timers_->pass(std::min<std::chrono::microseconds>(time, kStep));
            settle();
        }
    }
    std::int64_t reports(RunId run) {
        const std::vector<std::string> types = event_types(run);
        return std::count(types.begin(), types.end(), "run.stuck_reported");
    }
    std::vector<std::string> stuck_in_status() {
        std::vector<std::string> ids;
        const Json runs = *plane_->status_view().find("runs");
        EXPECT_EQ(runs.find("stale_non_terminal_run_threshold_ms")->integer(), 1'800'000);
        for (const Json& id : runs.find("stale_non_terminal_run_ids")->items())
            ids.push_back(id.string());
        return ids;
    }
};

TEST_F(StuckTest, ARunWithoutProgressIsReportedOnceUntilItGoesOn) {
    const RunId run = working();
    pass(29min);
    EXPECT_EQ(reports(run), 0);
    EXPECT_TRUE(stuck_in_status().empty());
    pass(8min);
    EXPECT_EQ(reports(run), 1);
    EXPECT_EQ(stuck_in_status(), std::vector<std::string>{run.to_string()});
    pass(60min);
    EXPECT_EQ(reports(run), 1) << "that it is stuck is no progress, and is said once";
    finish_call(run, "call-1-0", "a.txt");
    EXPECT_TRUE(stuck_in_status().empty());
    pass(38min);
    EXPECT_EQ(reports(run), 2) << "the model does not answer";
    expect_rows_follow_events(run);
}

TEST_F(StuckTest, WhoeverWaitsForAPersonIsNotStuck) {
    const RunId run = begin();
    routes_->fake.answer_calls({kBash});
    settle();
    ASSERT_EQ(status(run), "waiting_for_approval");
    pass(3h);
    EXPECT_EQ(reports(run), 0);
    EXPECT_TRUE(stuck_in_status().empty());
}

TEST_F(StuckTest, WhoeverStandsInLineIsNotStuck) {
    const RunId first = working();
    const RunId second = submit("demo", "after it");
    pass(3h);
    EXPECT_EQ(reports(first), 1);
    EXPECT_EQ(reports(second), 0);
}

TEST_F(StuckTest, WhoeverIsNextIsNotStuckWhileTheEndBeforeItIsBeingCommitted) {
    const RunId first = working();
    const RunId second = submit("demo", "after it");
    pass(40min);
    finish_call(first, "call-1-0", "a.txt");
    routes_->fake.answer("Looked.");
    ASSERT_TRUE(journal_->commit()); // of the answer; that of the end is under way now
    timers_->pass(10min);
    settle();
    EXPECT_EQ(status(first), "completed");
    EXPECT_EQ(status(second), "running");
    EXPECT_EQ(reports(second), 0);
}

TEST_F(StuckTest, WhoeverWaitsForADeadlineIsNotStuck) {
    const RunId run = begin();
    routes_->fake.fail(models::CallError::Kind::rate_limited, std::chrono::hours(72));
    settle();
    EXPECT_EQ(wait_reason(run), "timer");
    pass(24h);
    EXPECT_EQ(reports(run), 0);
}

TEST_F(StuckTest, TheTimeBeforeARestartDoesNotCount) {
    const RunId run = working();
    pass(29min);
    crash();
    boot();
    pass(29min);
    EXPECT_EQ(reports(run), 0);
    pass(8min);
    EXPECT_EQ(reports(run), 1) << "the runner does not answer";
}

// --- the rule alone

engine::RunState state_of(engine::RunStatus status) {
    engine::RunState state;
    state.run = RunId{7};
    state.status = status;
    return state;
}

constexpr Instant kNow{.wall_us = 10'000'000'000, .boot_us = 5'000'000'000};

std::optional<std::string> judge(const engine::RunState& state, Progress progress) {
    return stuck_reason(state, progress, kNow, "b1", 60s);
}

TEST(StuckReason, IsNoneForWhatIsOver) {
    EXPECT_FALSE(judge(state_of(engine::RunStatus::completed), {}));
}

TEST(StuckReason, SaysThatARecordCannotBeRead) {
    const std::optional<std::string> reason =
        judge(state_of(engine::RunStatus::queued), {.is_broken = true, .is_held_back = true});
    ASSERT_TRUE(reason);
    EXPECT_NE(reason->find("cannot be read again"), std::string::npos);
}

TEST(StuckReason, SaysThatTheNextInLineWasNotStarted) {
    const std::optional<std::string> reason = judge(state_of(engine::RunStatus::queued), {});
    ASSERT_TRUE(reason);
    EXPECT_NE(reason->find("next in its line"), std::string::npos);
    EXPECT_FALSE(judge(state_of(engine::RunStatus::queued), {.is_held_back = true}));
}

TEST(StuckReason, CountsFromADeadlineByTheClockThatHolds) {
    engine::RunState state = state_of(engine::RunStatus::running);
    state.model.phase = engine::ModelState::Phase::waiting;
    state.model.retry.deadline.boot_us = kNow.boot_us - 59'000'000;
    state.model.retry.deadline.wall_us = kNow.wall_us - 61'000'000;
    state.model.retry.deadline.boot_id = "b1";
    EXPECT_FALSE(judge(state, {})) << "a minute after the deadline is not over";
    state.model.retry.deadline.boot_id = "an earlier boot";
    const std::optional<std::string> reason = judge(state, {});
    ASSERT_TRUE(reason) << "by the wall clock it is";
    EXPECT_NE(reason->find("deadline has passed"), std::string::npos);
}

} // namespace
} // namespace kheish::control
