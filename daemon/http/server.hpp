#pragma once

#include "base/timers.hpp"
#include "http/connection.hpp"
#include "loop/fd_watch.hpp"

#include <chrono>
#include <memory>
#include <unordered_map>
#include <vector>

namespace kheish::http {

/// The HTTP edge: takes connections from listening sockets and answers from the service.
///
/// Every bound is in limits.hpp. Everything that is not a 2xx is application/problem+json, also
/// what never became a request.
class Server final : private ConnectionHost {
  public:
    Server(
        loop::Loop& event_loop,
        Timers& timers,
        const Clock& wall_clock,
        control::Service& use_cases,
        Limits limits = {});
    ~Server() override;

    /// Accepts on `socket`, which listens already (sd_listen_fds(3) or bind by the caller).
    Status listen(Fd socket, std::unique_ptr<Identity> identity);
    /// Serves one connection; `identity` outlives the server. For tests and inherited connections.
    Status adopt(Fd connection, Identity& identity);
    /// Ends what `principal` has under way on any connection.
    void withdraw(const Principal& principal);

    /// Accepts no more, closes what is idle, ends event streams behind a whole frame, lets requests
    /// that are under way finish. After `grace` those that have not are answered 503
    /// readiness/daemon_draining; what they asked for goes on. Then calls `done`, from the loop,
    /// once. Listening sockets stay open with whoever else has them.
    void drain(std::chrono::seconds grace, UniqueFunction<void()> done);

    std::size_t connections() const { return connections_.size(); }
    std::size_t streams() const { return quota.used(Quota::Resource::streams); }

  private:
    struct Listener {
        Fd socket;
        std::unique_ptr<Identity> identity;
        std::unique_ptr<loop::FdWatch> watch;
    };

    void accept_from(Listener& listener);
    void pause_accepting(int error);
    void resume_accepting();
    void on_closed(Connection& connection) override;
    void bury();
    void arm_tick();
    void on_tick();
    void finish_drain();

    Timers& timers_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::vector<std::unique_ptr<Identity>> identities_; ///< of listeners that are gone
    std::unordered_map<const Connection*, std::shared_ptr<Connection>> connections_;
    std::vector<std::shared_ptr<Connection>> closed_; ///< destroyed in the next turn
    std::unique_ptr<Timer> tick_;
    bool accepting_paused_ = false;
    std::int64_t drain_until_tick_ = 0;
    UniqueFunction<void()> on_drained_;
    std::shared_ptr<Server*> self_; ///< null once the server is gone, for posted functions
};

} // namespace kheish::http
