#pragma once

#include "base/unique_function.hpp"

#include <chrono>
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
};

} // namespace kheish
