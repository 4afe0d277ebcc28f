#include "launcher/cgroup.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace kheish::launcher {

namespace {

constexpr std::size_t kSmallFileLimitBytes = 65536;
constexpr std::string_view kRunsSlice = "/kheish.slice/kheish-runs.slice";

bool is_cgroup2(const char* path) {
    struct statfs status = {};
    return ::statfs(path, &status) == 0 && status.f_type == CGROUP2_SUPER_MAGIC;
}

Result<std::string> find_mount() {
    for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"})
        if (is_cgroup2(path))
            return std::string(path);
    return fail(Errc::sandbox_unavailable, "cgroups: no unified hierarchy is mounted");
}

/// Where process 1 keeps its units: its own cgroup without init.scope.
Result<std::string> find_manager_path() {
    KHEISH_TRY(const std::string text, read_file("/proc/1/cgroup", kSmallFileLimitBytes));
    std::optional<std::string> path = unified_path(text);
    if (!path)
        return fail(
            Errc::sandbox_unavailable, "cgroups: process 1 is not in the unified hierarchy");
    constexpr std::string_view kInit = "/init.scope";
    if (path->ends_with(kInit))
        path->resize(path->size() - kInit.size());
    if (*path == "/")
        path->clear();
    return *path;
}

std::optional<std::string_view>
between(std::string_view name, std::string_view prefix, std::string_view suffix) {
    if (name.size() <= prefix.size() + suffix.size() || !name.starts_with(prefix) ||
        !name.ends_with(suffix))
        return std::nullopt;
    return name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
}

/// Names of the directories in `directory`; none where it does not exist.
Result<std::vector<std::string>> directories_in(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code error;
    std::filesystem::directory_iterator entry(directory, error);
    while (!error && entry != std::filesystem::directory_iterator()) {
        names.push_back(entry->path().filename().string());
        entry.increment(error);
    }
    if (error && error != std::errc::no_such_file_or_directory)
        return fail_errno("reading " + directory, error.value());
    return names;
}

} // namespace

std::optional<std::string> unified_path(std::string_view proc_cgroup) {
    constexpr std::string_view kPrefix = "0::";
    while (!proc_cgroup.empty()) {
        const std::size_t end = proc_cgroup.find('\n');
        const std::string_view line = proc_cgroup.substr(0, end);
        if (line.starts_with(kPrefix))
            return std::string(line.substr(kPrefix.size()));
        proc_cgroup.remove_prefix(end == std::string_view::npos ? proc_cgroup.size() : end + 1);
    }
    return std::nullopt;
}

std::optional<sandbox::Attempt> parse_scope_name(std::string_view name) {
    const std::optional<std::string_view> middle = between(name, "kheish-run-", ".scope");
    if (!middle)
        return std::nullopt;
    const std::size_t dash = middle->find('-');
    if (dash == std::string_view::npos)
        return std::nullopt;
    const std::optional<std::int64_t> run = parse_number<std::int64_t>(middle->substr(0, dash));
    const std::optional<int> number = parse_number<int>(middle->substr(dash + 1));
    if (!run || !number)
        return std::nullopt;
    const sandbox::Attempt attempt{RunId{*run}, *number};
    if (*run <= 0 || *number <= 0 || run_scope_name(attempt.run, *number) != name)
        return std::nullopt;
    return attempt;
}

std::optional<RunId> parse_slice_name(std::string_view name) {
    const std::optional<std::string_view> middle = between(name, "kheish-runs-", ".slice");
    if (!middle)
        return std::nullopt;
    const std::optional<std::int64_t> run = parse_number<std::int64_t>(*middle);
    if (!run || *run <= 0 || run_slice_name(RunId{*run}) != name)
        return std::nullopt;
    return RunId{*run};
}

Result<RunCgroups> RunCgroups::find() {
    KHEISH_TRY(const std::string mount, find_mount());
    KHEISH_TRY(const std::string manager, find_manager_path());
    const std::string path = manager + std::string(kRunsSlice);
    // The root has no cgroup.kill; init.scope is there on every host.
    if (::access((mount + manager + "/init.scope/cgroup.kill").c_str(), F_OK) != 0)
        return fail_errno("cgroups: no cgroup.kill", errno, Errc::sandbox_unavailable);
    return RunCgroups(mount + path, path);
}

