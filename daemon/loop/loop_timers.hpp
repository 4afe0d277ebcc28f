#pragma once

#include "base/fd.hpp"
#include "base/timers.hpp"
#include "loop/fd_watch.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

namespace kheish::loop {

/// Timers on the boot clock (CLOCK_BOOTTIME, timerfd_create(2)): never early, and time in suspend
/// counts, so that what fell due in suspend fires on resume. All timers share one descriptor. Due
/// timers fire in the order of their deadlines, those of equal deadline in the order of their
/// start; a timer that is started from a callback fires in a later turn. Outlives its timers.
class LoopTimers final : public Timers {
  public:
    /// Longer delays are cut to this.
    static constexpr std::chrono::hours kLongestDelay{24 * 366 * 100};

    static Result<std::unique_ptr<LoopTimers>> open(Loop& loop);
    /// Through open().
    LoopTimers(Loop& loop, Fd fd);
    ~LoopTimers() override;

    [[nodiscard]] std::unique_ptr<Timer>
    start(std::chrono::microseconds delay, UniqueFunction<void()> fire) override;
    std::size_t pending() const { return pending_.size(); }

  private:
    class LoopTimer;
    using Key = std::pair<std::int64_t, std::uint64_t>; ///< deadline in boot ns, start number

    void fire_due();
    void arm();

    Fd fd_;
    std::map<Key, LoopTimer*> pending_;
    std::uint64_t last_number_ = 0;
    std::int64_t armed_ns_ = 0; ///< what the descriptor is set to; 0 is off
    FdWatch watch_;
    std::unique_ptr<Loop::Hook> arm_hook_;
};

} // namespace kheish::loop
