#pragma once

#include "base/timers.hpp"

#include <chrono>
#include <memory>

namespace kheish::loop {

/// Tells the service manager at a quarter of WATCHDOG_USEC (sd_watchdog_enabled(3)) that the loop
/// turns. Does nothing where the manager did not ask. `timers` outlives it.
class Watchdog {
  public:
    explicit Watchdog(Timers& timers);

    /// Zero where no watchdog is wanted.
    std::chrono::microseconds interval() const { return interval_; }

  private:
    void pet();

    Timers& timers_;
    std::chrono::microseconds interval_{0};
    std::unique_ptr<Timer> timer_;
};

} // namespace kheish::loop
