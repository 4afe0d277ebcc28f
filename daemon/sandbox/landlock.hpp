#pragma once

#include "base/result.hpp"

#include <string>
#include <vector>

namespace kheish::sandbox {

/// The ABI of the kernel's Landlock (landlock(7)), 1 or more; without Landlock it is
/// Errc::sandbox_unavailable.
Result<int> landlock_abi();

/// What a run may reach, in addition to what its mount namespace shows.
struct AccessRules {
    std::string workspace;                    ///< read, write and execute
    std::vector<std::string> read_only_paths; ///< read and execute; a missing one is left out
    bool network = false; ///< false: no TCP either, where the kernel's Landlock knows it
};

/// Restricts the calling thread and everything it starts, for ever: system paths read and execute,
/// workspace and private temporary directories read-write, /proc and /dev without making or
/// removing entries. File rules are required; TCP (ABI 4), device ioctl (5) and abstract sockets
/// and signals outside the sandbox (6) are added where the kernel has them.
/// Needs no_new_privs. Errc::sandbox_unavailable names what failed.
Status restrict_to(const AccessRules& rules);

} // namespace kheish::sandbox
