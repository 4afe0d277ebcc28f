#include "loop/signal_watch.hpp"

#include "base/assert.hpp"

#include <cerrno>

#include <sys/signalfd.h>
#include <unistd.h>

namespace kheish::loop {

Result<std::unique_ptr<SignalWatch>>
SignalWatch::open(Loop& loop, std::initializer_list<int> signals, Callback callback) {
    sigset_t wanted;
    sigset_t old_mask;
    sigemptyset(&wanted);
    for (const int signal_number : signals) {
        if (sigaddset(&wanted, signal_number) != 0)
            return fail_errno("watching signal " + std::to_string(signal_number), errno);
    }
    if (const int error = pthread_sigmask(SIG_BLOCK, &wanted, &old_mask); error != 0)
        return fail_errno("blocking signals", error);
    Fd fd(signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!fd) {
        const int error = errno;
        (void)pthread_sigmask(SIG_SETMASK, &old_mask, nullptr); // the first failure is the news
        return fail_errno("creating the signal descriptor", error);
    }
    return std::make_unique<SignalWatch>(loop, std::move(fd), old_mask, std::move(callback));
}

SignalWatch::SignalWatch(Loop& loop, Fd fd, const sigset_t& old_mask, Callback callback)
    : fd_(std::move(fd)), old_mask_(old_mask), callback_(std::move(callback)),
      watch_(loop, fd_.get(), {.read = true}, [this](Interest) { on_readable(); }) {}

SignalWatch::~SignalWatch() {
    KHEISH_ASSERT(pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr) == 0);
    if (destroyed_ != nullptr)
        *destroyed_ = true;
}

void SignalWatch::on_readable() {
    signalfd_siginfo info{};
    // One signal per turn: the descriptor stays readable while there are more.
    if (read(fd_.get(), &info, sizeof info) != static_cast<ssize_t>(sizeof info))
        return;
    bool destroyed = false;
    destroyed_ = &destroyed;
    Callback callback = std::move(callback_);
    callback(static_cast<int>(info.ssi_signo));
    if (destroyed)
        return;
    destroyed_ = nullptr;
    callback_ = std::move(callback);
}

} // namespace kheish::loop
