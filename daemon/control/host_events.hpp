#pragma once

#include "base/responder.hpp"

namespace kheish::control {

/// What happens to the machine and is of importance to runs. Calls come from the loop.
class HostEvents {
  public:
    HostEvents() = default;
    HostEvents(const HostEvents&) = delete;
    HostEvents& operator=(const HostEvents&) = delete;
    virtual ~HostEvents() = default;

    /// There is another way into the network: what waits for it tries at once.
    virtual void on_network_changed() = 0;
    /// The machine is about to be suspended. Model calls under way are given up, in the journal
    /// too, and no new one is made; `ready` is answered when that is committed.
    virtual void before_sleep(Responder<void> ready) = 0;
    /// It is awake, or did not go to sleep: model calls are made again.
    virtual void after_sleep() = 0;
};

} // namespace kheish::control
