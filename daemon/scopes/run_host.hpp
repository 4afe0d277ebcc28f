#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "codec/digest.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sys/types.h>

/// Where a run's tools execute: a sandbox in a transient scope, reached over a channel that
/// survives the daemon. Nothing above this folder knows that it is on this machine.
namespace kheish::scopes {

/// Resource bounds of a run; the launcher clamps them to its own.
struct Limits {
    std::int64_t memory_max_bytes = std::int64_t{2} << 30;
    std::int64_t tasks_max = 512;
    std::int64_t cpu_weight = 100;      ///< systemd.resource-control(5)
    std::int64_t cpu_quota_percent = 0; ///< of one CPU; 0 is no quota
    std::int64_t io_weight = 100;
    std::chrono::seconds runtime_max{24 * 3600}; ///< of one attempt, the last resort
    /// A kernel that cannot keep one of them fails the launch (Errc::sandbox_unavailable).
    bool require = false;
};

struct LaunchRequest {
    RunId run;
    int attempt = 1;
    uid_t run_as = 0;
    std::string workspace; ///< absolute path, opened as run_as by the launcher
    std::string profile = "default";
    Limits limits;
};

/// What the run's slice has used, over all attempts. Absent where the kernel has no such
/// controller.
struct Accounting {
    std::int64_t cpu_usage_us = 0;
    std::optional<std::int64_t> memory_peak_bytes;
    std::optional<std::int64_t> tasks_peak;
    std::optional<std::int64_t> io_read_bytes;
    std::optional<std::int64_t> io_write_bytes;
};

/// One tool call for the runner.
struct Execution {
    CallId call;
    std::string tool;
    std::string input; ///< canonical JSON, already validated against the tool's schema
    std::chrono::milliseconds timeout{180'000};
    std::int64_t output_limit_bytes = std::int64_t{16} << 20;
    /// What an earlier execution of the call had prepared: to be looked for first.
    std::optional<codec::ContentChange> recorded = {};
};

/// How a call ended. `text` is what the model is told, bounded; what did not fit is in the spool.
struct Outcome {
    enum class Kind {
        ok,
        failed,    ///< the tool says no: bad path, exit status other than 0, ...
        timed_out, ///< killed with its whole process tree
        cancelled, ///< killed on request
    };
    CallId call;
    Kind kind = Kind::ok;
    std::string text;
    std::optional<int> exit_code; ///< of a command
    bool truncated = false;
    std::optional<codec::BlobRef> spool; ///< digest and size of the full output, where there is one
    std::int64_t duration_us = 0;
};

std::string_view to_string(Outcome::Kind kind);
std::optional<Outcome::Kind> parse_outcome_kind(std::string_view text);

/// The project's own permission rules, as a runner has found them before it did anything.
struct ProjectPermissions {
    bool found = false;
    std::string text;  ///< UTF-8, at most codec::runner::kPayloadBytes
    std::string error; ///< why it cannot be read
};

/// A sandbox that is up.
struct Launched {
    std::string unit;                  ///< of its scope
    std::vector<std::string> degraded; ///< limits that the kernel cannot keep
    ProjectPermissions project = {};
};

/// What a runner that was found alive says of its calls.
struct Adopted {
    std::vector<CallId> running;
    std::vector<Outcome> finished; ///< not acknowledged yet
    ProjectPermissions project = {};
};

/// Told what happens. All calls come from the loop, none from within a RunHost method.
class RunHostObserver {
  public:
    RunHostObserver() = default;
    RunHostObserver(const RunHostObserver&) = delete;
    RunHostObserver& operator=(const RunHostObserver&) = delete;
    virtual ~RunHostObserver() = default;

    /// The sandbox is up and its runner answers.
    virtual void on_launched(RunId run, int attempt, Launched launched) = 0;
    /// Nothing of this attempt exists.
    virtual void on_launch_failed(RunId run, int attempt, Error error) = 0;
    /// The answer to adopt() of a living runner.
    virtual void on_adopted(RunId run, int attempt, Adopted adopted) = 0;
    /// The call knows what it will change and waits for proceed(). Told again after an adoption and
    /// after every reconnection, until that came.
    virtual void on_prepared(RunId run, int attempt, CallId call, codec::ContentChange change) = 0;
    virtual void on_finished(RunId run, int attempt, Outcome outcome) = 0;
    /// The runner is gone without having been asked to go, or adopt() found none. No process of
    /// the attempt is left.
    virtual void on_lost(RunId run, int attempt, Accounting accounting, std::string reason) = 0;
    /// The answer to stop(). No process of the attempt is left.
    virtual void on_stopped(RunId run, int attempt, Accounting accounting) = 0;
};

/// Starts, reaches and ends the execution environments of runs. At most one attempt of a run is
/// live: the caller begins the next one when it has been told of the last one's end.
///
/// launch(), adopt() and stop() are always answered, whatever has become of the attempt meanwhile;
/// execute(), proceed(), cancel() and acknowledge() are ignored where the run has no live attempt,
/// whose end is told or was.
class RunHost {
  public:
    RunHost() = default;
    RunHost(const RunHost&) = delete;
    RunHost& operator=(const RunHost&) = delete;
    virtual ~RunHost() = default;

    /// Set once, before anything else; the observer outlives the host's use.
    virtual void set_observer(RunHostObserver* observer) = 0;
    /// on_launched or on_launch_failed follows. The caller has journaled the attempt.
    virtual void launch(LaunchRequest request) = 0;
    /// After a restart of the daemon: on_adopted or on_lost follows, the latter also where the
    /// attempt is being ended.
    virtual void adopt(RunId run, int attempt) = 0;
    /// on_finished follows, or on_lost for the whole attempt. The caller has journaled the call.
    virtual void execute(RunId run, Execution execution) = 0;
    /// on_finished(cancelled) follows, or the outcome that was quicker.
    virtual void cancel(RunId run, CallId call) = 0;
    /// What the call has prepared is journaled: it may happen now.
    virtual void proceed(RunId run, CallId call) = 0;
    /// The outcome is journaled: the runner may forget it.
    virtual void acknowledge(RunId run, CallId call) = 0;
    /// Kills every process of the attempt; on_stopped follows, also where there was none.
    virtual void stop(RunId run, int attempt) = 0;
    /// The run is over: its slice and socket go too.
    virtual void release(RunId run) = 0;
    /// At boot: kills every attempt that exists and is not in `live`, and releases every run that
    /// `live` does not name (kNoAttempt where it has none) unless the list is kSweptLimit long, and
    /// may not be all. A longer one is refused.
    static constexpr std::size_t kSweptLimit = 1024;
    static constexpr int kNoAttempt = 0;
    virtual void
    sweep(std::vector<std::pair<RunId, int>> live, UniqueFunction<void(Status)> done) = 0;
    /// The full output of a call whose outcome has a spool, from `offset_bytes`, at most
    /// `limit_bytes` (and 1 MiB). Errc::not_found where there is none.
    virtual Result<std::string> read_spool(
        RunId run, const CallId& call, std::int64_t offset_bytes, std::int64_t limit_bytes) = 0;
};

} // namespace kheish::scopes
