#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "scopes/run_host.hpp"

#include <string>
#include <string_view>

/// Reading cgroup v2 (cgroups(7), Documentation/admin-guide/cgroup-v2): files of a run's slice, and
/// whether a scope still has processes.
namespace kheish::scopes {

/// Absolute directory of kheish-runs.slice: below the mount of the unified hierarchy, also on
/// hybrid hosts, where the service manager keeps its units. Errc::sandbox_unavailable where there
/// is no unified hierarchy.
Result<std::string> find_runs_cgroup();

std::string slice_directory(const std::string& runs_cgroup, RunId run);
std::string scope_directory(const std::string& runs_cgroup, RunId run, int attempt);

/// What the cgroup at `directory` has used. A controller that is absent, or a cgroup that is gone,
/// leaves its fields empty and cpu_usage_us 0.
Accounting read_accounting(const std::string& directory);
/// False where the cgroup is gone or cgroup.events says populated 0.
bool is_populated(const std::string& directory);

/// The number after `key` in a file of "key number" lines, such as cpu.stat.
std::optional<std::int64_t> flat_value(std::string_view text, std::string_view key);
/// The sum of `key`=number over the lines of io.stat.
std::int64_t io_sum(std::string_view text, std::string_view key);

} // namespace kheish::scopes
