#include "loop/watchdog.hpp"

#include "base/log.hpp"

#include <cstdint>
#include <cstring>

#include <systemd/sd-daemon.h>

namespace kheish::loop {

Watchdog::Watchdog(Timers& timers) : timers_(timers) {
    std::uint64_t wanted_us = 0;
    if (sd_watchdog_enabled(0, &wanted_us) <= 0)
        return;
    interval_ = std::chrono::microseconds(wanted_us / 4);
    pet();
}

void Watchdog::pet() {
    const int sent = sd_notify(0, "WATCHDOG=1");
    if (sent < 0)
        log(Level::warning,
            "The watchdog message could not be sent",
            {{log_field::kError, strerror(-sent)}});
    timer_ = timers_.start(interval_, [this] { pet(); });
}

} // namespace kheish::loop
