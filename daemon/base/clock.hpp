#pragma once

#include <cstdint>
#include <string>

namespace kheish {

/// One reading of both clocks of the machine, in microseconds.
struct Instant {
    std::int64_t wall_us = 0; ///< since 1970-01-01 UTC (CLOCK_REALTIME): can jump either way
    std::int64_t boot_us = 0; ///< since boot, suspend included (CLOCK_BOOTTIME): never goes back

    friend bool operator==(const Instant&, const Instant&) = default;
};

/// The only source of time above base/. The simulator supplies its own.
class Clock {
  public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;

    virtual Instant now() const = 0;
    /// 32 hexadecimal digits (sd_id128_get_boot(3)): readings of boot_us compare only within one
    /// id.
    virtual std::string boot_id() const = 0;
};

/// The kernel's clocks.
class SystemClock final : public Clock {
  public:
    Instant now() const override;
    std::string boot_id() const override;
};

} // namespace kheish
