#pragma once

#include "base/deadline.hpp"
#include "base/unique_function.hpp"

#include <chrono>
#include <cstdint>
#include <memory>

namespace kheish {

/// A pending timer. Destroying it cancels it; that is the only cancellation there is.
class Timer {
  public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    virtual ~Timer() = default;
};

/// Makes one-shot timers on the event loop (loop/) or in simulated time (tests/sim).
class Timers {
  public:
    Timers() = default;
    Timers(const Timers&) = delete;
    Timers& operator=(const Timers&) = delete;
    virtual ~Timers() = default;

    /// Calls `fire` once, from the loop, not before `delay` has passed on the boot clock.
    /// The callback may destroy the Timer it belongs to.
    [[nodiscard]] virtual std::unique_ptr<Timer>
    start(std::chrono::microseconds delay, UniqueFunction<void()> fire) = 0;
    /// Calls `fire` once, from the loop, when the wall clock shows `wall_us` (microseconds since
    /// 1970-01-01 UTC) or later, however it is set meanwhile.
    [[nodiscard]] virtual std::unique_ptr<Timer>
    start_at_wall(std::int64_t wall_us, UniqueFunction<void()> fire) = 0;
    /// Calls `fire` once `deadline`, which is set, has passed by the clock that counts.
    [[nodiscard]] std::unique_ptr<Timer>
    start_until(const Deadline& deadline, const Clock& clock, UniqueFunction<void()> fire) {
        if (!deadline.counts_on_boot_clock(clock.boot_id()))
            return start_at_wall(deadline.wall_us, std::move(fire));
        return start(std::chrono::microseconds(deadline.left_us(clock)), std::move(fire));
    }
};

} // namespace kheish
