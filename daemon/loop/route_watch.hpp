#pragma once

#include "base/fd.hpp"
#include "base/timers.hpp"
#include "loop/fd_watch.hpp"

#include <chrono>
#include <memory>

namespace kheish::loop {

/// Hears from the kernel that there is a new route (rtnetlink(7), RTM_NEWROUTE): a cable plugged
/// in, a wireless network joined, a tunnel up. Routes come in bursts, and what else belongs to them
/// (addresses, name servers) a little later, so it calls back kSettleTime after the first one, and
/// not again within kShortestInterval. The callback must not destroy the watch.
class RouteWatch {
  public:
    using Callback = UniqueFunction<void()>;
    static constexpr std::chrono::seconds kSettleTime{1};
    static constexpr std::chrono::seconds kShortestInterval{10};

    static Result<std::unique_ptr<RouteWatch>> open(Loop& loop, Timers& timers, Callback callback);
    /// Through open(). `socket` gives datagrams as NETLINK_ROUTE does.
    RouteWatch(Loop& loop, Timers& timers, Fd socket, Callback callback);
    RouteWatch(const RouteWatch&) = delete;
    RouteWatch& operator=(const RouteWatch&) = delete;
    ~RouteWatch() = default;

  private:
    void on_readable();
    void note_change();
    void fire();

    Timers& timers_;
    Fd socket_;
    Callback callback_;
    std::unique_ptr<Timer> settling_; ///< until the callback
    std::unique_ptr<Timer> pause_;    ///< after it
    bool changed_meanwhile_ = false;
    FdWatch watch_;
};

} // namespace kheish::loop
