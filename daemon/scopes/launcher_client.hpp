#pragma once

#include "base/fd.hpp"
#include "base/timers.hpp"
#include "loop/fd_watch.hpp"
#include "scopes/launcher_session.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace kheish::scopes {

/// Talks to kheish-launcher over its socket. Connects when there is something to say (which starts
/// the launcher by socket activation) and again after the launcher has ended for want of work.
/// A request that the launcher took and did not answer before its end is Errc::service_unavailable:
/// what became of it is unknown, and a stop of the attempt settles it.
class LauncherClient final : public Launcher {
  public:
    /// The launcher answers each request sooner than this; silence for so long ends the connection.
    static constexpr std::chrono::microseconds kSilenceLimit = std::chrono::seconds(60);

    /// `loop` and `timers` outlive the client.
    LauncherClient(
        loop::Loop& loop, Timers& timers, std::string socket_path, sandbox::JournalId journal);
    ~LauncherClient() override;

    void start(LaunchRequest request, Responder<Started> done) override;
    void stop(RunId run, int attempt, bool release, Responder<void> done) override;
    void sweep(std::vector<std::pair<RunId, int>> live, Responder<void> done) override;

  private:
    template <class T>
    void submit(Status queued, Responder<T> done);
    void schedule_send();
    void send_queued();
    Status connect();
    void on_ready(loop::Interest ready);
    bool receive_one();
    void disconnect(const Error& error);
    void restart_silence_timer();

    loop::Loop& loop_;
    Timers& timers_;
    std::string socket_path_;
    LauncherSession session_;
    Fd socket_;
    std::unique_ptr<loop::FdWatch> watch_; ///< goes before its socket
    std::unique_ptr<Timer> send_timer_;
    std::unique_ptr<Timer> silence_timer_;
};

} // namespace kheish::scopes
