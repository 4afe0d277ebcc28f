#pragma once

#include "launcher/cgroup.hpp"
#include "launcher/identity.hpp"
#include "launcher/limits.hpp"
#include "launcher/unit_manager.hpp"
#include "sandbox/plan.hpp"
#include "sandbox/profile.hpp"

#include <memory>
#include <string>

namespace kheish::launcher {

/// What every operation stands on. Made once at start-up; outlives the operations.
struct Context {
    sd_event* event = nullptr;
    UnitManager* units = nullptr;
    RunCgroups cgroups;
    LimitPolicy limits;
    IdentityPolicy identities;
    sandbox::HostLayout host;
    std::string seccomp_without_network;
    std::string seccomp_with_network;
    bool host_has_swap = false;
    gid_t channel_group = 0;       ///< who may connect to the sockets of runs
    std::string channel_directory; ///< /run/kheish/runs
    std::string bubblewrap;        ///< absolute path
    std::string runner;            ///< absolute path
};

/// Errc::sandbox_unavailable with the name of the first primitive of the sandbox that this host
/// lacks: namespaces, seccomp filters, Landlock, bubblewrap, the runner.
Status check_primitives(const std::string& bubblewrap, const std::string& runner);

} // namespace kheish::launcher
