#include "loop_fixture.hpp"

#include "base/clock.hpp"

#include <ctime>
#include <limits>
#include <string>
#include <vector>

namespace kheish::loop {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

std::chrono::nanoseconds boot_time() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

using LoopTimersTest = LoopTest;

TEST_F(LoopTimersTest, NeverEarly) {
    int left = 0;
    std::vector<std::unique_ptr<Timer>> started;
    for (const int delay_us : {0, 1, 37, 999, 1000, 1001, 3333, 12'345}) {
        const std::chrono::nanoseconds due = boot_time() + microseconds(delay_us);
        ++left;
        started.push_back(timers().start(microseconds(delay_us), [due, &left] {
            EXPECT_GE(boot_time(), due);
            --left;
        }));
    }
    EXPECT_TRUE(turn_until([&left] { return left == 0; }));
}

TEST_F(LoopTimersTest, MomentsOfTheWallClockAreNeverEarly) {
    int left = 0;
    std::vector<std::unique_ptr<Timer>> started;
    const std::int64_t now_us = SystemClock().now().wall_us;
    for (const std::int64_t moment_us : {now_us - 5'000'000, now_us + 1000, now_us + 12'345}) {
        ++left;
        started.push_back(timers().start_at_wall(moment_us, [moment_us, &left] {
            EXPECT_GE(SystemClock().now().wall_us, moment_us);
            --left;
        }));
    }
    bool is_far_away_due = false;
    const std::unique_ptr<Timer> far = timers().start_at_wall(
        std::numeric_limits<std::int64_t>::max(), [&is_far_away_due] { is_far_away_due = true; });
    EXPECT_TRUE(turn_until([&left] { return left == 0; }));
    EXPECT_FALSE(is_far_away_due);
    EXPECT_EQ(timers().pending(), 1U);
}

TEST_F(LoopTimersTest, FireInOrderOfDeadlineNotOfStart) {
    std::string order;
    const std::unique_ptr<Timer> late = timers().start(milliseconds(9), [&order] { order += 'c'; });
    const std::unique_ptr<Timer> early =
        timers().start(milliseconds(1), [&order] { order += 'a'; });
    const std::unique_ptr<Timer> middle =
        timers().start(milliseconds(5), [&order] { order += 'b'; });
    EXPECT_TRUE(turn_until([&order] { return order.size() == 3; }));
    EXPECT_EQ(order, "abc");
}

TEST_F(LoopTimersTest, DestroyingCancels) {
    bool fired = false;
    std::unique_ptr<Timer> cancelled = timers().start(milliseconds(1), [&fired] { fired = true; });
    bool reached = false;
    const std::unique_ptr<Timer> after =
        timers().start(milliseconds(3), [&reached] { reached = true; });
    cancelled.reset();
    EXPECT_TRUE(turn_until([&reached] { return reached; }));
    EXPECT_FALSE(fired);
    EXPECT_EQ(timers().pending(), 0U);
}

TEST_F(LoopTimersTest, ACallbackMayDestroyItsOwnTimerAndOneThatIsDueToo) {
    std::unique_ptr<Timer> first;
    std::unique_ptr<Timer> second;
    int calls = 0;
    const std::string capture(100, 'z');
    const auto destroy_both = [&first, &second, &calls, capture] {
        first.reset();
        second.reset();
        calls += capture.empty() ? 0 : 1;
    };
    first = timers().start(microseconds(0), destroy_both);
    second = timers().start(microseconds(0), destroy_both);
    EXPECT_TRUE(turn_until([&calls] { return calls > 0; }));
    loop().turn(false);
    EXPECT_EQ(calls, 1);
}

TEST_F(LoopTimersTest, AChainOfZeroDelaysLeavesRoomForEverythingElse) {
    int links = 0;
    std::unique_ptr<Timer> link;
    const std::function<void()> next = [this, &links, &link, &next] {
        if (++links < 5)
            link = timers().start(microseconds(0), next);
    };
    next();
    const std::int64_t turns = loop().statistics().turns;
    EXPECT_TRUE(turn_until([&links] { return links == 5; }));
    EXPECT_GE(loop().statistics().turns - turns, 4); // one link per turn
}

TEST_F(LoopTimersTest, OddDelaysAreClamped) {
    bool fired = false;
    const std::unique_ptr<Timer> negative =
        timers().start(microseconds(-5), [&fired] { fired = true; });
    const std::unique_ptr<Timer> endless = timers().start(microseconds::max(), [] { FAIL(); });
    EXPECT_TRUE(turn_until([&fired] { return fired; }));
    EXPECT_EQ(timers().pending(), 1U);
}

} // namespace
} // namespace kheish::loop
