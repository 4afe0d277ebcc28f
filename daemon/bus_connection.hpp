#pragma once

#include "base/handle.hpp"
#include "base/timers.hpp"
#include "bus/edge.hpp"
#include "bus/peers.hpp"
#include "bus/polkit_authorizer.hpp"
#include "control/service.hpp"
#include "loop/bus_pump.hpp"
#include "options.hpp"

#include <memory>

namespace kheish {

/// The D-Bus edge on the message bus, connected again whenever the bus goes away: runs do not need
/// it, so its absence is no reason to end.
class BusConnection {
  public:
    /// Everything outlives the connection.
    BusConnection(loop::Loop& loop, Timers& timers, control::Service& service, Options::Bus bus);
    ~BusConnection();
    BusConnection(const BusConnection&) = delete;
    BusConnection& operator=(const BusConnection&) = delete;

    /// Connects, exports the objects and takes the name ai.kheish.Daemon1.
    Status open();

    static constexpr std::chrono::seconds kRetryInterval{1};

  private:
    /// In the order in which it is built; destroyed the other way round.
    struct Parts {
        BusHandle bus;
        std::unique_ptr<bus::BusPeers> peers;
        std::unique_ptr<bus::PolkitAuthorizer> authorizer;
        std::unique_ptr<bus::BusEdge> edge;
        std::unique_ptr<loop::BusPump> pump;
        ~Parts();
    };

    void on_lost(const Error& error);
    void retry();

    loop::Loop& loop_;
    Timers& timers_;
    control::Service& service_;
    Options::Bus bus_;
    std::unique_ptr<Parts> parts_;
    std::unique_ptr<Timer> retry_timer_;
};

} // namespace kheish
