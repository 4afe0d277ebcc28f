#pragma once

#include "base/timers.hpp"
#include "codec/packet_socket.hpp"
#include "loop/fd_watch.hpp"
#include "scopes/run_host.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>

namespace kheish::scopes {

/// Told what a runner says. Calls come from the loop, never from within a RunnerChannel method; the
/// channel may be destroyed in any of them.
class RunnerChannelObserver {
  public:
    RunnerChannelObserver() = default;
    RunnerChannelObserver(const RunnerChannelObserver&) = delete;
    RunnerChannelObserver& operator=(const RunnerChannelObserver&) = delete;
    virtual ~RunnerChannelObserver() = default;

    /// The answer to hello, with every outcome that the runner keeps.
    virtual void on_ready(RunId run, Adopted known) = 0;
    virtual void on_outcome(RunId run, Outcome outcome) = 0;
    virtual void on_prepared(RunId run, CallId call, codec::ContentChange change) = 0;
    /// The connection is over; the calls go on. Called once, nothing follows.
    virtual void on_end(RunId run, Error error) = 0;
};

/// One connection to one run's runner. Says hello at once.
class RunnerChannel {
  public:
    /// Connects to the socket at `path`. An error: nobody listens there (Errc::runner_lost), or the
    /// runner has no room for a connection now (transient).
    static Result<std::unique_ptr<RunnerChannel>> connect(
        loop::Loop& loop,
        Timers& timers,
        const std::string& path,
        RunId run,
        int attempt,
        RunnerChannelObserver& observer);
    /// Through connect().
    RunnerChannel(
        loop::Loop& loop, Timers& timers, Fd socket, RunId run, RunnerChannelObserver& observer);
    RunnerChannel(const RunnerChannel&) = delete;
    RunnerChannel& operator=(const RunnerChannel&) = delete;
    ~RunnerChannel() = default;

    /// After on_ready only. `spool` is the write end of the call's spool file, if it has one.
    void execute(const Execution& execution, std::optional<Fd> spool);
    void proceed(const CallId& call);
    void cancel(const CallId& call);
    void acknowledge(const CallId& call);

    /// Longest wait for the answer to hello.
    static constexpr std::chrono::seconds kHelloTime{10};

  private:
    void send(const codec::runner::Message& message, std::vector<Fd> descriptors = {});
    void on_ready_for(loop::Interest ready);
    void read();
    Status handle(codec::runner::Message message);
    void finish_hello();
    /// Ends the channel from the loop; what called it goes on.
    void end(Error error);
    void arm();

    RunId run_;
    RunnerChannelObserver& observer_;
    loop::Loop& loop_;
    codec::runner::PacketSocket socket_;
    std::optional<codec::runner::HelloReply> hello_;
    std::set<CallId> awaited_;    ///< outcomes that hello announced and that have not come yet
    bool awaits_project_ = false; ///< which it sends before them
    Adopted known_;
    bool ready_ = false;
    bool ended_ = false;
    /// What posted functions hold: they may run after the end.
    std::shared_ptr<RunnerChannel*> self_;
    std::unique_ptr<Timer> hello_timer_;
    loop::FdWatch watch_;
};

} // namespace kheish::scopes
