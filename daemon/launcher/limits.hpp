#pragma once

#include "base/result.hpp"
#include "sandbox/launcher_protocol.hpp"

#include <cstdint>
#include <string_view>

namespace kheish::launcher {

/// The root-owned bounds of every run, and what a run gets that asks for nothing.
struct LimitPolicy {
    sandbox::Limits standard{
        .memory_max_bytes = std::uint64_t{2} << 30,
        .tasks_max = 512,
        .cpu_weight = 100,
        .cpu_quota_us_per_second = 0,
        .io_weight = 100,
        .runtime_max_us = std::uint64_t{24} * 3600 * 1'000'000};
    /// 0 is no bound.
    sandbox::Limits maximum{
        .memory_max_bytes = std::uint64_t{64} << 30,
        .tasks_max = 16384,
        .cpu_weight = 10000,
        .cpu_quota_us_per_second = 0,
        .io_weight = 10000,
        .runtime_max_us = std::uint64_t{7} * 24 * 3600 * 1'000'000};
    /// Scopes that may be alive or being made at one time.
    std::uint32_t runs_max = 256;
    /// Refuse a run whose limits the kernel cannot keep.
    bool require_limits = false;
};

inline constexpr std::string_view kLimitFiles[] = {
    "/usr/lib/kheish/launcher.conf", "/etc/kheish/launcher.conf"};

/// Reads `memory_max_bytes`, `tasks_max`, `cpu_weight`, `cpu_quota_us_per_second`, `io_weight` and
/// `runtime_max_us` (each also with the prefix `maximum_`), `runs_max` and
/// `require_limits = yes|no` over `policy`. Errc::invalid_configuration names the line.
Result<LimitPolicy> parse_limits(std::string_view text, LimitPolicy policy);
/// The built-in policy, changed by each of kLimitFiles that exists; files that others than root
/// may write are refused.
Result<LimitPolicy> load_limits();

/// What a run gets that asks for `wanted`: nothing above the maximum, the standard for what is 0.
sandbox::Limits clamp(const sandbox::Limits& wanted, const LimitPolicy& policy);

} // namespace kheish::launcher
