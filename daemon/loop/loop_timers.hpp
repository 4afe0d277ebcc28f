#pragma once

#include "base/timers.hpp"
#include "loop/timer_queue.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace kheish::loop {

/// The timers of a process: never early, in the order that TimerQueue says. Time in suspend counts,
/// so that what fell due in suspend fires on resume. Outlives its timers.
class LoopTimers final : public Timers {
  public:
    /// Longer delays are cut to this, moments of the wall clock to this after 1970.
    static constexpr std::chrono::hours kLongestDelay{24 * 366 * 100};

    static Result<std::unique_ptr<LoopTimers>> open(Loop& loop);
    /// Through open().
    LoopTimers(std::unique_ptr<TimerQueue> boot, std::unique_ptr<TimerQueue> wall)
        : boot_(std::move(boot)), wall_(std::move(wall)) {}

    [[nodiscard]] std::unique_ptr<Timer>
    start(std::chrono::microseconds delay, UniqueFunction<void()> fire) override;
    [[nodiscard]] std::unique_ptr<Timer>
    start_at_wall(std::int64_t wall_us, UniqueFunction<void()> fire) override;
    std::size_t pending() const { return boot_->pending() + wall_->pending(); }

  private:
    std::unique_ptr<TimerQueue> boot_;
    std::unique_ptr<TimerQueue> wall_;
};

} // namespace kheish::loop
