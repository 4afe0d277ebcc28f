#include "launcher/drain.hpp"

#include "base/assert.hpp"
#include "launcher/cgroup.hpp"

#include <sys/epoll.h>

namespace kheish::launcher {

Drain::Drain(sd_event* event, std::string directory, Done done)
    : event_(event), directory_(std::move(directory)), done_(std::move(done)) {
    sd_event_source* source = nullptr;
    // Out of memory only; without the source nobody would ever be answered.
    const int result = sd_event_add_defer(event_, &source, on_start, this);
    KHEISH_ASSERT(result >= 0);
    start_.reset(source);
}

int Drain::on_start(sd_event_source*, void* self) noexcept {
    Drain& drain = *static_cast<Drain*>(self);
    const Status begun = drain.begin();
    if (!begun)
        drain.finish(begun);
    else
        drain.check();
    return 0;
}

int Drain::on_change(sd_event_source*, int, std::uint32_t, void* self) noexcept {
    static_cast<Drain*>(self)->check();
    return 0;
}

int Drain::on_timeout(sd_event_source*, std::uint64_t, void* self) noexcept {
    Drain& drain = *static_cast<Drain*>(self);
    drain.finish(
        fail(Errc::timeout, "processes in " + drain.directory_ + " do not end when killed"));
    return 0;
}

Status Drain::begin() {
    // Opened first: a cgroup that vanishes after the kill still answers through this descriptor.
    KHEISH_TRY(std::optional<Fd> events, open_cgroup_events(directory_));
    if (!events)
        return {};
    events_ = std::move(*events);
    KHEISH_CHECK(kill_cgroup(directory_));
    sd_event_source* source = nullptr;
    int result = sd_event_add_io(event_, &source, events_.get(), EPOLLPRI, on_change, this);
    if (result < 0)
        return fail_errno("watching " + directory_, -result);
    change_.reset(source);
    result = sd_event_add_time_relative(
        event_,
        &source,
        CLOCK_MONOTONIC,
        static_cast<std::uint64_t>(kTimeout.count()),
        0,
        on_timeout,
        this);
    if (result < 0)
        return fail_errno("setting a timer", -result);
    timeout_.reset(source);
    return {};
}

void Drain::check() {
    if (!events_)
        return finish({});
    const Result<bool> populated = is_populated(events_);
    if (!populated)
        return finish(fail(populated.error()));
    if (!*populated)
        finish({});
}

void Drain::finish(Status status) {
    start_.reset();
    change_.reset();
    timeout_.reset();
    Done done = std::move(done_);
    done(std::move(status));
}

} // namespace kheish::launcher
