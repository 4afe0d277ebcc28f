#include "sandbox/runner_start.hpp"

#include "base/fd.hpp"
#include "base/text.hpp"
#include "sandbox/landlock.hpp"
#include "sandbox/rlimits.hpp"
#include "sandbox/seccomp_program.hpp"

#include <cerrno>
#include <cstdlib>

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace kheish::sandbox {

namespace {

constexpr const char* kWorkspaceVariable = "KHEISH_SANDBOX_WORKSPACE";
constexpr const char* kReadOnlyVariable = "KHEISH_SANDBOX_READ_ONLY";
constexpr const char* kNetworkVariable = "KHEISH_SANDBOX_NETWORK";
constexpr const char* kTasksVariable = "KHEISH_SANDBOX_TASKS_MAX";

constexpr std::string_view kReadyLine = "kheish-runner: ready\n";
constexpr std::string_view kRefusedPrefix = "kheish-runner: refused: ";

Result<std::string> required_variable(const char* name) {
    const char* value = ::getenv(name);
    if (value == nullptr)
        return fail(
            Errc::sandbox_unavailable,
            std::string("kheish-runner runs inside its sandbox only: ") + name + " is not set");
    return std::string(value);
}

std::vector<std::string> split_paths(std::string_view text) {
    std::vector<std::string> paths;
    while (!text.empty()) {
        const std::size_t end = text.find(':');
        paths.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return paths;
}

Result<RunnerView> confine() {
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail_errno("making the runner non-dumpable", errno, Errc::sandbox_unavailable);
    if (::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return fail(Errc::sandbox_unavailable, "no_new_privs is not set");
    if (::prctl(PR_GET_SECCOMP, 0, 0, 0, 0) != 2)
        return fail(Errc::sandbox_unavailable, "seccomp: no filter is in force");
    KHEISH_TRY(const RunnerView view, read_runner_environment());
    KHEISH_CHECK(apply_rlimits(ResourceLimits{.tasks_max = view.tasks_max}));
    KHEISH_CHECK(landlock_abi());
    return view;
}

Status replace_descriptors() {
    if (::dup2(kLogFd, kStatusFd) != kStatusFd)
        return fail_errno("taking the log for stderr", errno);
    if (::syscall(SYS_close_range, kChannelFd + 1, ~0U, 0U) != 0)
        return fail_errno("closing inherited descriptors", errno);
    return {};
}

void clear_environment() {
    for (const char* name :
         {kWorkspaceVariable, kReadOnlyVariable, kNetworkVariable, kTasksVariable})
        (void)::unsetenv(name); // fails for malformed names only
}

} // namespace

std::vector<EnvironmentEntry> runner_environment(const RunnerView& view) {
    std::string read_only;
    for (const std::string& path : view.read_only_paths)
        read_only.append(read_only.empty() ? "" : ":").append(path);
    return {
        {kWorkspaceVariable, view.workspace},
        {kReadOnlyVariable, read_only},
        {kNetworkVariable, view.network ? "1" : "0"},
        {kTasksVariable, std::to_string(view.tasks_max)}};
}

Result<RunnerView> read_runner_environment() {
    RunnerView view;
    KHEISH_TRY(view.workspace, required_variable(kWorkspaceVariable));
    KHEISH_TRY(const std::string read_only, required_variable(kReadOnlyVariable));
    KHEISH_TRY(const std::string network, required_variable(kNetworkVariable));
    KHEISH_TRY(const std::string tasks_text, required_variable(kTasksVariable));
    const std::optional<std::uint64_t> tasks_max = parse_number<std::uint64_t>(tasks_text);
    if (!tasks_max || (network != "0" && network != "1"))
        return fail(Errc::sandbox_unavailable, "the sandbox's environment is malformed");
    view.read_only_paths = split_paths(read_only);
    view.network = network == "1";
    view.tasks_max = *tasks_max;
    return view;
}

Result<RunnerView> enter_sandbox() {
    Result<RunnerView> view = confine();
    if (!view) {
        // The report is the last thing this process does for anyone; its loss shows as an exit.
        (void)write_all(kStatusFd, runner_report_line(fail(view.error())));
        return view;
    }
    clear_environment();
    KHEISH_CHECK(write_all(kStatusFd, runner_report_line({})));
    KHEISH_CHECK(replace_descriptors());
    return view;
}

Status confine_tool(const RunnerView& view, std::string_view filter) {
    KHEISH_CHECK(restrict_to(AccessRules{
        .workspace = view.workspace,
        .read_only_paths = view.read_only_paths,
        .network = view.network}));
    return apply_seccomp(filter);
}

std::string runner_report_line(const Status& status) {
    if (status)
        return std::string(kReadyLine);
    std::string line(kRefusedPrefix);
    for (const char c : status.error().to_string())
        line.push_back(c == '\n' ? ' ' : c);
    return line + "\n";
}

RunnerReport parse_runner_report(std::string_view bytes) {
    RunnerReport report;
    while (!bytes.empty()) {
        const std::size_t end = bytes.find('\n');
        if (end == std::string_view::npos)
            break;
        const std::string_view line = bytes.substr(0, end + 1);
        bytes.remove_prefix(end + 1);
        if (line == kReadyLine)
            report.ready = true;
        if (line.starts_with(kRefusedPrefix))
            report.error = Error{
                .code = Errc::sandbox_unavailable,
                .message = std::string(
                    line.substr(kRefusedPrefix.size(), line.size() - kRefusedPrefix.size() - 1))};
    }
    return report;
}

} // namespace kheish::sandbox
