#pragma once

#include "base/fd.hpp"
#include "base/timers.hpp"
#include "loop/fd_watch.hpp"

#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <utility>

namespace kheish::loop {

/// Timers for moments of one of the kernel's clocks (timerfd_create(2)), which share a descriptor.
/// Where the clock is set, the kernel looks again: a moment that is then in the past is due, one
/// that is then further away is waited for. Due timers fire in the order of their moments, those of
/// one moment in the order of their start; a timer that is started from a callback fires in a later
/// turn. Outlives its timers.
class TimerQueue {
  public:
    /// CLOCK_BOOTTIME or CLOCK_REALTIME.
    static Result<std::unique_ptr<TimerQueue>> open(Loop& loop, clockid_t clock);
    /// Through open().
    TimerQueue(Loop& loop, Fd fd, clockid_t clock);
    TimerQueue(const TimerQueue&) = delete;
    TimerQueue& operator=(const TimerQueue&) = delete;
    ~TimerQueue();

    std::int64_t now_ns() const;
    [[nodiscard]] std::unique_ptr<Timer> start(std::int64_t moment_ns, UniqueFunction<void()> fire);
    std::size_t pending() const { return pending_.size(); }

  private:
    class QueuedTimer;
    using Key = std::pair<std::int64_t, std::uint64_t>; ///< moment in ns, start number

    void fire_due();
    void arm();

    Fd fd_;
    clockid_t clock_;
    std::map<Key, QueuedTimer*> pending_;
    std::uint64_t last_number_ = 0;
    std::int64_t armed_ns_ = 0; ///< what the descriptor is set to; 0 is off
    FdWatch watch_;
    std::unique_ptr<Loop::Hook> arm_hook_;
};

} // namespace kheish::loop
