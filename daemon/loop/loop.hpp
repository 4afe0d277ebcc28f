#pragma once

#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "loop/handles.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

namespace kheish::loop {

/// What the loop measured of itself. A turn is busy from its first callback to its next poll: the
/// longest time for which a new event had to wait.
struct LoopStatistics {
    std::int64_t turns = 0;
    std::chrono::nanoseconds last_busy{0};
    std::chrono::nanoseconds longest_busy{0};
    std::chrono::nanoseconds total_busy{0};
};

/// The one event loop of the daemon: a libevent base, polled once per turn with hooks before each
/// poll. (libevent 2.1 has no prepare watchers, and sd-bus must be re-armed before every poll, so
/// event_base_dispatch is never called.)
///
/// One turn:
///   1. what was posted before the turn, in order;
///   2. the hooks of Stage::work, then Stage::commit, then Stage::arm, each in order of addition;
///   3. one poll, which blocks unless something was posted or a hook returned true;
///   4. the callbacks of all events that are ready.
/// So everything that steps 4 and 1 and the work hooks wrote is committed together before the next
/// poll. What a commit announces may post, write or queue more: the poll then does not block, and
/// the next turn commits that. Messages that a commit queued are seen by the arm hooks.
///
/// Not thread-safe. Must outlive everything that was made on it.
class Loop {
  public:
    enum class Stage : std::size_t {
        work,   ///< finish what the callbacks left to do
        commit, ///< Journal::commit() and what it announces
        arm,    ///< tell the kernel what to wake us for; starts no new work
    };
    /// True asks for another turn without waiting.
    using HookFunction = UniqueFunction<bool()>;

    /// A hook that was added. Destroying it, also from within any hook, removes it.
    class Hook {
      public:
        /// Through add_hook().
        Hook(Loop& loop, Stage stage, HookFunction function)
            : loop_(loop), stage_(stage), function_(std::move(function)) {}
        ~Hook();
        Hook(const Hook&) = delete;
        Hook& operator=(const Hook&) = delete;

      private:
        friend class Loop;
        Loop& loop_;
        Stage stage_;
        HookFunction function_;
    };

    static Result<std::unique_ptr<Loop>> open();
    /// Through open().
    explicit Loop(EventBaseHandle base) : base_(std::move(base)) {}
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    [[nodiscard]] std::unique_ptr<Hook> add_hook(Stage stage, HookFunction function);
    /// Runs `function` at the start of the next turn. It is dropped unrun where the loop ends
    /// first.
    void post(UniqueFunction<void()> function);

    /// Turns until exit(). Returns exit's code after the turn in which it was called has run its
    /// hooks and none of them asked for more. Not to be called from a callback.
    int run();
    /// One turn. With `wait` false the poll never blocks. For tests and for draining.
    void turn(bool wait);
    void exit(int code);
    bool exiting() const { return exiting_; }

    const LoopStatistics& statistics() const { return statistics_; }
    /// Starts the busy time of this turn. The watches of this folder call it; whoever puts events
    /// on base() directly calls it first in each callback.
    void woke();
    /// For bufferevents and listeners.
    event_base* base() const { return base_.get(); }

  private:
    bool prepare();
    bool run_hooks(Stage stage);
    void rest();

    EventBaseHandle base_;
    std::array<std::list<Hook*>, 3> hooks_;
    std::vector<UniqueFunction<void()>> posted_;
    LoopStatistics statistics_;
    std::chrono::steady_clock::time_point busy_since_;
    bool busy_ = false;
    bool in_turn_ = false;
    bool exiting_ = false;
    int exit_code_ = 0;
};

} // namespace kheish::loop
