#include "loop/bus_pump.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <ctime>

#include <poll.h>

namespace kheish::loop {

namespace {

constexpr std::uint64_t kMicrosecondsPerSecond = 1'000'000;

/// The clock of sd_bus_get_timeout(3).
std::uint64_t monotonic_us() {
    timespec now{};
    KHEISH_ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return static_cast<std::uint64_t>(now.tv_sec) * kMicrosecondsPerSecond +
           static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

} // namespace

BusPump::BusPump(Loop& loop, sd_bus* bus, OnLost on_lost)
    : loop_(loop), bus_(sd_bus_ref(bus)), on_lost_(std::move(on_lost)),
      timeout_(event_new(loop.base(), -1, 0, on_timeout, this)),
      work_hook_(loop.add_hook(Loop::Stage::work, [this] { return work(); })),
      arm_hook_(loop.add_hook(Loop::Stage::arm, [this] { return arm(); })) {
    KHEISH_ASSERT(timeout_ != nullptr);
}

BusPump::~BusPump() {
    if (destroyed_ != nullptr)
        *destroyed_ = true;
}

void BusPump::on_timeout(evutil_socket_t, short, void* self) noexcept {
    BusPump& pump = *static_cast<BusPump*>(self);
    pump.loop_.woke();
    pump.armed_deadline_us_ = UINT64_MAX;
    pump.due_ = true;
}

bool BusPump::work() {
    if (due_) {
        due_ = false;
        loop_.woke();
        // The last statement: a handler, or on_lost_, may destroy the pump.
        failure_ < 0 ? lose() : process();
    }
    return false;
}

void BusPump::process() {
    bool destroyed = false;
    destroyed_ = &destroyed;
    int processed = 1;
    for (int count = 0; processed > 0 && count < kMessagesPerTurn; ++count) {
        processed = sd_bus_process(bus_.get(), nullptr);
        if (destroyed)
            return;
    }
    destroyed_ = nullptr;
    failure_ = std::min(processed, 0);
    if (failure_ < 0)
        lose();
}

void BusPump::lose() {
    watch_.reset();
    (void)event_del(timeout_.get());
    OnLost on_lost = std::exchange(on_lost_, OnLost());
    on_lost(system_error("the bus connection is lost", -failure_, Errc::service_unavailable));
}

bool BusPump::arm() {
    if (failure_ < 0)
        return false;
    const int fd = sd_bus_get_fd(bus_.get());
    const int events = fd < 0 ? fd : sd_bus_get_events(bus_.get());
    std::uint64_t deadline_us = UINT64_MAX;
    const int timed = events < 0 ? events : sd_bus_get_timeout(bus_.get(), &deadline_us);
    if (timed < 0) {
        // Told by the next work hook: an arm hook starts no work.
        failure_ = timed;
        due_ = true;
        return true;
    }
    const Interest interest{.read = (events & POLLIN) != 0, .write = (events & POLLOUT) != 0};
    if (watch_ == nullptr || watch_->fd() != fd)
        watch_ = std::make_unique<FdWatch>(loop_, fd, interest, [this](Interest) { due_ = true; });
    else
        watch_->set_interest(interest);
    if (deadline_us == 0) {
        due_ = true;
        return true;
    }
    arm_timeout(deadline_us);
    return false;
}

void BusPump::arm_timeout(std::uint64_t deadline_us) {
    if (deadline_us == armed_deadline_us_)
        return;
    armed_deadline_us_ = deadline_us;
    (void)event_del(timeout_.get()); // not pending is fine
    if (deadline_us == UINT64_MAX)
        return;
    const std::uint64_t now_us = monotonic_us();
    const std::uint64_t wait_us = deadline_us - std::min(deadline_us, now_us);
    timeval wait{};
    wait.tv_sec = static_cast<time_t>(wait_us / kMicrosecondsPerSecond);
    wait.tv_usec = static_cast<suseconds_t>(wait_us % kMicrosecondsPerSecond);
    KHEISH_ASSERT(event_add(timeout_.get(), &wait) == 0);
}

} // namespace kheish::loop
