#include "loop/fd_watch.hpp"

#include "base/assert.hpp"

#include <utility>

namespace kheish::loop {

FdWatch::FdWatch(Loop& loop, int fd, Interest interest, Callback callback)
    : loop_(loop), fd_(fd), interest_(interest), callback_(std::move(callback)),
      event_(event_new(loop.base(), fd, EV_PERSIST, on_event, this)) {
    KHEISH_ASSERT(event_ != nullptr);
    arm();
}

FdWatch::~FdWatch() {
    if (destroyed_ != nullptr)
        *destroyed_ = true;
}

void FdWatch::set_interest(Interest interest) {
    if (interest == interest_)
        return;
    interest_ = interest;
    arm();
}

void FdWatch::arm() {
    (void)event_del(event_.get()); // not pending is fine
    if (!interest_.read && !interest_.write)
        return;
    const int what = EV_PERSIST | (interest_.read ? EV_READ : 0) | (interest_.write ? EV_WRITE : 0);
    KHEISH_ASSERT(
        event_assign(event_.get(), loop_.base(), fd_, static_cast<short>(what), on_event, this) ==
        0);
    KHEISH_ASSERT(event_add(event_.get(), nullptr) == 0);
}

void FdWatch::on_event(evutil_socket_t, short what, void* self) noexcept {
    FdWatch& watch = *static_cast<FdWatch*>(self);
    watch.loop_.woke();
    bool destroyed = false;
    watch.destroyed_ = &destroyed;
    // Held here while it runs: it may destroy the watch, and with it its own captures.
    Callback callback = std::move(watch.callback_);
    callback(Interest{.read = (what & EV_READ) != 0, .write = (what & EV_WRITE) != 0});
    if (destroyed)
        return;
    watch.destroyed_ = nullptr;
    watch.callback_ = std::move(callback);
}

} // namespace kheish::loop
