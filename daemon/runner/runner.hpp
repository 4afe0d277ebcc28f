#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "codec/packet_socket.hpp"
#include "runner/call_table.hpp"

#include <optional>

namespace kheish::runner {

/// The loop of kheish-runner: one listening socket, at most one connection (a new one replaces the
/// old one), one process per call. Losing the connection changes nothing for the calls.
class Runner {
  public:
    /// `listener` is a listening SOCK_SEQPACKET socket; `project` was read before any call could
    /// change it.
    Runner(
        Fd listener, CallEnvironment environment, codec::runner::ProjectPermissions project = {});

    /// Until SIGTERM; the end of this process ends everything in the sandbox.
    Status run();

  private:
    Status open_signals();
    Status wait_once();
    int wait_milliseconds() const;
    Status read_signals();
    void accept_connection();
    void read_connection();
    void flush_connection();
    void drop_connection(const Error& reason);
    void pass_on(const std::vector<codec::runner::Message>& messages);
    void send(const codec::runner::Message& message);

    Status handle(codec::runner::Received received);
    Status handle_hello(const codec::runner::HelloRequest& hello);
    Status handle_execute(codec::runner::Execute execute, std::vector<Fd> descriptors);

    Fd listener_;
    Fd signals_;
    std::optional<codec::runner::PacketSocket> connection_;
    bool greeted_ = false;
    /// Whose runner this is, as the first hello said.
    RunId run_;
    int attempt_ = 0;
    CallTable calls_;
    codec::runner::ProjectPermissions project_;
    bool stopping_ = false;
};

} // namespace kheish::runner
