#include "launcher/child.hpp"

#include "base/text.hpp"
#include "launcher/identity.hpp"
#include "launcher/user_namespace.hpp"
#include "launcher/workspace.hpp"
#include "sandbox/runner_start.hpp"
#include "sandbox/seccomp_program.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <vector>

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <syslog.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

namespace kheish::launcher {

namespace {

constexpr std::string_view kFailurePrefix = "kheish-launcher: ";
// Tools go before the services of the host when memory runs out.
constexpr std::string_view kOomScore = "300";
constexpr int kSeccompFd = 5;
constexpr int kUserNamespaceFd = 6;
constexpr int kWorkspaceFd = 7;
constexpr int kFirstUnusedFd = 8;
constexpr int kParkedFds = 64; ///< above every descriptor number that the plan uses

struct Prepared {
    Account account;
    Fd workspace;
    Fd user_namespace;
    Fd seccomp;
};

void reset_signals() {
    sigset_t none;
    sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr); // cannot fail with these arguments
    for (int number = 1; number < NSIG; ++number)
        (void)::signal(number, SIG_DFL); // fails for SIGKILL, SIGSTOP and those of libc
}

Status become_ordinary() {
    reset_signals();
    ::umask(022);
    if (::chdir("/") != 0)
        return fail_errno("entering /", errno);
    if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fail_errno("becoming non-dumpable", errno);
    const Fd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    if (!score)
        return fail_errno("opening oom_score_adj", errno);
    return write_all(score.get(), kOomScore);
}

/// A view of the files in which the sandbox can be built whatever the launcher's own unit put on
/// /proc, and in which the sockets of kheish are not even there to be reached.
Status take_own_mounts() {
    constexpr unsigned long kPlain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (::unshare(CLONE_NEWNS) != 0)
        return fail_errno("mount namespace", errno, Errc::sandbox_unavailable);
    // Slave: what the host unmounts goes here too, nothing from here goes there.
    if (::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0)
        return fail_errno("mount propagation", errno, Errc::sandbox_unavailable);
    if (::mount("proc", "/proc", "proc", kPlain, nullptr) != 0)
        return fail_errno("mounting /proc", errno, Errc::sandbox_unavailable);
    const int hidden =
        ::mount("tmpfs", "/run/kheish", "tmpfs", kPlain | MS_RDONLY, "size=4k,mode=0755");
    if (hidden != 0 && errno != ENOENT)
        return fail_errno("hiding /run/kheish", errno, Errc::sandbox_unavailable);
    return {};
}

constexpr gid_t kKeepGroup = static_cast<gid_t>(-1);
constexpr uid_t kKeepUser = static_cast<uid_t>(-1);

Status become(const Account& account, gid_t group) {
    if (::setresgid(kKeepGroup, group, kKeepGroup) != 0 ||
        ::setresuid(kKeepUser, account.uid, kKeepUser) != 0)
        return fail_errno("becoming " + account.name, errno);
    return {};
}

Status come_back() {
    if (::setresuid(kKeepUser, 0, kKeepUser) != 0 || ::setresgid(kKeepGroup, 0, kKeepGroup) != 0)
        return fail_errno("becoming root again", errno);
    return {};
}

/// A session that names no workspace has one of its own, made when it is first needed.
Status make_own(const Account& account, const std::string& workspace) {
    KHEISH_TRY(
        const std::optional<OwnWorkspace> own, find_own_workspace(kOwnWorkspaces, workspace));
    if (!own)
        return {};
    KHEISH_CHECK(become(account, own->group));
    const Status made = own->make();
    KHEISH_CHECK(come_back());
    KHEISH_CHECK(made);
    KHEISH_CHECK(become(account, account.gid));
    Status given = own->give_to(account.gid);
    KHEISH_CHECK(come_back());
    return given;
}

/// Opens the workspace with the rights of its user and comes back as root.
Result<Fd> open_as(const Account& account, const std::string& workspace) {
    if (::setgroups(account.groups.size(), account.groups.data()) != 0)
        return fail_errno("taking the groups of " + account.name, errno);
    KHEISH_CHECK(become(account, account.gid));
    Result<Fd> directory = open_workspace(workspace);
    KHEISH_CHECK(come_back());
    return directory;
}

Result<Prepared> prepare(const ChildPlan& plan) {
    Prepared prepared;
    KHEISH_CHECK(become_ordinary());
    KHEISH_CHECK(take_own_mounts());
    KHEISH_TRY(prepared.account, look_up_account(plan.run_as));
    KHEISH_CHECK(make_own(prepared.account, plan.workspace));
    KHEISH_TRY(prepared.workspace, open_as(prepared.account, plan.workspace));
    KHEISH_TRY(prepared.user_namespace, make_user_namespace(prepared.account));
    KHEISH_TRY(prepared.seccomp, sandbox::unnamed_file("kheish-seccomp", *plan.seccomp_program));
    return prepared;
}

/// False: the launcher gave up or is gone.
bool wait_at_barrier(int barrier_fd) {
    char byte = 0;
    ssize_t count = 0;
    do
        count = ::read(barrier_fd, &byte, 1);
    while (count < 0 && errno == EINTR);
    return count == 1;
}

Status drop_privileges(const Account& account) {
    if (::setresgid(account.gid, account.gid, account.gid) != 0 ||
        ::setresuid(account.uid, account.uid, account.uid) != 0)
        return fail_errno("becoming " + account.name, errno);
    if (::setuid(0) == 0 || ::getuid() != account.uid || ::geteuid() != account.uid)
        return fail(Errc::internal, "privileges are still there after dropping them");
    return {};
}

/// Connected from within the scope, so that journald files the runner's lines under its unit.
Fd open_log() {
    Fd log(sd_journal_stream_fd("kheish-runner", LOG_INFO, 1));
    if (!log)
        log.reset(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    return log;
}

/// Moves each descriptor to its number; all others are closed by the execution of bubblewrap.
Status place_descriptors(const ChildPlan& plan, const Prepared& prepared) {
    // Not closed here: their numbers may be among those that are taken below.
    const int log = open_log().release();
    const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    const std::array sources{
        nothing,
        nothing,
        plan.status_fd,
        plan.channel_fd,
        log,
        prepared.seccomp.get(),
        prepared.user_namespace.get(),
        prepared.workspace.get()};
    static_assert(sources.size() == kFirstUnusedFd);
    std::vector<Fd> parked;
    for (const int source : sources) {
        parked.emplace_back(::fcntl(source, F_DUPFD_CLOEXEC, kParkedFds));
        if (!parked.back())
            return fail_errno("arranging descriptors", errno);
    }
    for (std::size_t i = 0; i < parked.size(); ++i)
        if (::dup2(parked[i].get(), static_cast<int>(i)) < 0)
            return fail_errno("arranging descriptors", errno);
    return {};
}

Error execute(const ChildPlan& plan, const Prepared& prepared) {
    sandbox::PlanInput input;
    input.profile = plan.profile;
    input.user_name = prepared.account.name;
    input.workspace = plan.workspace;
    input.tasks_max = plan.tasks_max;
    input.workspace_fd = kWorkspaceFd;
    input.user_namespace_fd = kUserNamespaceFd;
    input.seccomp_fd = kSeccompFd;
    input.runner = plan.runner;
    input.host = *plan.host;
    std::vector<std::string> words = sandbox::plan(input);
    words.insert(words.begin(), "bwrap");
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    std::array<char*, 1> environment{nullptr};
    (void)::execve(plan.bubblewrap.c_str(), arguments.data(), environment.data());
    return system_error("executing " + plan.bubblewrap, errno, Errc::sandbox_unavailable);
}

[[noreturn]] void give_up(int status_fd, const Error& error) {
    // The launcher sees the end of the pipe in any case.
    (void)write_all(status_fd, launch_failure_line(error));
    ::_exit(1);
}

} // namespace

void run_child(const ChildPlan& plan) {
    const Result<Prepared> prepared = prepare(plan);
    if (!prepared)
        give_up(plan.status_fd, prepared.error());
    if (!wait_at_barrier(plan.barrier_fd))
        ::_exit(1);
    const Status dropped = drop_privileges(prepared->account);
    if (!dropped)
        give_up(plan.status_fd, dropped.error());
    const Status placed = place_descriptors(plan, *prepared);
    if (!placed)
        give_up(plan.status_fd, placed.error());
    give_up(sandbox::kStatusFd, execute(plan, *prepared));
}

std::string launch_failure_line(const Error& error) {
    std::string line(kFailurePrefix);
    line += std::to_string(static_cast<unsigned>(error.code)) + " " +
            std::to_string(error.sys_errno) + " ";
    for (const char c : error.message)
        line.push_back(c == '\n' ? ' ' : c);
    return line + "\n";
}

std::optional<Error> parse_launch_failure(std::string_view bytes) {
    const std::size_t end = bytes.find('\n');
    if (!bytes.starts_with(kFailurePrefix) || end == std::string_view::npos)
        return std::nullopt;
    std::string_view rest = bytes.substr(kFailurePrefix.size(), end - kFailurePrefix.size());
    const std::size_t first = rest.find(' ');
    const std::size_t second = rest.find(' ', first == std::string_view::npos ? first : first + 1);
    if (second == std::string_view::npos)
        return std::nullopt;
    const std::optional<unsigned> code = parse_number<unsigned>(rest.substr(0, first));
    const std::optional<int> sys_errno =
        parse_number<int>(rest.substr(first + 1, second - first - 1));
    if (!code || *code >= error_table().size() || !sys_errno)
        return std::nullopt;
    return Error{
        .code = static_cast<Errc>(*code),
        .message = std::string(rest.substr(second + 1)),
        .sys_errno = *sys_errno};
}

} // namespace kheish::launcher
