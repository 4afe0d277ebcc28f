#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kheish::sandbox {

/// Descriptors that the runner is started with. Everything else is closed by enter_sandbox().
inline constexpr int kStatusFd = 2;  ///< pipe to the launcher until enter_sandbox(), then the log
inline constexpr int kChannelFd = 3; ///< listening SOCK_SEQPACKET socket of the run
inline constexpr int kLogFd = 4;     ///< stream to journald, or /dev/null

/// What the plan tells the runner about its own sandbox.
struct RunnerView {
    std::string workspace;
    std::vector<std::string> read_only_paths;
    bool network = false;
    std::uint64_t tasks_max = 0; ///< 0: no bound by RLIMIT_NPROC

    friend bool operator==(const RunnerView&, const RunnerView&) = default;
};

struct EnvironmentEntry {
    std::string name;
    std::string value;
};

/// `view` as environment variables; read_runner_environment() is the inverse.
std::vector<EnvironmentEntry> runner_environment(const RunnerView& view);
/// Errc::sandbox_unavailable where this process was not started by a plan.
Result<RunnerView> read_runner_environment();

/// The first thing kheish-runner does, before any thread and before it reads a byte: makes itself
/// non-dumpable (so that a tool of the same uid can neither trace it nor read its memory), sets
/// the rlimits, makes sure of Landlock, points stderr at the log, closes all descriptors above
/// kChannelFd, removes the plan's variables from the environment and tells the launcher. It does
/// not restrict itself by Landlock: who is restricted may not mount (landlock(7)), and each call
/// gets a /proc of its own.
/// On failure the launcher has been told why and the caller must exit.
/// Gives back what the plan said; the current directory is the workspace.
Result<RunnerView> enter_sandbox();

/// The last thing that a process of the runner does before it works for a model: Landlock rules of
/// `view`, then `filter`, a program of seccomp_program(view.network, FilterFor::tool).
Status confine_tool(const RunnerView& view, std::string_view filter);

/// What a runner's status pipe has said so far.
struct RunnerReport {
    bool ready = false;
    std::optional<Error> error; ///< the runner's own report that it refuses to run
};

inline constexpr std::size_t kRunnerReportLimitBytes = 4096;

/// The line that enter_sandbox() writes on success, and the one on failure.
std::string runner_report_line(const Status& status);
/// Reads the bytes of a status pipe; text that no runner wrote (bubblewrap's own errors) counts
/// as nothing here.
RunnerReport parse_runner_report(std::string_view bytes);

} // namespace kheish::sandbox
