#pragma once

#include "bus/inhibitor.hpp"
#include "control/host_events.hpp"

#include <memory>

namespace kheish::bus {

/// Follows systemd-logind's PrepareForSleep (org.freedesktop.login1(5)): holds a delay lock while
/// the machine is awake, and gives it back when what is under way is in the journal. Without logind
/// nothing happens. Its end is the end of the night: who cannot hear of the morning does not wait
/// for it.
class SleepWatch {
  public:
    /// Both outlive the watch.
    SleepWatch(sd_bus* bus, control::HostEvents& host);
    SleepWatch(const SleepWatch&) = delete;
    SleepWatch& operator=(const SleepWatch&) = delete;
    ~SleepWatch();

    bool holds_lock() const { return lock_ != nullptr && lock_->is_held(); }

  private:
    static int on_signal(sd_bus_message* message, void* data, sd_bus_error*) noexcept;
    void take_lock();
    void on_sleep();
    void on_wake();

    sd_bus* bus_;
    control::HostEvents& host_;
    std::unique_ptr<Inhibitor> lock_;
    bool asleep_ = false;
    /// What answers hold: they may come after the end.
    std::shared_ptr<SleepWatch*> self_;
    BusSlot match_;
};

} // namespace kheish::bus
