#pragma once

#include "base/timers.hpp"
#include "loop/loop.hpp"
#include "scopes/launcher.hpp"
#include "scopes/run_host.hpp"
#include "scopes/runner_channel.hpp"
#include "scopes/spool.hpp"

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace kheish::scopes {

/// The RunHost of this machine: scopes made by kheish-launcher, runners reached by their channels.
///
///   launch  -> launcher starts -> channel says hello ---------> on_launched
///   adopt   ----------------------> channel says hello -------> on_adopted
///   channel ends -> connect again, hello, compare what is known -> calls go on
///                -> nobody listens, or nobody answers -----> launcher stops what is left
///                                                             -> on_lost
///   stop    -> channel closed, launcher stops -> accounting read -> on_stopped
///
/// What a runner reports is told once, however often it is connected to; what it never received is
/// sent again, which is safe because a runner starts a call once.
class ScopedRunHost final : public RunHost, private RunnerChannelObserver {
  public:
    struct Places {
        std::string socket_directory; ///< of the runners' sockets, "<n>.sock"
        std::string runs_cgroup;      ///< find_runs_cgroup()
        std::string spool_directory;  ///< exists, the daemon's own
    };

    /// Everything outlives the host.
    ScopedRunHost(loop::Loop& loop, Timers& timers, Launcher& launcher, Places places);
    ~ScopedRunHost() override;

    void set_observer(RunHostObserver* observer) override { observer_ = observer; }
    void launch(LaunchRequest request) override;
    void adopt(RunId run, int attempt) override;
    void execute(RunId run, Execution execution) override;
    void proceed(RunId run, CallId call) override;
    void cancel(RunId run, CallId call) override;
    void acknowledge(RunId run, CallId call) override;
    void stop(RunId run, int attempt) override;
    void release(RunId run) override;
    void sweep(std::vector<std::pair<RunId, int>> live, UniqueFunction<void(Status)> done) override;
    Result<std::string>
    read_spool(RunId run, const CallId& call, std::int64_t offset_bytes, std::int64_t limit_bytes)
        override;

    /// A runner that takes so many connections in a row without answering hello is given up.
    static constexpr int kSilentConnections = 6;
    /// So is one that breaks with the protocol so often without telling of a call in between: what
    /// it knows of the run is not what the journal knows.
    static constexpr int kBrokenConnections = 4;
    static constexpr std::chrono::milliseconds kReconnectDelay{200};
    static constexpr std::chrono::seconds kStopRetryDelay{2};

  private:
    enum class Phase {
        launching, ///< the launcher works on it
        greeting,  ///< first hello of a launch
        adopting,  ///< first hello of an adoption
        live,
        ending, ///< only the launcher's answer counts
    };
    /// What the end of an attempt is told as.
    enum class Ending { stopped, lost, launch_failed };
    struct Attempt {
        int number = 1;
        Phase phase = Phase::launching;
        std::string socket;
        std::vector<std::string> degraded;
        bool require_limits = false;
        std::unique_ptr<RunnerChannel> channel;
        bool connected = false; ///< hello has been answered on this channel
        int silent = 0;         ///< connections in a row without an answered hello
        int broken = 0; ///< connections in a row that broke with the protocol, no outcome told
        std::map<CallId, Execution> executions; ///< without outcome yet
        std::set<CallId> cancelled;             ///< asked for, without outcome yet
        std::set<CallId> told;                  ///< outcome told, not acknowledged
        /// The last ones, more than a runner keeps: an acknowledgement may be lost with its
        /// channel.
        std::deque<CallId> acknowledged;
        std::unique_ptr<Timer> timer;
        Ending ending = Ending::stopped;
        Error reason;
        Accounting used; ///< when the end began
    };

    void on_ready(RunId run, Adopted known) override;
    void on_outcome(RunId run, Outcome outcome) override;
    void on_prepared(RunId run, CallId call, codec::ContentChange change) override;
    void on_end(RunId run, Error error) override;

    /// Null where `number` is not the run's attempt.
    Attempt* find(RunId run, int number);
    void on_started(RunId run, int number, Result<Launcher::Started> started);
    void connect(RunId run, Attempt& attempt);
    void connect_later(RunId run, Attempt& attempt);
    void resume(RunId run, Attempt& attempt, const Adopted& known);
    void send(RunId run, Attempt& attempt, const Execution& execution);
    void settle(RunId run, Attempt& attempt, Outcome& outcome);
    void give_up(RunId run, Attempt& attempt, Error error);
    void end(RunId run, Attempt& attempt, Ending ending, Error reason);
    void stop_what_is_left(RunId run, int number);
    void on_stop_answered(RunId run, int number, const Status& stopped);
    void finish_end(RunId run, int number);
    void post(UniqueFunction<void()> step);

    loop::Loop& loop_;
    Timers& timers_;
    Launcher& launcher_;
    Places places_;
    SpoolStore spools_;
    RunHostObserver* observer_ = nullptr;
    std::map<RunId, Attempt> attempts_;
    /// What posted functions and the launcher's answers hold: they may come after the end.
    std::shared_ptr<ScopedRunHost*> self_;
};

} // namespace kheish::scopes
