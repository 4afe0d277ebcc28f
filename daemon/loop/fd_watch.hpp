#pragma once

#include "loop/loop.hpp"

namespace kheish::loop {

/// What a descriptor is watched for, or is ready for.
struct Interest {
    bool read = false;
    bool write = false;

    friend bool operator==(const Interest&, const Interest&) = default;
};

/// Calls back, level-triggered, while a descriptor is ready for what it is watched for. An error or
/// a hangup counts as ready for everything that is watched. Destroying it ends the watch; its own
/// callback may do that. The descriptor is the caller's and is closed after the watch is gone.
class FdWatch {
  public:
    using Callback = UniqueFunction<void(Interest)>;

    FdWatch(Loop& loop, int fd, Interest interest, Callback callback);
    ~FdWatch();
    FdWatch(const FdWatch&) = delete;
    FdWatch& operator=(const FdWatch&) = delete;

    /// No interest at all suspends the watch.
    void set_interest(Interest interest);
    Interest interest() const { return interest_; }
    int fd() const { return fd_; }

  private:
    static void on_event(evutil_socket_t fd, short what, void* self) noexcept;
    void arm();

    Loop& loop_;
    int fd_;
    Interest interest_;
    Callback callback_;
    bool* destroyed_ = nullptr; ///< set while the callback runs
    EventHandle event_;
};

} // namespace kheish::loop
