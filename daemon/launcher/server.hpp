#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "launcher/context.hpp"
#include "launcher/handles.hpp"
#include "launcher/operations.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

namespace kheish::launcher {

/// Serves the socket that systemd hands over: takes connections of the daemon's uid only, reads one
/// request per datagram, sends replies as they come. Ends the loop after kIdleTimeout without a
/// request under way, or on SIGTERM when what is under way has ended; nothing that a client sent
/// successfully is lost by that, and its next send fails instead.
class Server {
  public:
    static constexpr std::chrono::microseconds kIdleTimeout = std::chrono::seconds(60);
    static constexpr std::size_t kConnectionsLimit = 8;
    static constexpr std::size_t kUnsentRepliesLimit = 256;

    Server(Context& context, Fd listener, std::chrono::microseconds idle_timeout = kIdleTimeout);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server() = default;

    /// Watches the socket, SIGTERM, SIGINT and SIGCHLD, which the caller has blocked.
    Status begin();

  private:
    struct Connection {
        Server* server = nullptr;
        std::uint64_t id = 0;
        Fd socket;
        std::deque<std::string> unsent;
        EventSource source;
    };

    void accept_one();
    Status watch_connection(Fd socket);
    /// Reads one datagram; false where there is none.
    bool read_request(Connection& connection);
    void take_request(std::uint64_t connection, std::string_view message);
    void send_reply(std::uint64_t connection, const sandbox::Reply& reply);
    void flush(Connection& connection);
    void drop(std::uint64_t connection);
    void restart_idle_timer();
    void stop_serving();
    void end_if_idle();
    static int on_connect(sd_event_source*, int, std::uint32_t, void* self) noexcept;
    static int on_ready(sd_event_source*, int, std::uint32_t events, void* data) noexcept;
    static int on_idle(sd_event_source*, std::uint64_t, void* self) noexcept;
    static int on_child(sd_event_source*, const signalfd_siginfo*, void* self) noexcept;
    static int on_terminate(sd_event_source*, const signalfd_siginfo*, void* self) noexcept;

    Context& context_;
    Fd listener_;
    std::chrono::microseconds idle_timeout_;
    Operations operations_;
    std::map<std::uint64_t, std::unique_ptr<Connection>> connections_;
    std::uint64_t next_connection_ = 1;
    bool stopping_ = false;
    EventSource accept_source_;
    EventSource idle_source_;
    EventSource child_source_;
    EventSource terminate_source_;
    EventSource interrupt_source_;
};

} // namespace kheish::launcher
