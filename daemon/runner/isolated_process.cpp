#include "runner/isolated_process.hpp"

#include "base/text.hpp"
#include "runner/workspace.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kheish::runner {
namespace {

constexpr std::size_t kReportBytes = 4096;
constexpr char kStartedMark = 'S'; // then the wait(2) status in decimal
constexpr char kFailedMark = 'E';  // then why the command never ran

struct Pipe {
    Fd read;
    Fd write;
};

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail_errno("making a pipe", errno);
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

tl::unexpected<Error> unavailable(std::string_view what, int sys_errno) {
    return fail_errno(
        "isolating a tool call: " + std::string(what), sys_errno, Errc::sandbox_unavailable);
}

Status write_map(const char* path, const std::string& text) {
    const Fd file(::open(path, O_WRONLY | O_CLOEXEC));
    if (!file || !write_all(file.get(), text))
        return unavailable("writing " + std::string(path), errno);
    return {};
}

/// A user namespace in which this uid and gid stay what they are.
Status map_own_ids(uid_t uid, gid_t gid) {
    const std::string user = std::to_string(uid);
    const std::string group = std::to_string(gid);
    KHEISH_CHECK(write_map("/proc/self/setgroups", "deny"));
    KHEISH_CHECK(write_map("/proc/self/uid_map", user + " " + user + " 1"));
    return write_map("/proc/self/gid_map", group + " " + group + " 1");
}

/// The pid namespace holds for children only, so the caller stays visible to nobody inside.
Status unshare_namespaces() {
    const uid_t uid = ::getuid();
    const gid_t gid = ::getgid();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) != 0)
        return unavailable("new namespaces", errno);
    // The files of a non-dumpable process belong to root (proc(5)), so it can't write its own maps.
    // Nothing can trace this process meanwhile: earlier calls' processes are in other pid
    // namespaces.
    if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0)
        return unavailable("becoming dumpable", errno);
    Status mapped = map_own_ids(uid, gid);
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return unavailable("becoming non-dumpable", errno);
    return mapped;
}

std::vector<std::string> tool_environment() {
    std::vector<std::string> entries;
    for (const char* name : {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TERM", "TMPDIR"})
        if (const char* value = ::getenv(name))
            entries.push_back(std::string(name) + "=" + value);
    return entries;
}

Status default_signals() {
    struct sigaction action = {};
    action.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number)
        (void)::sigaction(number, &action, nullptr); // SIGKILL and SIGSTOP refuse, rightly
    sigset_t none;
    (void)::sigemptyset(&none);
    if (::sigprocmask(SIG_SETMASK, &none, nullptr) != 0)
        return fail_errno("unblocking signals", errno);
    return {};
}

Status enter_directory(const Command& command) {
    // Opened here and not before: a directory opened in another mount namespace has no path in this
    // one, and getcwd(2) would say so.
    KHEISH_TRY(const Workspace workspace, Workspace::open(command.workspace));
    Result<Fd> directory = workspace.open_directory(command.cwd);
    if (!directory)
        return fail(std::move(directory).error().wrap("bash.cwd"));
    if (::fchdir(directory->get()) != 0)
        return fail_errno("entering the working directory", errno);
    return {};
}

Status set_descriptors(const Fd& output) {
    const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!nothing)
        return fail_errno("opening /dev/null", errno);
    if (::dup2(nothing.get(), 0) < 0 || ::dup2(output.get(), 1) < 0 || ::dup2(output.get(), 2) < 0)
        return fail_errno("placing descriptors", errno);
    constexpr unsigned kCloseOnExec = 1U << 2U; // CLOSE_RANGE_CLOEXEC
    if (::syscall(SYS_close_range, 3U, ~0U, kCloseOnExec) != 0)
        return fail_errno("closing descriptors", errno);
    return {};
}

/// Becomes the command. Returns only where that failed.
Status become_command(const Command& command, const Fd& output, const Confinement& confinement) {
    std::vector<std::string> environment = tool_environment();
    std::string script = command.script;
    std::array<std::string, 4> words{"bash", "--noprofile", "--norc", "-c"};
    std::array<char*, 6> arguments{
        words[0].data(), words[1].data(), words[2].data(), words[3].data(), script.data(), nullptr};
    std::vector<char*> variables;
    variables.reserve(environment.size() + 1);
    for (std::string& entry : environment)
        variables.push_back(entry.data());
    variables.push_back(nullptr);
    if (::setsid() < 0)
        return fail_errno("making a session", errno);
    KHEISH_CHECK(default_signals());
    KHEISH_CHECK(enter_directory(command));
    KHEISH_CHECK(set_descriptors(output));
    KHEISH_CHECK(confinement());
    (void)::execve("/bin/bash", arguments.data(), variables.data());
    return fail_errno("starting /bin/bash", errno);
}

