#pragma once

#include "base/result.hpp"

#include <cstdint>

namespace kheish::sandbox {

struct ResourceLimits {
    std::uint64_t tasks_max = 0; ///< RLIMIT_NPROC; 0 leaves it as inherited
};

/// Open files that a tool starts with, and how far it may raise that itself.
inline constexpr std::uint64_t kOpenFilesSoftLimit = 1024;
inline constexpr std::uint64_t kOpenFilesHardLimit = 65536;

/// Sets the limits of the calling process and of everything it starts (setrlimit(2)): no core
/// files, no real-time or raised priority, bounded open files, no POSIX message queues.
/// RLIMIT_NPROC counts within the run's own user namespace, so it bounds the run's tasks on hosts
/// without the pids controller too. Never raises a limit above what was inherited.
Status apply_rlimits(const ResourceLimits& limits);

} // namespace kheish::sandbox
