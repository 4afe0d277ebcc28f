#include "tty_agent.hpp"

#include "base/fd.hpp"
#include "base/handle.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace kheish::ctl {

namespace {

constexpr int kRegistrationPatienceMs = 10'000;
constexpr int kNotifyFd = 3;

/// polkit looks for a fallback agent only where the subject is in a login session.
bool has_login_session() {
    char* session = nullptr;
    const bool found = sd_pid_get_session(0, &session) >= 0;
    const Handle<char, ::free> owned(session);
    return found;
}

pid_t spawn(const Fd& notify) {
    const std::string self = std::to_string(getpid());
    const std::string notify_fd = std::to_string(kNotifyFd);
    std::vector<std::string> words{"pkttyagent", "--notify-fd", notify_fd, "--process", self};
    if (has_login_session())
        words.emplace_back("--fallback"); // a graphical agent goes first
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (std::string& word : words)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return -1;
    pid_t pid = -1;
    // dup2 onto itself would keep close-on-exec; the pipe is made above kNotifyFd.
    if (posix_spawn_file_actions_adddup2(&actions, notify.get(), kNotifyFd) != 0 ||
        posix_spawnp(&pid, words[0].c_str(), &actions, nullptr, arguments.data(), environ) != 0)
        pid = -1;
    (void)posix_spawn_file_actions_destroy(&actions);
    return pid;
}

} // namespace

TtyAgent TtyAgent::start_if_useful(bool local) {
    if (!local || geteuid() == 0 || isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)
        return TtyAgent(-1);
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) < 0)
        return TtyAgent(-1);
    const Fd reader(ends[0]);
    Fd low_writer(ends[1]);
    Fd writer(fcntl(low_writer.get(), F_DUPFD_CLOEXEC, kNotifyFd + 1));
    low_writer.reset();
    const pid_t pid = spawn(writer);
    writer.reset();
    // It closes its end once it is registered, or by ending.
    pollfd ready{.fd = reader.get(), .events = POLLIN, .revents = 0};
    while (pid > 0 && poll(&ready, 1, kRegistrationPatienceMs) < 0 && errno == EINTR)
        ;
    return TtyAgent(pid);
}

TtyAgent::TtyAgent(TtyAgent&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}

TtyAgent& TtyAgent::operator=(TtyAgent&& other) noexcept {
    if (this != &other) {
        stop();
        pid_ = std::exchange(other.pid_, -1);
    }
    return *this;
}

TtyAgent::~TtyAgent() {
    stop();
}

void TtyAgent::stop() noexcept {
    if (pid_ <= 0)
        return;
    (void)kill(pid_, SIGTERM); // it may have ended already
    (void)kill(pid_, SIGCONT);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR)
        ;
    pid_ = -1;
}

} // namespace kheish::ctl
