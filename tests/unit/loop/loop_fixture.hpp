#pragma once

#include "base/assert.hpp"
#include "loop/loop.hpp"
#include "loop/loop_timers.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace kheish::loop {

/// A loop with timers, turned until something has happened or `kPatience` is over.
class LoopTest : public testing::Test {
  protected:
    static constexpr std::chrono::seconds kPatience{20};

    static std::unique_ptr<Loop> open_loop() {
        Result<std::unique_ptr<Loop>> opened = Loop::open();
        KHEISH_ASSERT(opened.has_value());
        return std::move(*opened);
    }
    static std::unique_ptr<LoopTimers> open_timers(Loop& loop) {
        Result<std::unique_ptr<LoopTimers>> opened = LoopTimers::open(loop);
        KHEISH_ASSERT(opened.has_value());
        return std::move(*opened);
    }

    /// True once `happened` is; false after kPatience.
    bool turn_until(const std::function<bool()>& happened) {
        bool late = false;
        const std::unique_ptr<Timer> limit = timers().start(kPatience, [&late] { late = true; });
        // Hooks run before the poll: it must not wait once one of them has made it happen.
        const std::unique_ptr<Loop::Hook> hook =
            loop().add_hook(Loop::Stage::arm, [&happened] { return happened(); });
        while (!happened() && !late)
            loop().turn(true);
        return happened();
    }

    Loop& loop() { return *loop_; }
    LoopTimers& timers() { return *timers_; }

  private:
    std::unique_ptr<Loop> loop_ = open_loop();
    std::unique_ptr<LoopTimers> timers_ = open_timers(*loop_);
};

} // namespace kheish::loop
