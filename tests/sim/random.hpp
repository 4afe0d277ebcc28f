#pragma once

#include <cstdint>
#include <vector>

namespace kheish::sim {

/// SplitMix64: everything in a simulation comes from one seed, on every machine the same.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        state_ += 0x9E3779B97F4A7C15U;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9U;
        mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBU;
        return mixed ^ (mixed >> 31U);
    }
    /// 0 to `count` - 1.
    std::int64_t below(std::int64_t count) {
        return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(count));
    }
    std::int64_t between(std::int64_t smallest, std::int64_t largest) {
        return smallest + below(largest - smallest + 1);
    }
    /// True in `per_thousand` of 1000 cases.
    bool chance(std::int64_t per_thousand) { return below(1000) < per_thousand; }
    template <class T>
    const T& pick(const std::vector<T>& items) {
        return items[static_cast<std::size_t>(below(static_cast<std::int64_t>(items.size())))];
    }
    /// A generator of its own, so that one part's draws do not shift another's.
    Random fork() { return Random(next()); }

  private:
    std::uint64_t state_;
};

} // namespace kheish::sim
