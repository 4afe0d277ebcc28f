#pragma once

#include "agenda.hpp"
#include "base/clock.hpp"
#include "base/entropy.hpp"
#include "base/timers.hpp"
#include "random.hpp"

#include <algorithm>
#include <set>
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
    void set_wall(std::int64_t jump_us) { wall_jump_us_ += jump_us; }
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

/// As the kernel's: a timer of the wall clock looks again whenever that is set.
class SimTimers final : public Timers {
  public:
    SimTimers(Agenda& agenda, const SimClock& clock) : agenda_(agenda), clock_(clock) {}

    std::unique_ptr<Timer>
    start(std::chrono::microseconds delay, UniqueFunction<void()> fire) override {
        // What is due already is due now: time does not go back for it.
        const std::int64_t left_us = std::max<std::int64_t>(delay.count(), 0);
        return std::make_unique<Entry>(agenda_, agenda_.in(left_us, std::move(fire)));
    }
    std::unique_ptr<Timer>
    start_at_wall(std::int64_t wall_us, UniqueFunction<void()> fire) override {
        return std::make_unique<WallEntry>(*this, wall_us, std::move(fire));
    }
    void on_clock_set() {
        for (WallEntry* entry : std::set(wall_))
            entry->arm();
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

    class WallEntry final : public Timer {
      public:
        WallEntry(SimTimers& timers, std::int64_t wall_us, UniqueFunction<void()> fire)
            : timers_(timers), wall_us_(wall_us), fire_(std::move(fire)) {
            timers_.wall_.insert(this);
            arm();
        }
        WallEntry(const WallEntry&) = delete;
        WallEntry& operator=(const WallEntry&) = delete;
        ~WallEntry() override {
            timers_.wall_.erase(this);
            timers_.agenda_.cancel(number_);
        }
        void arm() {
            timers_.agenda_.cancel(number_);
            const std::int64_t left_us = wall_us_ - timers_.clock_.now().wall_us;
            number_ = timers_.agenda_.in(std::max<std::int64_t>(left_us, 0), [this] { due(); });
        }

      private:
        /// May be the end of this timer.
        void due() {
            timers_.wall_.erase(this);
            UniqueFunction<void()> fire = std::move(fire_);
            fire();
        }

        SimTimers& timers_;
        std::int64_t wall_us_;
        UniqueFunction<void()> fire_;
        std::uint64_t number_ = 0;
    };

    Agenda& agenda_;
    const SimClock& clock_;
    std::set<WallEntry*> wall_;
};

} // namespace kheish::sim
