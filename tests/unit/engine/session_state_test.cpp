#include "engine/session_state.hpp"

#include <gtest/gtest.h>

namespace kheish::engine {
namespace {

class SessionQueue : public ::testing::Test {
  protected:
    Event event(std::int64_t run, EventBody body) {
        Event made;
        made.seq = ++seq_;
        made.session = SessionId{"demo"};
        made.run = RunId{run};
        made.body = std::move(body);
        return made;
    }
    void fold_in(std::int64_t run, EventBody body) {
        const Status status = apply(state, event(run, std::move(body)));
        ASSERT_TRUE(status) << status.error().to_string();
    }
    void refuse(std::int64_t run, EventBody body, std::string_view part) {
        const SessionState before = state;
        const Status status = apply(state, event(run, std::move(body)));
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code, Errc::journal_corrupt);
        EXPECT_NE(status.error().message.find(part), std::string::npos) << status.error().message;
        EXPECT_EQ(state.queued, before.queued);
        EXPECT_EQ(state.active, before.active);
        EXPECT_EQ(state.ended, before.ended);
    }
    void submit(std::int64_t run, std::int64_t position) {
        fold_in(run, RunAccepted{});
        fold_in(run, RunQueued{position});
    }

    SessionState state;

  private:
    EventSeq seq_ = 0;
};

TEST_F(SessionQueue, OneActiveRunAndTheOthersInLine) {
    fold_in(0, SessionCreated{});
    EXPECT_EQ(next_to_promote(state), std::nullopt);
    submit(1, 0);
    submit(2, 1);
    submit(3, 2);
    EXPECT_EQ(next_to_promote(state), RunId{1});
    fold_in(1, RunStarted{});
    EXPECT_EQ(state.active, RunId{1});
    EXPECT_EQ(next_to_promote(state), std::nullopt);
    refuse(2, RunStarted{}, "run-1 is the session's active run");
    fold_in(1, RunCompleted{});
    EXPECT_EQ(next_to_promote(state), RunId{2});
    refuse(3, RunStarted{}, "not next in line");
    fold_in(2, RunStarted{});
    fold_in(2, RunFailed{});
    EXPECT_EQ(next_to_promote(state), RunId{3});
}

TEST_F(SessionQueue, AQueuedRunMayLeave) {
    submit(1, 0);
    submit(2, 1);
    fold_in(1, RunCancelled{});
    EXPECT_EQ(next_to_promote(state), RunId{2});
    refuse(1, RunCancelled{}, "neither active nor queued");
    fold_in(2, RunStarted{});
    fold_in(2, RunInterrupted{});
    EXPECT_EQ(next_to_promote(state), std::nullopt);
}

TEST_F(SessionQueue, OrderSurvivesWithoutTheRunsThatAreOver) {
    // Run 1 is over: a restart reads only what is live.
    submit(2, 1);
    fold_in(2, RunStarted{});
    submit(3, 1);
    submit(4, 2);
    fold_in(3, RunQueued{0}); // news about the position, not a move
    EXPECT_EQ(state.active, RunId{2});
    EXPECT_EQ(state.queued, (std::vector{RunId{3}, RunId{4}}));
}

TEST_F(SessionQueue, NothingIsAcceptedAfterTheEnd) {
    submit(1, 0);
    fold_in(0, SessionEnded{});
    refuse(2, RunAccepted{}, "ended");
    refuse(0, SessionEnded{}, "ended already");
    fold_in(1, RunCancelled{});
    EXPECT_TRUE(state.ended);
}

TEST_F(SessionQueue, OtherEventsChangeNothing) {
    submit(1, 0);
    fold_in(1, RunStarted{});
    fold_in(1, ModelRequested{});
    fold_in(1, ToolFinished{});
    EXPECT_EQ(state.active, RunId{1});
    refuse(1, RunQueued{0}, "active one");
}

TEST_F(SessionQueue, AnotherSessionIsRefused) {
    submit(1, 0);
    Event foreign = event(1, RunStarted{});
    foreign.session = SessionId{"other"};
    EXPECT_FALSE(apply(state, foreign));
    EXPECT_FALSE(state.active);
}

} // namespace
} // namespace kheish::engine
