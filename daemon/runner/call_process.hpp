#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "codec/packet_socket.hpp"
#include "runner/isolated_process.hpp"

#include <optional>
#include <string>

namespace kheish::runner {

/// What every call works in.
struct CallEnvironment {
    std::string workspace;   ///< absolute path
    Confinement confinement; ///< applied by the process that works on what the model wants
};

/// The process of one call: a fork of the runner that holds nothing but its own connection to it,
/// so that a crash, a hang or a full disk there is an outcome and no harm to the runner.
class CallProcess {
  public:
    /// Starts `execute` (whose input is complete) with its spool file.
    static Result<CallProcess> start(
        const codec::runner::Execute& execute,
        std::optional<Fd> spool,
        const CallEnvironment& environment);

    /// Sends `progress`, perhaps `prepared` (and then waits) and, at the end, one `finished` with
    /// duration_us 0. End of connection without it: the process died.
    codec::runner::PacketSocket& channel() { return channel_; }
    int socket() const { return channel_.fd(); }
    /// Lets a call go on that has sent `prepared`.
    Status proceed(const CallId& call);
    /// Asks a call that listens for it (bash) to end; false where it must be killed instead.
    bool request_cancel(const std::string& tool, const CallId& call);
    void kill() const;

  private:
    CallProcess(Fd process, Fd socket)
        : process_(std::move(process)), channel_(std::move(socket)) {}

    Fd process_; ///< pidfd_open(2): a number could be another's by now
    codec::runner::PacketSocket channel_;
};

} // namespace kheish::runner