[[noreturn]] void end_with(const Fd& report, char mark, const std::string& text) {
    // A report that can't be written shows as its absence.
    (void)write_all(report.get(), std::string(1, mark) + text);
    ::_exit(0);
}

/// A /proc of this pid namespace over the one of the sandbox.
Status mount_own_proc() {
    if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
        return unavailable("mounting /proc", errno);
    return {};
}

/// Reaps until the command ends, then ends the namespace by ending itself.
[[noreturn]] void reap_until_end(pid_t command, const Fd& report) {
    for (;;) {
        int status = 0;
        const pid_t ended = ::waitpid(-1, &status, 0);
        if (ended == command)
            end_with(report, kStartedMark, std::to_string(status));
        if (ended < 0 && errno != EINTR)
            end_with(report, kFailedMark, "its process cannot be waited for");
    }
}

struct InitPipes {
    Pipe& output;
    Pipe& report;
    Pipe& go;
};

/// Pid 1 of the call: nothing inside can signal it (pid_namespaces(7)).
[[noreturn]] void
run_init(const Command& command, InitPipes pipes, const Confinement& confinement) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        end_with(pipes.report.write, kFailedMark, "its end cannot be bound to the runner's");
    // The parent writes one byte once this child exists. End of file: it was gone before prctl(2).
    pipes.go.write.reset();
    char go = 0;
    if (::read(pipes.go.read.get(), &go, 1) != 1)
        ::_exit(1);
    if (const Status mounted = mount_own_proc(); !mounted)
        end_with(pipes.report.write, kFailedMark, mounted.error().to_string());
    const pid_t child = ::fork();
    if (child < 0)
        end_with(pipes.report.write, kFailedMark, system_error("fork", errno).to_string());
    if (child == 0) {
        const Status failed = become_command(command, pipes.output.write, confinement);
        end_with(pipes.report.write, kFailedMark, failed.error().message);
    }
    pipes.output.write.reset();
    reap_until_end(child, pipes.report.write);
}

} // namespace

Result<IsolatedProcess>
IsolatedProcess::start(const Command& command, const Confinement& confinement) {
    KHEISH_TRY(Pipe output, make_pipe());
    KHEISH_TRY(Pipe report, make_pipe());
    KHEISH_TRY(Pipe go, make_pipe());
    KHEISH_CHECK(unshare_namespaces());
    const pid_t init = ::fork();
    if (init < 0)
        return fail_errno("starting a process", errno);
    if (init == 0)
        run_init(command, {output, report, go}, confinement);
    KHEISH_CHECK(write_all(go.write.get(), "g"));
    return IsolatedProcess(init, std::move(output.read), std::move(report.read));
}

void IsolatedProcess::kill() const {
    (void)::kill(init_, SIGKILL); // not reaped yet, so the number is still its own
}

CommandEnd IsolatedProcess::wait() {
    // The command, if it never became one, may have written its reason before pid 1 its status.
    const Result<std::string> report = read_all(report_.get(), kReportBytes);
    int init_status = 0;
    while (::waitpid(init_, &init_status, 0) < 0 && errno == EINTR)
        ;
    CommandEnd end;
    const std::string text = report ? *report : std::string();
    if (text.starts_with(kFailedMark)) {
        end.not_started = text.substr(1, text.find(kStartedMark) - 1);
        return end;
    }
    const std::optional<int> status = text.starts_with(kStartedMark)
                                          ? parse_number<int>(std::string_view(text).substr(1))
                                          : std::nullopt;
    // Without a report pid 1 was killed from outside, and everything with it.
    end.signal = !status ? SIGKILL : WIFSIGNALED(*status) ? WTERMSIG(*status) : 0;
    end.exit_code = end.signal != 0 ? 128 + end.signal : WEXITSTATUS(*status);
    return end;
}

} // namespace kheish::runner
