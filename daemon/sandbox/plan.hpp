#pragma once

#include "base/result.hpp"
#include "sandbox/profile.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kheish::sandbox {

/// One of /bin, /sbin, /lib, ... as the host has it.
struct RootEntry {
    std::string path;
    std::string link_target; ///< empty where it is a directory of its own

    friend bool operator==(const RootEntry&, const RootEntry&) = default;
};

/// What of the host's file tree a plan depends on.
struct HostLayout {
    std::vector<RootEntry> root_entries;
    bool has_kheish_configuration = false; ///< /etc/kheish exists and must be hidden
};

/// Reads the layout of this host.
Result<HostLayout> read_host_layout();

struct PlanInput {
    Profile profile;
    std::string user_name;
    std::string workspace;       ///< absolute; where the directory behind workspace_fd shows
    std::uint64_t tasks_max = 0; ///< bound of RLIMIT_NPROC inside; 0 leaves it as inherited
    int workspace_fd = -1;       ///< O_PATH directory
    int user_namespace_fd = -1;  ///< made while privileged, maps uid and gid to themselves
    int seccomp_fd = -1;         ///< program of seccomp_program()
    std::string runner;          ///< absolute path of the program that becomes PID 1
    HostLayout host;
};

/// The arguments of bubblewrap (bwrap(1), 0.8 or later with --bind-fd), without argv[0].
/// Pure: the same input gives the same arguments. Namespaces: the given user namespace and new
/// mount, pid, ipc, uts, cgroup and (without `network`) network ones. System read-only, workspace
/// read-write, private /tmp and /var/tmp, minimal /dev, fresh /proc, fixed environment, no
/// capability. Never --die-with-parent: the launcher exits while runs live.
std::vector<std::string> plan(const PlanInput& input);

} // namespace kheish::sandbox
