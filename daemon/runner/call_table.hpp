#pragma once

#include "codec/runner_message.hpp"
#include "runner/call_process.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace kheish::runner {

/// Every call that this runner has been given, until its outcome is acknowledged; after that, its
/// id. A call is started once and never again, whatever is asked.
class CallTable {
  public:
    using SteadyClock = std::chrono::steady_clock;

    explicit CallTable(CallEnvironment environment) : environment_(std::move(environment)) {}

    enum class State { unknown, running, finished, acknowledged };
    State state(const CallId& call) const;
    const codec::runner::Finished* outcome(const CallId& call) const;
    std::vector<CallId> in_state(State state) const; ///< running or finished, by id
    std::int64_t output_bytes(const CallId& call) const;
    /// Of every call that waits for proceed().
    std::vector<codec::runner::Prepared> prepared() const;

    /// Takes a call that is unknown. It starts at once or when one of kParallelCalls has ended.
    /// Errc::rate_limited where too many are known already, Errc::protocol_error for an input that
    /// cannot be read.
    Status add(codec::runner::Execute execute, std::vector<Fd> descriptors);
    /// Nothing happens where the call does not wait for it.
    void proceed(const CallId& call);
    /// Nothing happens where the call is not running.
    void cancel(const CallId& call);
    /// Forgets a finished call's outcome.
    void acknowledge(const CallId& call);

    /// Descriptors to wait for, each with its call.
    std::vector<std::pair<int, CallId>> sockets() const;
    /// Reads what the call's process says: gives `progress`, `prepared` and `finished` to pass on.
    std::vector<codec::runner::Message> read(const CallId& call);
    /// Ends what is over its time; gives the outcomes to pass on.
    std::vector<codec::runner::Message> enforce_deadlines();
    std::optional<SteadyClock::time_point> next_deadline() const;

  private:
    struct Call {
        codec::runner::Execute execute;
        std::optional<Fd> spool;
        std::optional<CallProcess> process; ///< none: waiting for its turn
        SteadyClock::time_point started;
        SteadyClock::time_point deadline;
        /// What its end means where it does not say so itself.
        codec::runner::Finished::Kind kill_means = codec::runner::Finished::Kind::failed;
        bool killed = false;
        std::int64_t output_bytes = 0;
        /// Waits for proceed(), however long: its time stands still.
        std::optional<codec::runner::Prepared> prepared;
    };

    void start_waiting();
    void start(const CallId& id, Call& call);
    codec::runner::Finished died(const CallId& id, const Call& call) const;
    /// Moves a call to the finished ones.
    codec::runner::Message finish(const CallId& id, codec::runner::Finished outcome);
    static void kill(Call& call, codec::runner::Finished::Kind meaning);

    CallEnvironment environment_;
    std::map<CallId, Call> running_;
    std::deque<CallId> waiting_;
    std::map<CallId, codec::runner::Finished> finished_;
    std::unordered_set<std::string> acknowledged_;
    std::deque<CallId> ended_early_; ///< finished without a process to read from
};

} // namespace kheish::runner
