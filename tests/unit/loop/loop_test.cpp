#include "loop_fixture.hpp"

#include <string>
#include <thread>
#include <vector>

namespace kheish::loop {
namespace {

TEST_F(LoopTest, HooksRunByStageThenInOrderOfAddition) {
    std::string order;
    const auto note = [&order](char name) {
        return [&order, name] {
            order += name;
            return false;
        };
    };
    const std::unique_ptr<Loop::Hook> arm = loop().add_hook(Loop::Stage::arm, note('e'));
    const std::unique_ptr<Loop::Hook> commit = loop().add_hook(Loop::Stage::commit, note('d'));
    const std::unique_ptr<Loop::Hook> work = loop().add_hook(Loop::Stage::work, note('b'));
    const std::unique_ptr<Loop::Hook> more_work = loop().add_hook(Loop::Stage::work, note('c'));
    loop().post([&order] { order += 'a'; });
    loop().turn(false);
    EXPECT_EQ(order, "abcde");
}

TEST_F(LoopTest, AHookThatAsksForMoreIsCalledAgainWithoutWaiting) {
    int calls = 0;
    const std::unique_ptr<Loop::Hook> hook =
        loop().add_hook(Loop::Stage::commit, [&calls] { return ++calls < 3; });
    loop().turn(true);
    loop().turn(true);
    EXPECT_EQ(calls, 2); // turn(true) would have hung otherwise
    loop().turn(false);
    EXPECT_EQ(calls, 3);
}

TEST_F(LoopTest, WhatACommitPostsRunsInTheNextTurnAndIsCommittedThere) {
    std::string order;
    const std::unique_ptr<Loop::Hook> hook = loop().add_hook(Loop::Stage::commit, [this, &order] {
        order += 'c';
        if (order.size() == 1)
            loop().post([&order] { order += 'p'; });
        return false;
    });
    loop().turn(true);
    EXPECT_EQ(order, "c");
    loop().turn(false);
    EXPECT_EQ(order, "cpc");
}

TEST_F(LoopTest, AHookMayRemoveItselfAndOthers) {
    int first_calls = 0;
    int second_calls = 0;
    std::unique_ptr<Loop::Hook> second;
    std::unique_ptr<Loop::Hook> first =
        loop().add_hook(Loop::Stage::work, [&first_calls, &first, &second] {
            ++first_calls;
            second.reset();
            first.reset();
            return false;
        });
    second = loop().add_hook(Loop::Stage::work, [&second_calls] {
        ++second_calls;
        return false;
    });
    loop().turn(false);
    loop().turn(false);
    EXPECT_EQ(first_calls, 1);
    EXPECT_EQ(second_calls, 0);
}

TEST_F(LoopTest, ExitFinishesTheTurnSoThatItsWorkIsCommitted) {
    bool written = false;
    int committed = 0;
    const std::unique_ptr<Loop::Hook> hook =
        loop().add_hook(Loop::Stage::commit, [&written, &committed] {
            committed += written ? 1 : 0;
            return committed == 1; // once more: the commit announced something
        });
    loop().post([this, &written] {
        written = true;
        loop().exit(7);
    });
    EXPECT_EQ(loop().run(), 7);
    EXPECT_EQ(committed, 2);
}

TEST_F(LoopTest, PostedFunctionsAreDroppedWithTheLoop) {
    const std::shared_ptr<int> capture = std::make_shared<int>(1);
    {
        const std::unique_ptr<Loop> other = open_loop();
        other->post([capture] { FAIL() << "ran in a destroyed loop"; });
        EXPECT_EQ(capture.use_count(), 2);
    }
    EXPECT_EQ(capture.use_count(), 1);
}

TEST_F(LoopTest, BusyTimeIsThatOfTheCallbacksNotOfTheWait) {
    const std::unique_ptr<Timer> timer = timers().start(std::chrono::milliseconds(30), [] {
        const auto start = std::chrono::steady_clock::now();
        while (std::chrono::steady_clock::now() - start < std::chrono::milliseconds(5))
            std::this_thread::yield();
    });
    ASSERT_TRUE(turn_until([this] { return timers().pending() == 1; })); // only the limit's
    loop().turn(false);
    EXPECT_GE(loop().statistics().longest_busy, std::chrono::milliseconds(5));
    EXPECT_GE(loop().statistics().total_busy, loop().statistics().longest_busy);
    EXPECT_GE(loop().statistics().turns, 2);
    const std::chrono::nanoseconds total = loop().statistics().total_busy;
    loop().turn(false);
    EXPECT_EQ(loop().statistics().total_busy, total); // an idle turn adds nothing
}

} // namespace
} // namespace kheish::loop
