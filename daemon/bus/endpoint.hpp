#pragma once

#include "bus/desktop_prompt.hpp"
#include "bus/edge.hpp"
#include "bus/peers.hpp"
#include "bus/polkit_authorizer.hpp"
#include "bus/sleep_watch.hpp"
#include "bus/user_sessions.hpp"
#include "loop/bus_pump.hpp"

#include <chrono>
#include <memory>

namespace kheish::bus {

/// kheishd's place on a message bus (DBUS_SYSTEM_BUS_ADDRESS or DBUS_SESSION_BUS_ADDRESS where
/// set): the connection, its pump, polkit, the objects and the name ai.kheish.Daemon1. When the bus
/// goes away it comes back by itself, for runs do not need it; what was in flight then is
/// cancelled, the callers see the bus's own error. Its end gives the name back and refuses, with
/// Errc::daemon_draining, what the bus had passed on before: no call is left without an answer.
class Endpoint {
  public:
    enum class Kind { system, session };
    static constexpr std::chrono::milliseconds kReconnectDelay{500};
    /// Work comes in pieces: the lock is held so long beyond the last one.
    static constexpr std::chrono::seconds kLinger{10};

    /// What only an endpoint on the system bus does: hear of the machine's sleep, keep it from
    /// `inhibits` ("idle:sleep:handle-lid-switch", systemd-inhibit(1); may be empty) while a run
    /// works, and ask users for approvals where they sit.
    struct HostSide {
        control::HostEvents* events = nullptr; ///< none: nothing of it
        std::string inhibits;
        bool prompts = false;
    };

    /// All outlive the endpoint. `ready` is answered once: when the name is ours, or with
    /// Errc::service_unavailable when the first attempt fails (later ones follow nevertheless),
    /// Errc::conflict when somebody else has the name.
    Endpoint(
        Kind kind,
        loop::Loop& loop,
        Timers& timers,
        control::Service& service,
        HostSide host,
        Responder<void> ready);
    ~Endpoint();
    Endpoint(const Endpoint&) = delete;
    Endpoint& operator=(const Endpoint&) = delete;

    /// Some run works, or none does any more.
    void set_working(bool works);

    /// Nothing while the bus is away.
    sd_bus* bus() const { return bus_.get(); }
    BusEdge* edge() const { return edge_.get(); }
    /// Nothing while the bus is away.
    govern::Authorizer* authorizer() const { return authorizer_.get(); }

  private:
    void connect();
    Status try_connect();
    void leave();
    void disconnect();
    void on_lost(const Error& error);
    static int on_name(sd_bus_message* reply, void* data, sd_bus_error*) noexcept;
    void settle(Status status);
    void keep_awake();

    Kind kind_;
    loop::Loop& loop_;
    Timers& timers_;
    control::Service& service_;
    HostSide host_;
    Responder<void> ready_;
    BusHandle bus_;
    std::unique_ptr<BusPeers> peers_;
    std::unique_ptr<PolkitAuthorizer> authorizer_;
    std::unique_ptr<BusEdge> edge_;
    std::unique_ptr<LogindSessions> sessions_;
    std::unique_ptr<DesktopPrompt> prompt_;
    std::unique_ptr<SleepWatch> sleep_;
    bool works_ = false;
    std::unique_ptr<Inhibitor> inhibitor_;
    std::unique_ptr<Timer> linger_; ///< of the inhibitor, after the last work
    BusSlot name_;
    std::unique_ptr<loop::BusPump> pump_;
    std::unique_ptr<Timer> retry_;
};

} // namespace kheish::bus
