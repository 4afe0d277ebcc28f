#pragma once

#include "loop/fd_watch.hpp"

#include <cstdint>
#include <memory>

namespace kheish::loop {

/// Drives one sd_bus on the loop: waits for what sd_bus_get_events(3) and sd_bus_get_timeout(3)
/// ask for, looked up again before each poll, and calls sd_bus_process(3). At most
/// kMessagesPerTurn messages are dispatched per turn, so that a flood cannot starve the rest.
/// Takes a reference on the bus. Destroying the pump, also from a handler of the bus, stops it and
/// leaves the bus open.
class BusPump {
  public:
    static constexpr int kMessagesPerTurn = 64;
    /// The connection is lost (the peer hung up, a protocol error). Called once, from the loop; the
    /// pump is then dead and may be destroyed in it.
    using OnLost = UniqueFunction<void(Error)>;

    BusPump(Loop& loop, sd_bus* bus, OnLost on_lost);
    ~BusPump();
    BusPump(const BusPump&) = delete;
    BusPump& operator=(const BusPump&) = delete;

    sd_bus* bus() const { return bus_.get(); }

  private:
    using BusReference = Handle<sd_bus, sd_bus_unref>;
    static void on_timeout(evutil_socket_t fd, short what, void* self) noexcept;
    bool work();
    bool arm();
    void process();
    void lose();
    void arm_timeout(std::uint64_t deadline_us);

    Loop& loop_;
    BusReference bus_;
    OnLost on_lost_;
    EventHandle timeout_;
    std::uint64_t armed_deadline_us_ = UINT64_MAX;
    bool due_ = false;
    int failure_ = 0;           ///< negative errno of the lost connection
    bool* destroyed_ = nullptr; ///< set while messages are dispatched
    std::unique_ptr<FdWatch> watch_;
    std::unique_ptr<Loop::Hook> work_hook_;
    std::unique_ptr<Loop::Hook> arm_hook_;
};

} // namespace kheish::loop
