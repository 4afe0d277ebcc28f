#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <functional>
#include <string>

#include <sys/types.h>

namespace kheish::runner {

struct Command {
    std::string script;    ///< for bash -c
    std::string workspace; ///< absolute path
    std::string cwd;       ///< relative to the workspace
};

/// What became of a command.
struct CommandEnd {
    int exit_code = 0;       ///< 128 + n where signal n ended it
    int signal = 0;          ///< 0 where it exited by itself
    std::string not_started; ///< why it never ran; empty where it did
};

/// What a call's own process does to itself last before it works on what the model wants.
using Confinement = std::function<Status()>;

/// One command in namespaces of its own: user, pid and mount, with a /proc that shows nothing else.
/// Its pid 1 is ours and ends with the command, and with it every process that the command started,
/// whatever session or process group it moved to. So no tool can see, signal or outlive anything
/// but itself. The command has an empty standard input, both outputs on one pipe, a session of its
/// own, default signal dispositions and a fixed small environment.
///
/// Changes the calling process (its user namespace): use it in a process of the call's own.
class IsolatedProcess {
  public:
    /// Errc::sandbox_unavailable where the kernel refuses the namespaces.
    static Result<IsolatedProcess> start(const Command& command, const Confinement& confinement);

    /// Read end of the command's output; end of file once every process is gone.
    const Fd& output() const { return output_; }
    /// Becomes readable when the command has ended, or never started.
    const Fd& ended() const { return report_; }
    /// SIGKILL to the whole tree.
    void kill() const;
    /// Waits for the end of every process; call it when ended() is readable.
    CommandEnd wait();

  private:
    IsolatedProcess(pid_t init, Fd output, Fd report)
        : init_(init), output_(std::move(output)), report_(std::move(report)) {}

    pid_t init_;
    Fd output_;
    Fd report_;
};

} // namespace kheish::runner
