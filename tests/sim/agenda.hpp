#pragma once

#include "base/assert.hpp"
#include "base/unique_function.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <utility>

namespace kheish::sim {

/// A process of the simulated daemon is alive while its Life is; what it has asked of the world
/// reaches it only then.
using Life = std::shared_ptr<int>;

/// What will happen, by simulated time. Things of one moment happen in the order of entry.
class Agenda {
  public:
    using Action = UniqueFunction<void()>;

    std::int64_t now_us() const { return now_us_; }
    /// The entry's number, for cancel().
    std::uint64_t in(std::int64_t delay_us, Action action) {
        const std::uint64_t number = ++newest_;
        KHEISH_ASSERT(delay_us >= 0); // time does not go back
        const std::int64_t due_us = now_us_ + delay_us;
        due_by_number_.emplace(number, due_us);
        actions_.emplace(std::pair(due_us, number), std::move(action));
        return number;
    }
    /// The same, unless `life` has ended by then.
    std::uint64_t in(std::int64_t delay_us, const Life& life, Action action) {
        return in(delay_us, [weak = std::weak_ptr<int>(life), act = std::move(action)]() mutable {
            if (!weak.expired())
                act();
        });
    }
    void cancel(std::uint64_t number) {
        const auto found = due_by_number_.find(number);
        if (found == due_by_number_.end())
            return;
        actions_.erase(std::pair(found->second, number));
        due_by_number_.erase(found);
    }
    bool empty() const { return actions_.empty(); }
    /// Time goes on to the next thing, and it happens. False where there is none.
    bool step() {
        if (actions_.empty())
            return false;
        const auto first = actions_.begin();
        now_us_ = first->first.first;
        Action action = std::move(first->second);
        due_by_number_.erase(first->first.second);
        actions_.erase(first);
        action();
        return true;
    }

  private:
    std::int64_t now_us_ = 0;
    std::uint64_t newest_ = 0;
    std::map<std::pair<std::int64_t, std::uint64_t>, Action> actions_;
    std::map<std::uint64_t, std::int64_t> due_by_number_;
};

/// What is put down for later, as the handle of whoever expects it: destroying it strikes it off.
template <class Handle>
class Expected final : public Handle {
  public:
    Expected(Agenda& agenda, std::uint64_t number) : agenda_(agenda), number_(number) {}
    Expected(const Expected&) = delete;
    Expected& operator=(const Expected&) = delete;
    ~Expected() override { agenda_.cancel(number_); }

  private:
    Agenda& agenda_;
    std::uint64_t number_;
};

} // namespace kheish::sim
