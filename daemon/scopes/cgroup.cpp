#include "scopes/cgroup.hpp"

#include "base/fd.hpp"
#include "base/text.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace kheish::scopes {
namespace {

constexpr std::size_t kFileBytes = 65536;

bool is_cgroup2(const char* path) {
    struct statfs status = {};
    return ::statfs(path, &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

/// Calls `use` with each piece of `text` between separators.
template <class Use>
void split(std::string_view text, char separator, Use use) {
    while (!text.empty()) {
        const std::size_t end = text.find(separator);
        use(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

std::optional<std::string> file_text(const std::string& directory, const char* name) {
    Result<std::string> text = read_file(directory + "/" + name, kFileBytes);
    if (!text)
        return std::nullopt;
    return std::move(*text);
}

/// The number that is all of a file such as memory.peak.
std::optional<std::int64_t> file_number(const std::string& directory, const char* name) {
    const std::optional<std::string> text = file_text(directory, name);
    if (!text || text->empty())
        return std::nullopt;
    return parse_number<std::int64_t>(std::string_view(*text).substr(0, text->size() - 1));
}

/// The cgroup of the service manager above `own`, empty for the top: the one that holds init.scope.
/// /proc/1/cgroup says it as well, but a service with ProtectProc= does not see that.
std::string manager_of(const std::string& mount, std::string own) {
    while (!own.empty() && ::access((mount + own + "/init.scope").c_str(), F_OK) != 0)
        own.resize(own.find_last_of('/') == std::string::npos ? 0 : own.find_last_of('/'));
    return own == "/" ? std::string() : own;
}

} // namespace

Result<std::string> find_runs_cgroup() {
    KHEISH_TRY(const std::string text, read_file("/proc/self/cgroup", kFileBytes));
    std::string own;
    split(text, '\n', [&own](std::string_view line) {
        if (line.starts_with("0::"))
            own = line.substr(3);
    });
    for (const std::string mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"})
        if (is_cgroup2(mount.c_str()))
            return mount + manager_of(mount, std::move(own)) + "/kheish.slice/kheish-runs.slice";
    return fail(Errc::sandbox_unavailable, "no unified cgroup hierarchy is mounted");
}

std::string slice_directory(const std::string& runs_cgroup, RunId run) {
    return runs_cgroup + "/" + run_slice_name(run);
}

std::string scope_directory(const std::string& runs_cgroup, RunId run, int attempt) {
    return slice_directory(runs_cgroup, run) + "/" + run_scope_name(run, attempt);
}

std::optional<std::int64_t> flat_value(std::string_view text, std::string_view key) {
    std::optional<std::int64_t> value;
    split(text, '\n', [&value, key](std::string_view line) {
        if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ')
            value = parse_number<std::int64_t>(line.substr(key.size() + 1));
    });
    return value;
}

std::int64_t io_sum(std::string_view text, std::string_view key) {
    std::int64_t sum = 0;
    split(text, '\n', [&sum, key](std::string_view line) {
        split(line, ' ', [&sum, key](std::string_view word) {
            if (word.starts_with(key) && word.size() > key.size() && word[key.size()] == '=')
                sum += parse_number<std::int64_t>(word.substr(key.size() + 1)).value_or(0);
        });
    });
    return sum;
}

Accounting read_accounting(const std::string& directory) {
    Accounting used;
    if (const std::optional<std::string> cpu = file_text(directory, "cpu.stat"))
        used.cpu_usage_us = flat_value(*cpu, "usage_usec").value_or(0);
    used.memory_peak_bytes = file_number(directory, "memory.peak");
    used.tasks_peak = file_number(directory, "pids.peak");
    if (const std::optional<std::string> io = file_text(directory, "io.stat")) {
        used.io_read_bytes = io_sum(*io, "rbytes");
        used.io_write_bytes = io_sum(*io, "wbytes");
    }
    return used;
}

bool is_populated(const std::string& directory) {
    const std::optional<std::string> events = file_text(directory, "cgroup.events");
    return events && flat_value(*events, "populated") != 0;
}

} // namespace kheish::scopes
