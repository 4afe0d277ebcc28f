#pragma once

#include "base/ids.hpp"
#include "base/responder.hpp"
#include "scopes/run_host.hpp"

#include <string>
#include <utility>
#include <vector>

namespace kheish::scopes {

/// kheish-launcher as kheishd sees it. Every call is answered from the loop, never from within it.
class Launcher {
  public:
    Launcher() = default;
    Launcher(const Launcher&) = delete;
    Launcher& operator=(const Launcher&) = delete;
    virtual ~Launcher() = default;

    struct Started {
        std::string slice_cgroup;          ///< absolute directory of the run's slice
        std::string socket;                ///< absolute path of the runner's socket
        std::vector<std::string> degraded; ///< limits that the kernel cannot keep
    };

    /// The sandbox is up and its runner listens, or nothing of the attempt is left.
    virtual void start(LaunchRequest request, Responder<Started> done) = 0;
    /// Kills the attempt (0: all of the run); answered when no process of it is left. `release`
    /// stops the run's slice too, and with it the accounting. What does not exist is stopped.
    virtual void stop(RunId run, int attempt, bool release, Responder<void> done) = 0;
    /// Kills every attempt that is not one of `live`.
    virtual void sweep(std::vector<std::pair<RunId, int>> live, Responder<void> done) = 0;
};

} // namespace kheish::scopes
