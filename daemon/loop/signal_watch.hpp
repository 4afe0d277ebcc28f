#pragma once

#include "base/fd.hpp"
#include "loop/fd_watch.hpp"

#include <csignal>
#include <initializer_list>
#include <memory>

namespace kheish::loop {

/// Turns signals into callbacks of the loop (signalfd(2)). open() blocks them for the process, so
/// it is called before anything that may start a thread (libcurl's resolver); the old mask comes
/// back when the watch is destroyed. The callback may destroy the watch.
class SignalWatch {
  public:
    using Callback = UniqueFunction<void(int signal_number)>;

    static Result<std::unique_ptr<SignalWatch>>
    open(Loop& loop, std::initializer_list<int> signals, Callback callback);
    /// Through open().
    SignalWatch(Loop& loop, Fd fd, const sigset_t& old_mask, Callback callback);
    ~SignalWatch();
    SignalWatch(const SignalWatch&) = delete;
    SignalWatch& operator=(const SignalWatch&) = delete;

  private:
    void on_readable();

    Fd fd_;
    sigset_t old_mask_;
    Callback callback_;
    bool* destroyed_ = nullptr; ///< set while the callback runs
    FdWatch watch_;
};

} // namespace kheish::loop
