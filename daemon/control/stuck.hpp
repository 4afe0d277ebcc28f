#pragma once

#include "base/clock.hpp"
#include "engine/state.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace kheish::control {

/// What is known of a run beside its state.
struct Progress {
    std::int64_t since_boot_us = 0; ///< last event of it, by the boot clock of this boot
    bool is_broken = false;         ///< set aside until it can be loaded again
    bool is_held_back = false;      ///< in line, or an event of it is being committed
};

/// Why a live run makes no progress for `after` though nothing holds it back, as a sentence with
/// what to do. Nothing where it goes on, or rightly waits: for a person, for a deadline that has
/// not come, in line.
std::optional<std::string> stuck_reason(
    const engine::RunState& state,
    const Progress& progress,
    Instant now,
    const std::string& boot_id,
    std::chrono::microseconds after);

} // namespace kheish::control
