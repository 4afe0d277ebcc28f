#pragma once

#include "agenda.hpp"
#include "oracle.hpp"
#include "random.hpp"
#include "scopes/run_host.hpp"

#include <list>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace kheish::sim {

/// What may go wrong with runners; all in thousandths.
struct MachineFaults {
    std::int64_t launch_failure = 0;
    std::int64_t launch_refusal = 0;
    std::int64_t loss = 0; ///< of a runner, at the start of each call
};

/// The part of the simulated machine that outlives the daemon: launcher, runners and the world that
/// tools change.
class Machine {
  public:
    Machine(Agenda& agenda, Random random, Oracle& oracle)
        : agenda_(agenda), random_(random), oracle_(oracle) {}

    MachineFaults faults;

    // Asked by a daemon's SimHost. `life` ends with the daemon.
    void connect(scopes::RunHostObserver* observer, const Life& life);
    void launch(RunId run, int attempt);
    void adopt(RunId run, int attempt);
    void execute(RunId run, scopes::Execution execution);
    void proceed(RunId run, const CallId& call);
    void cancel(RunId run, const CallId& call);
    void acknowledge(RunId run, const CallId& call);
    void stop(RunId run, int attempt);
    void sweep(const std::vector<std::pair<RunId, int>>& live);

    /// The daemon is gone: what was on its way to a runner arrives now or never.
    void on_daemon_death();
    /// Every process is gone.
    void reboot();
    std::string leftover_runners() const;

  private:
    struct Work {
        scopes::Execution execution;
        bool is_running = true;
        bool is_prepared = false; ///< waits for proceed()
        scopes::Outcome outcome;  ///< where it is not running
        std::uint64_t entry = 0;  ///< the next step of it
    };
    struct Runner {
        int attempt = 1;
        bool is_up = false;
        bool is_connected = false; ///< to the living daemon
        std::map<CallId, Work> works;
    };
    struct Delivery {
        RunId run;
        int attempt = 0; ///< a channel ends with its runner: no other one gets it
        scopes::Execution execution;
        std::uint64_t entry = 0;
    };

    Runner* find(RunId run, int attempt);
    void finish_launch(RunId run, int attempt);
    void finish_adoption(RunId run, int attempt);
    void deliver(std::list<Delivery>::iterator delivery);
    void begin(RunId run, int attempt, scopes::Execution execution);
    void prepare(RunId run, int attempt, const CallId& call);
    void tell_prepared(RunId run, int attempt, const CallId& call);
    void reconcile(RunId run, int attempt, const CallId& call);
    void happen(RunId run, int attempt, const CallId& call);
    void finish(RunId run, int attempt, const CallId& call, scopes::Outcome::Kind kind);
    void report(RunId run, int attempt, const CallId& call);
    void lose(RunId run, const std::string& reason);
    void forget(RunId run);
    scopes::Accounting accounting(RunId run);
    /// What the project permits: another file each time that it is looked at.
    scopes::ProjectPermissions project();

    Agenda& agenda_;
    Random random_;
    Oracle& oracle_;
    scopes::RunHostObserver* observer_ = nullptr;
    Life life_;
    std::map<RunId, Runner> runners_;
    std::list<Delivery> deliveries_;
    std::map<RunId, std::int64_t> cpu_us_;
    std::set<std::pair<RunId, CallId>> edited_; ///< what is in the files: every call has its own
};

} // namespace kheish::sim
