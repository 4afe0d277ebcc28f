#pragma once

#include "agenda.hpp"
#include "base/clock.hpp"
#include "base/entropy.hpp"
#include "base/timers.hpp"
#include "random.hpp"

#include <algorithm>
#include <string>

namespace kheish::sim {

/// The clocks of the simulated machine: the boot clock starts anew with a reboot, the wall clock
/// jumps then and whenever it is set.
class SimClock final : public Clock {
  public:
    explicit SimClock(const Agenda& agenda) : agenda_(agenda) {}

    Instant now() const override {
        const std::int64_t now_us = agenda_.now_us();
        return {.wall_us = kEpochUs + now_us + wall_jump_us_, .boot_us = now_us - booted_us_ + 1};
    }
    std::string boot_id() const override {
        std::string id = std::to_string(boots_);
        return std::string(32 - id.size(), '0') + id;
    }
    /// The wall clock is set, by an administrator or by NTP.
    void set_wall(std::int64_t jump_us) {
        wall_jump_us_ += jump_us;
        furthest_jump_us_ = std::max(furthest_jump_us_, wall_jump_us_);
    }
    /// A daemon starts.
    void begin_life() { furthest_jump_us_ = wall_jump_us_; }
    /// The wall clock as the setting of this daemon's life that is furthest ahead would show it.
    std::int64_t furthest_wall_us() const {
        return kEpochUs + agenda_.now_us() + furthest_jump_us_;
    }
    void reboot(std::int64_t wall_jump_us) {
        booted_us_ = agenda_.now_us();
        wall_jump_us_ += wall_jump_us;
        ++boots_;
    }

  private:
    static constexpr std::int64_t kEpochUs = 1'700'000'000'000'000;
    const Agenda& agenda_;
    std::int64_t booted_us_ = 0;
    std::int64_t wall_jump_us_ = 0;
    std::int64_t furthest_jump_us_ = 0;
    int boots_ = 1;
};

class SimEntropy final : public Entropy {
  public:
    explicit SimEntropy(Random random) : random_(random) {}
    void fill(std::span<std::byte> bytes) override {
        for (std::byte& byte : bytes)
            byte = static_cast<std::byte>(random_.below(256));
    }

  private:
    Random random_;
};

class SimTimers final : public Timers {
  public:
    explicit SimTimers(Agenda& agenda) : agenda_(agenda) {}

    std::unique_ptr<Timer>
    start(std::chrono::microseconds delay, UniqueFunction<void()> fire) override {
        return std::make_unique<Entry>(agenda_, agenda_.in(delay.count(), std::move(fire)));
    }

  private:
    class Entry final : public Timer {
      public:
        Entry(Agenda& agenda, std::uint64_t number) : agenda_(agenda), number_(number) {}
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        ~Entry() override { agenda_.cancel(number_); }

      private:
        Agenda& agenda_;
        std::uint64_t number_;
    };

    Agenda& agenda_;
};

} // namespace kheish::sim
