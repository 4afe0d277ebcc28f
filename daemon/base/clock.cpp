#include "base/clock.hpp"

#include <array>
#include <ctime>

#include <systemd/sd-id128.h>

namespace kheish {

namespace {

std::int64_t read_us(clockid_t id) {
    timespec time{};
    (void)::clock_gettime(id, &time); // cannot fail for the two ids used here
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1'000;
}

} // namespace

Instant SystemClock::now() const {
    return {.wall_us = read_us(CLOCK_REALTIME), .boot_us = read_us(CLOCK_BOOTTIME)};
}

std::string SystemClock::boot_id() const {
    sd_id128_t id{};
    if (sd_id128_get_boot(&id) < 0)
        return {};
    std::array<char, SD_ID128_STRING_MAX> text{};
    return sd_id128_to_string(id, text.data());
}

} // namespace kheish
