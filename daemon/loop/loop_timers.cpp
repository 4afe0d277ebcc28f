#include "loop/loop_timers.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <sys/timerfd.h>
#include <unistd.h>

namespace kheish::loop {

namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

std::int64_t boot_ns() {
    timespec now{};
    KHEISH_ASSERT(clock_gettime(CLOCK_BOOTTIME, &now) == 0);
    return now.tv_sec * kNanosecondsPerSecond + now.tv_nsec;
}

} // namespace

class LoopTimers::LoopTimer final : public Timer {
  public:
    LoopTimer(LoopTimers& owner, Key key, UniqueFunction<void()> fire)
        : owner_(owner), key_(key), fire_(std::move(fire)) {
        owner_.pending_.emplace(key_, this);
    }
    ~LoopTimer() override {
        if (fire_)
            owner_.pending_.erase(key_);
    }
    /// Hands the callback out; the timer is then no longer pending.
    UniqueFunction<void()> take() {
        owner_.pending_.erase(key_);
        return std::exchange(fire_, UniqueFunction<void()>());
    }

  private:
    LoopTimers& owner_;
    Key key_;
    UniqueFunction<void()> fire_;
};

Result<std::unique_ptr<LoopTimers>> LoopTimers::open(Loop& loop) {
    Fd fd(timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC));
    if (!fd)
        return fail_errno("creating the timer descriptor", errno);
    return std::make_unique<LoopTimers>(loop, std::move(fd));
}

LoopTimers::LoopTimers(Loop& loop, Fd fd)
    : fd_(std::move(fd)), watch_(loop, fd_.get(), {.read = true}, [this](Interest) { fire_due(); }),
      arm_hook_(loop.add_hook(Loop::Stage::arm, [this] {
          arm();
          return false;
      })) {}

LoopTimers::~LoopTimers() {
    KHEISH_ASSERT(pending_.empty());
}

std::unique_ptr<Timer>
LoopTimers::start(std::chrono::microseconds delay, UniqueFunction<void()> fire) {
    const std::chrono::nanoseconds wait =
        std::clamp<std::chrono::microseconds>(delay, std::chrono::microseconds(0), kLongestDelay);
    return std::make_unique<LoopTimer>(
        *this, Key(boot_ns() + wait.count(), ++last_number_), std::move(fire));
}

void LoopTimers::fire_due() {
    std::uint64_t expirations = 0;
    // EAGAIN: the descriptor was set anew after it had expired; what is due is looked up anyway.
    (void)!read(fd_.get(), &expirations, sizeof expirations);
    armed_ns_ = 0;
    const std::int64_t now_ns = boot_ns();
    const std::uint64_t last_number = last_number_;
    while (!pending_.empty()) {
        const Key key = pending_.begin()->first;
        if (key.first > now_ns || key.second > last_number)
            return;
        UniqueFunction<void()> fire = pending_.begin()->second->take();
        fire();
    }
}

void LoopTimers::arm() {
    const std::int64_t wanted_ns = pending_.empty() ? 0 : pending_.begin()->first.first;
    if (wanted_ns == armed_ns_)
        return;
    itimerspec setting{};
    setting.it_value.tv_sec = wanted_ns / kNanosecondsPerSecond;
    setting.it_value.tv_nsec = wanted_ns % kNanosecondsPerSecond;
    KHEISH_ASSERT(timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &setting, nullptr) == 0);
    armed_ns_ = wanted_ns;
}

} // namespace kheish::loop
