#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "sandbox/launcher_protocol.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace kheish::launcher {

/// The path after "0::" in the text of /proc/PID/cgroup (cgroups(7)): the unified hierarchy, also
/// on hybrid hosts.
std::optional<std::string> unified_path(std::string_view proc_cgroup);

/// The attempt of a unit name "kheish-run-<n>-<attempt>.scope"; other spellings are none.
std::optional<sandbox::Attempt> parse_scope_name(std::string_view name);
/// The run of "kheish-runs-<n>.slice".
std::optional<RunId> parse_slice_name(std::string_view name);

/// The part of the cgroup v2 file system that holds the runs.
class RunCgroups {
  public:
    /// Finds the mount of the unified hierarchy and the service manager's place in it.
    /// Errc::sandbox_unavailable where there is none or it lacks cgroup.kill (Linux 5.14).
    static Result<RunCgroups> find();
    RunCgroups() = default; ///< nothing found yet
    /// For tests: `runs_directory` stands for kheish-runs.slice, `manager_path` for its place.
    RunCgroups(std::string runs_directory, std::string manager_path)
        : runs_directory_(std::move(runs_directory)), runs_path_(std::move(manager_path)) {}

    std::string slice_directory(RunId run) const;
    std::string scope_directory(const sandbox::Attempt& attempt) const;

    /// Whether the process is in the scope of `attempt`. Errc::launch_refused says where it is.
    Status verify_member(pid_t process, const sandbox::Attempt& attempt) const;
    /// Scopes that have a cgroup, sorted. Empty where nothing runs.
    Result<std::vector<sandbox::Attempt>> scopes() const;
    Result<std::vector<sandbox::Attempt>> scopes_of(RunId run) const;
    /// Runs whose slice has a cgroup, sorted.
    Result<std::vector<RunId>> slices() const;
    /// Controllers that the slice of `run`, which has been started, lacks.
    sandbox::Degraded degraded(RunId run) const;

  private:
    std::string runs_directory_; ///< absolute, in the file system
    std::string runs_path_;      ///< as /proc/PID/cgroup shows it
};

/// Kills every process in the cgroup at `directory` and below, at once, also those being forked
/// (cgroup.kill). A cgroup that is gone is killed already.
Status kill_cgroup(const std::string& directory);
/// cgroup.events of the cgroup, for polling with EPOLLPRI; none where the cgroup is gone.
Result<std::optional<Fd>> open_cgroup_events(const std::string& directory);
/// Whether processes are left. `events` is from open_cgroup_events; a cgroup that went away has
/// none.
Result<bool> is_populated(const Fd& events);

} // namespace kheish::launcher