std::string RunCgroups::slice_directory(RunId run) const {
    return runs_directory_ + "/" + run_slice_name(run);
}

std::string RunCgroups::scope_directory(const sandbox::Attempt& attempt) const {
    return slice_directory(attempt.run) + "/" + run_scope_name(attempt.run, attempt.number);
}

Status RunCgroups::verify_member(pid_t process, const sandbox::Attempt& attempt) const {
    const std::string file = "/proc/" + std::to_string(process) + "/cgroup";
    KHEISH_TRY(const std::string text, read_file(file, kSmallFileLimitBytes));
    const std::string expected = runs_path_ + "/" + run_slice_name(attempt.run) + "/" +
                                 run_scope_name(attempt.run, attempt.number);
    const std::optional<std::string> path = unified_path(text);
    if (path != expected)
        return fail(
            Errc::launch_refused,
            "the process is in cgroup " + path.value_or("(none)") + ", expected " + expected);
    return {};
}

Result<std::vector<sandbox::Attempt>> RunCgroups::scopes_of(RunId run) const {
    KHEISH_TRY(const std::vector<std::string> names, directories_in(slice_directory(run)));
    std::vector<sandbox::Attempt> attempts;
    for (const std::string& name : names) {
        const std::optional<sandbox::Attempt> attempt = parse_scope_name(name);
        if (attempt && attempt->run == run)
            attempts.push_back(*attempt);
    }
    std::sort(attempts.begin(), attempts.end());
    return attempts;
}

Result<std::vector<RunId>> RunCgroups::slices() const {
    KHEISH_TRY(const std::vector<std::string> names, directories_in(runs_directory_));
    std::vector<RunId> runs;
    for (const std::string& name : names)
        if (const std::optional<RunId> run = parse_slice_name(name))
            runs.push_back(*run);
    std::sort(runs.begin(), runs.end());
    return runs;
}

Result<std::vector<sandbox::Attempt>> RunCgroups::scopes() const {
    KHEISH_TRY(const std::vector<RunId> runs, slices());
    std::vector<sandbox::Attempt> all;
    for (const RunId run : runs) {
        KHEISH_TRY(const std::vector<sandbox::Attempt> attempts, scopes_of(run));
        all.insert(all.end(), attempts.begin(), attempts.end());
    }
    return all;
}

sandbox::Degraded RunCgroups::degraded(RunId run) const {
    const Result<std::string> text =
        read_file(slice_directory(run) + "/cgroup.controllers", kSmallFileLimitBytes);
    std::string words = " " + (text ? *text : std::string()) + " ";
    std::replace(words.begin(), words.end(), '\n', ' ');
    const auto missing = [&words](const std::string& name) {
        return words.find(" " + name + " ") == std::string::npos;
    };
    return {
        .memory = missing("memory"),
        .tasks = missing("pids"),
        .cpu = missing("cpu"),
        .io = missing("io")};
}

Status kill_cgroup(const std::string& directory) {
    const Fd file(::open((directory + "/cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC));
    if (!file)
        return errno == ENOENT ? Status()
                               : Status(fail_errno("opening cgroup.kill of " + directory, errno));
    const Status written = write_all(file.get(), "1");
    if (!written && written.error().sys_errno != ENODEV)
        return fail(Error(written.error()).wrap("killing " + directory));
    return {};
}

Result<std::optional<Fd>> open_cgroup_events(const std::string& directory) {
    Fd file(::open((directory + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC));
    if (!file && errno == ENOENT)
        return std::optional<Fd>();
    if (!file)
        return fail_errno("opening cgroup.events of " + directory, errno);
    return std::optional<Fd>(std::move(file));
}

Result<bool> is_populated(const Fd& events) {
    std::array<char, 256> text{};
    const ssize_t count = ::pread(events.get(), text.data(), text.size(), 0);
    if (count < 0 && errno == ENODEV)
        return false;
    if (count < 0)
        return fail_errno("reading cgroup.events", errno);
    const std::string_view content(text.data(), static_cast<std::size_t>(count));
    return content.find("populated 0") == std::string_view::npos;
}

} // namespace kheish::launcher
