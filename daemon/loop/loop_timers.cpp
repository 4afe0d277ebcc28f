#include "loop/loop_timers.hpp"

#include <algorithm>

namespace kheish::loop {

namespace {

constexpr std::int64_t kNanosPerMicro = 1000;

} // namespace

Result<std::unique_ptr<LoopTimers>> LoopTimers::open(Loop& loop) {
    KHEISH_TRY(std::unique_ptr<TimerQueue> boot, TimerQueue::open(loop, CLOCK_BOOTTIME));
    KHEISH_TRY(std::unique_ptr<TimerQueue> wall, TimerQueue::open(loop, CLOCK_REALTIME));
    return std::make_unique<LoopTimers>(std::move(boot), std::move(wall));
}

std::unique_ptr<Timer>
LoopTimers::start(std::chrono::microseconds delay, UniqueFunction<void()> fire) {
    const std::chrono::nanoseconds wait =
        std::clamp<std::chrono::microseconds>(delay, std::chrono::microseconds(0), kLongestDelay);
    return boot_->start(boot_->now_ns() + wait.count(), std::move(fire));
}

std::unique_ptr<Timer>
LoopTimers::start_at_wall(std::int64_t wall_us, UniqueFunction<void()> fire) {
    constexpr std::int64_t kLatestUs =
        std::chrono::duration_cast<std::chrono::microseconds>(kLongestDelay).count();
    return wall_->start(
        std::clamp<std::int64_t>(wall_us, 0, kLatestUs) * kNanosPerMicro, std::move(fire));
}

} // namespace kheish::loop
