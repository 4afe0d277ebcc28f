#pragma once

#include "bus/event_pipe.hpp"
#include "control/service.hpp"

#include <cstdint>
#include <map>

namespace kheish::bus {

/// All event streams that readers hold a descriptor of.
class Followers {
  public:
    static constexpr std::size_t kLimit = 1024;
    static constexpr std::size_t kPerUserLimit = 128;

    /// All outlive it.
    Followers(loop::Loop& loop, Timers& timers, control::Service& service)
        : loop_(loop), timers_(timers), service_(service) {}
    Followers(const Followers&) = delete;
    Followers& operator=(const Followers&) = delete;

    /// The reader's end of a new stream. Errc::rate_limited where too many are open.
    Result<Fd> follow(
        const control::Caller& caller,
        const control::StreamFilter& filter,
        std::optional<EventSeq> cursor);
    std::size_t size() const { return pipes_.size(); }

  private:
    struct Follower {
        uid_t uid = static_cast<uid_t>(-1);
        std::unique_ptr<EventPipe> pipe;
    };
    void sweep_soon();
    void sweep();

    loop::Loop& loop_;
    Timers& timers_;
    control::Service& service_;
    std::map<std::uint64_t, Follower> pipes_;
    std::uint64_t last_number_ = 0;
    std::unique_ptr<Timer> sweep_timer_;
};

} // namespace kheish::bus
