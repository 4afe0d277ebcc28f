#include "tty_agent.hpp"

#include "base/fd.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace kheish::ctl {

namespace {

constexpr int kRegistrationPatienceMs = 10'000;
constexpr int kNotifyFd = 3;

pid_t spawn(const Fd& notify) {
    const std::string self = std::to_string(getpid());
    const std::string notify_fd = std::to_string(kNotifyFd);
    std::array<std::string, 6> words{
        "pkttyagent", "--notify-fd", notify_fd, "--fallback", "--process", self};
    std::array<char*, 7> arguments{};
    for (std::size_t i = 0; i < words.size(); ++i)
        arguments[i] = words[i].data();
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
