#pragma once

#include "base/clock.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace kheish {

/// A moment that is kept over restarts and reboots. Within the boot in which it was set the boot
/// clock counts, which nobody can set; in any other boot the wall clock, as it is set then.
struct Deadline {
    std::int64_t wall_us = 0;
    std::int64_t boot_us = 0;
    std::string boot_id; ///< empty: never

    /// `left_us` from now.
    static Deadline after(std::int64_t left_us, const Clock& clock) {
        const Instant now = clock.now();
        return {now.wall_us + left_us, now.boot_us + left_us, clock.boot_id()};
    }
    /// A moment of the calendar: the wall clock counts always.
    static Deadline at(std::int64_t wall_us) { return {wall_us, 0, std::string(kCalendar)}; }

    bool is_set() const { return !boot_id.empty(); }
    bool counts_on_boot_clock(std::string_view current_boot) const {
        return boot_id == current_boot;
    }
    /// Not positive once it has passed.
    std::int64_t left_us(const Clock& clock) const { return left_us(clock.now(), clock.boot_id()); }
    std::int64_t left_us(const Instant& now, std::string_view current_boot) const {
        return counts_on_boot_clock(current_boot) ? boot_us - now.boot_us : wall_us - now.wall_us;
    }

    friend bool operator==(const Deadline&, const Deadline&) = default;

  private:
    static constexpr std::string_view kCalendar = "calendar"; ///< the id of no boot
};

} // namespace kheish
