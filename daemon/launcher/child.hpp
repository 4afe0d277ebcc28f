#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "sandbox/plan.hpp"
#include "sandbox/profile.hpp"

#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace kheish::launcher {

/// What a child of the launcher needs in order to become a run's bubblewrap.
struct ChildPlan {
    uid_t run_as = 0;
    std::string workspace;
    std::uint64_t tasks_max = 0;
    sandbox::Profile profile;
    const sandbox::HostLayout* host = nullptr;
    const std::string* seccomp_program = nullptr;
    std::string bubblewrap; ///< absolute path
    std::string runner;     ///< absolute path
    int channel_fd = -1;    ///< listening socket of the run
    int barrier_fd = -1; ///< a byte comes when the scope holds this process; end of file: give up
    int status_fd = -1;  ///< where errors and then the runner's report go
};

/// The whole life of the child: prepares everything that does not depend on the scope (so that it
/// happens while the manager makes it), waits at the barrier, becomes the run's user and executes
/// bubblewrap. On failure writes a line of launch_failure_line() to status_fd and exits.
[[noreturn]] void run_child(const ChildPlan& plan);

/// One line that carries an Error over a status pipe, and its inverse.
std::string launch_failure_line(const Error& error);
std::optional<Error> parse_launch_failure(std::string_view bytes);

} // namespace kheish::launcher
