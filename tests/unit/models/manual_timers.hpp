#pragma once

#include "base/assert.hpp"
#include "base/timers.hpp"

#include <cstdint>
#include <map>
#include <utility>

namespace kheish {

/// Timers whose time passes by advance() only.
class ManualTimers final : public Timers {
  public:
    [[nodiscard]] std::unique_ptr<Timer>
    start(std::chrono::microseconds delay, UniqueFunction<void()> fire) override {
        const Key key{now_ + delay, ++last_number_};
        pending_.emplace(key, std::move(fire));
        return std::make_unique<ManualTimer>(*this, key);
    }
    std::unique_ptr<Timer> start_at_wall(std::int64_t, UniqueFunction<void()>) override {
        KHEISH_ASSERT(false); // nobody here waits for the calendar
    }
    void advance(std::chrono::microseconds time) {
        const std::chrono::microseconds end = now_ + time;
        while (!pending_.empty() && pending_.begin()->first.first <= end) {
            now_ = pending_.begin()->first.first;
            UniqueFunction<void()> fire = std::move(pending_.begin()->second);
            pending_.erase(pending_.begin());
            fire();
        }
        now_ = end;
    }
    std::chrono::microseconds now() const { return now_; }
    std::size_t pending() const { return pending_.size(); }

  private:
    using Key = std::pair<std::chrono::microseconds, std::uint64_t>;
    class ManualTimer final : public Timer {
      public:
        ManualTimer(ManualTimers& owner, Key key) : owner_(owner), key_(key) {}
        ~ManualTimer() override { owner_.pending_.erase(key_); }

      private:
        ManualTimers& owner_;
        Key key_;
    };

    std::map<Key, UniqueFunction<void()>> pending_;
    std::chrono::microseconds now_{0};
    std::uint64_t last_number_ = 0;
};

} // namespace kheish
