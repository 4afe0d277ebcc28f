#include "loop/timer_queue.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/timerfd.h>
#include <unistd.h>

namespace kheish::loop {

namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

} // namespace

class TimerQueue::QueuedTimer final : public Timer {
  public:
    QueuedTimer(TimerQueue& owner, Key key, UniqueFunction<void()> fire)
        : owner_(owner), key_(key), fire_(std::move(fire)) {
        owner_.pending_.emplace(key_, this);
    }
    ~QueuedTimer() override {
        if (fire_)
            owner_.pending_.erase(key_);
    }
    /// Hands the callback out; the timer is then no longer pending.
    UniqueFunction<void()> take() {
        owner_.pending_.erase(key_);
        return std::exchange(fire_, UniqueFunction<void()>());
    }

  private:
    TimerQueue& owner_;
    Key key_;
    UniqueFunction<void()> fire_;
};

std::int64_t TimerQueue::now_ns() const {
    timespec now{};
    KHEISH_ASSERT(clock_gettime(clock_, &now) == 0);
    return now.tv_sec * kNanosecondsPerSecond + now.tv_nsec;
}

Result<std::unique_ptr<TimerQueue>> TimerQueue::open(Loop& loop, clockid_t clock) {
    Fd fd(timerfd_create(clock, TFD_NONBLOCK | TFD_CLOEXEC));
    if (!fd)
        return fail_errno("creating the timer descriptor", errno);
    return std::make_unique<TimerQueue>(loop, std::move(fd), clock);
}

TimerQueue::TimerQueue(Loop& loop, Fd fd, clockid_t clock)
    : fd_(std::move(fd)), clock_(clock),
      watch_(loop, fd_.get(), {.read = true}, [this](Interest) { fire_due(); }),
      arm_hook_(loop.add_hook(Loop::Stage::arm, [this] {
          arm();
          return false;
      })) {}

TimerQueue::~TimerQueue() {
    KHEISH_ASSERT(pending_.empty());
}

std::unique_ptr<Timer> TimerQueue::start(std::int64_t moment_ns, UniqueFunction<void()> fire) {
    // What has passed is due at once, and 0 would turn the descriptor off.
    return std::make_unique<QueuedTimer>(
        *this, Key(std::max<std::int64_t>(moment_ns, 1), ++last_number_), std::move(fire));
}

void TimerQueue::fire_due() {
    std::uint64_t expirations = 0;
    // EAGAIN: the descriptor was set anew after it had expired; what is due is looked up anyway.
    (void)!read(fd_.get(), &expirations, sizeof expirations);
    armed_ns_ = 0;
    const std::int64_t now = now_ns();
    const std::uint64_t last_number = last_number_;
    while (!pending_.empty()) {
        const Key key = pending_.begin()->first;
        if (key.first > now || key.second > last_number)
            return;
        UniqueFunction<void()> fire = pending_.begin()->second->take();
        fire();
    }
}

void TimerQueue::arm() {
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
