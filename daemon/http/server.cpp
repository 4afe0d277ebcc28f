#include "http/server.hpp"

#include "base/assert.hpp"
#include "base/log.hpp"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace kheish::http {

namespace {

/// For a peer that gets no connection: best effort, its answer must not need one.
void turn_away(const Fd& fd, const Error& error) {
    const Response response = problem_response(Problem::of(error));
    std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
    text.append(reason_phrase(response.status)).append("\r\nContent-Type: ");
    text.append(response.content_type).append("\r\nContent-Length: ");
    text.append(std::to_string(response.body.size())).append("\r\nConnection: close");
    for (const auto& [name, value] : response.headers)
        text.append("\r\n").append(name).append(": ").append(value);
    text.append("\r\n\r\n").append(response.body);
    (void)send(fd.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

} // namespace

Server::Server(
    loop::Loop& event_loop,
    Timers& timers,
    const Clock& wall_clock,
    control::Service& use_cases,
    Limits limits)
    : ConnectionHost(event_loop, wall_clock, use_cases, limits), timers_(timers),
      self_(std::make_shared<Server*>(this)) {}

Server::~Server() {
    *self_ = nullptr;
}

Status Server::listen(Fd socket, std::unique_ptr<Identity> identity) {
    KHEISH_CHECK(set_nonblocking(socket.get(), true));
    std::unique_ptr<Listener> listener = std::make_unique<Listener>();
    listener->socket = std::move(socket);
    listener->identity = std::move(identity);
    Listener* const raw = listener.get();
    listener->watch = std::make_unique<loop::FdWatch>(
        loop, raw->socket.get(), loop::Interest{.read = true}, [this, raw](loop::Interest) {
            accept_from(*raw);
        });
    listeners_.push_back(std::move(listener));
    return {};
}

void Server::accept_from(Listener& listener) {
    for (std::size_t i = 0; i < kAcceptsPerTurnLimit; ++i) {
        Fd fd(accept4(listener.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
            return;
        if (!fd)
            return pause_accepting(errno);
        if (const Status adopted = adopt(std::move(fd), *listener.identity); !adopted)
            log(Level::warning,
                "an HTTP connection was turned away",
                {{log_field::kError, adopted.error().to_string()}});
    }
}

/// Out of descriptors or memory: the next tick tries again instead of spinning.
void Server::pause_accepting(int error) {
    log(Level::error,
        "HTTP connections cannot be accepted",
        {{log_field::kError, system_error("accept", error).to_string()}});
    for (const std::unique_ptr<Listener>& listener : listeners_)
        listener->watch->set_interest({});
    accepting_paused_ = true;
    arm_tick();
}

void Server::resume_accepting() {
    if (!std::exchange(accepting_paused_, false))
        return;
    for (const std::unique_ptr<Listener>& listener : listeners_)
        listener->watch->set_interest({.read = true});
}

void Server::withdraw(const Principal& principal) {
    // An end takes its connection out of the list.
    std::vector<std::shared_ptr<Connection>> present;
    for (const auto& [key, connection] : connections_)
        present.push_back(connection);
    for (const std::shared_ptr<Connection>& connection : present)
        connection->withdraw(principal);
}

Status Server::adopt(Fd connection, Identity& identity) {
    KHEISH_TRY(Peer peer, identity.peer(connection.get()));
    Result<Quota::Lease> lease = quota.take(Quota::Resource::connections, peer.name);
    if (!lease) {
        turn_away(connection, lease.error());
        return fail(std::move(lease).error());
    }
    KHEISH_CHECK(set_nonblocking(connection.get(), true));
    const std::shared_ptr<Connection> made = std::make_shared<Connection>(
        static_cast<ConnectionHost&>(*this),
        std::move(connection),
        identity,
        std::move(peer),
        *std::move(lease));
    connections_.emplace(made.get(), made);
    arm_tick();
    if (draining)
        made->drain();
    return {};
}

void Server::on_closed(Connection& connection) {
    const auto found = connections_.find(&connection);
    KHEISH_ASSERT(found != connections_.end());
    closed_.push_back(std::move(found->second));
    connections_.erase(found);
    if (closed_.size() == 1)
        loop.post([self = self_] {
            if (*self != nullptr)
                (*self)->bury();
        });
}

void Server::bury() {
    closed_.clear();
    finish_drain();
}

void Server::arm_tick() {
    if (!tick_)
        tick_ = timers_.start(kTick, [this] { on_tick(); });
}

void Server::on_tick() {
    tick_.reset();
    ++ticks;
    resume_accepting();
    std::vector<std::shared_ptr<Connection>> present;
    present.reserve(connections_.size());
    for (const auto& [key, connection] : connections_)
        present.push_back(connection);
    const bool late = draining && ticks >= drain_until_tick_;
    const Error error{
        .code = Errc::daemon_draining,
        .message = "kheishd is stopping; what was asked for goes on, ask again for its state"};
    for (const std::shared_ptr<Connection>& connection : present) {
        if (late)
            connection->abort(Problem::of(error));
        else
            connection->on_tick();
    }
    if (!connections_.empty() || accepting_paused_)
        arm_tick();
}

void Server::drain(std::chrono::seconds grace, UniqueFunction<void()> done) {
    KHEISH_ASSERT(!draining);
    draining = true;
    on_drained_ = std::move(done);
    drain_until_tick_ = ticks + grace / kTick;
    accepting_paused_ = false;
    for (const std::unique_ptr<Listener>& listener : listeners_)
        identities_.push_back(std::move(listener->identity)); // connections use them still
    listeners_.clear();
    std::vector<std::shared_ptr<Connection>> present;
    for (const auto& [key, connection] : connections_)
        present.push_back(connection);
    for (const std::shared_ptr<Connection>& connection : present)
        connection->drain();
    loop.post([self = self_] {
        if (*self != nullptr)
            (*self)->finish_drain();
    });
}

void Server::finish_drain() {
    if (!draining || !connections_.empty() || !on_drained_)
        return;
    UniqueFunction<void()> done = std::exchange(on_drained_, {});
    done();
}

} // namespace kheish::http
