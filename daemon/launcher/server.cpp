#include "launcher/server.hpp"

#include "base/log.hpp"

#include <cerrno>
#include <csignal>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

namespace kheish::launcher {

namespace {

Result<uid_t> peer_uid(const Fd& socket) {
    ucred credentials = {};
    socklen_t size = sizeof credentials;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return fail_errno("asking for the peer's credentials", errno);
    return credentials.uid;
}

} // namespace

Server::Server(Context& context, Fd listener, std::chrono::microseconds idle_timeout)
    : context_(context), listener_(std::move(listener)), idle_timeout_(idle_timeout),
      operations_(context) {}

Status Server::begin() {
    sd_event_source* source = nullptr;
    int result =
        sd_event_add_io(context_.event, &source, listener_.get(), EPOLLIN, on_connect, this);
    if (result < 0)
        return fail_errno("watching the socket", -result);
    accept_source_.reset(source);
    result = sd_event_add_signal(context_.event, &source, SIGCHLD, on_child, this);
    if (result < 0)
        return fail_errno("watching children", -result);
    child_source_.reset(source);
    result = sd_event_add_signal(context_.event, &source, SIGTERM, on_terminate, this);
    if (result < 0)
        return fail_errno("watching SIGTERM", -result);
    terminate_source_.reset(source);
    result = sd_event_add_signal(context_.event, &source, SIGINT, on_terminate, this);
    if (result < 0)
        return fail_errno("watching SIGINT", -result);
    interrupt_source_.reset(source);
    restart_idle_timer();
    return {};
}

int Server::on_connect(sd_event_source*, int, std::uint32_t, void* self) noexcept {
    static_cast<Server*>(self)->accept_one();
    return 0;
}

void Server::accept_one() {
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket)
        return; // gone again, or out of descriptors: the loop comes back
    const Result<uid_t> uid = peer_uid(socket);
    if (!uid || *uid != context_.identities.service_uid) {
        log(Level::warning,
            "refused a connection of a user other than the daemon's",
            {{log_field::kCaller, uid ? std::to_string(*uid) : uid.error().to_string()}});
        return;
    }
    if (connections_.size() >= kConnectionsLimit) {
        log(Level::warning, "refused a connection: too many are open");
        return;
    }
    const Status watched = watch_connection(std::move(socket));
    if (!watched)
        log(Level::error,
            "cannot serve a connection",
            {{log_field::kError, watched.error().to_string()}});
}

Status Server::watch_connection(Fd socket) {
    std::unique_ptr<Connection> connection = std::make_unique<Connection>();
    connection->server = this;
    connection->id = next_connection_++;
    connection->socket = std::move(socket);
    sd_event_source* source = nullptr;
    const int result = sd_event_add_io(
        context_.event, &source, connection->socket.get(), EPOLLIN, on_ready, connection.get());
    if (result < 0)
        return fail_errno("watching a connection", -result);
    connection->source.reset(source);
    connections_[connection->id] = std::move(connection);
    restart_idle_timer();
    return {};
}

int Server::on_ready(sd_event_source*, int, std::uint32_t events, void* data) noexcept {
    Connection& connection = *static_cast<Connection*>(data);
    Server& server = *connection.server;
    const std::uint64_t id = connection.id;
    if ((events & EPOLLOUT) != 0)
        server.flush(connection);
    if ((events & EPOLLIN) != 0 && server.connections_.contains(id))
        (void)server.read_request(connection); // one a turn: connections take turns
    else if ((events & (EPOLLHUP | EPOLLERR)) != 0)
        server.drop(id);
    return 0;
}

bool Server::read_request(Connection& connection) {
    std::string message(sandbox::kMessageLimitBytes, '\0');
    const ssize_t count =
        ::recv(connection.socket.get(), message.data(), message.size(), MSG_TRUNC);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (count <= 0) {
        drop(connection.id);
        return false;
    }
    const std::size_t size = static_cast<std::size_t>(count);
    // MSG_TRUNC gives the true size, so that a longer message keeps its wrong size.
    message.resize(std::min(size, message.size()));
    if (size > message.size())
        message.push_back('\0');
    take_request(connection.id, message);
    return true;
}

void Server::take_request(std::uint64_t connection, std::string_view message) {
    restart_idle_timer();
    Result<sandbox::Request> request = sandbox::decode_request(message);
    if (!request) {
        log(Level::warning,
            "refused a malformed request",
            {{log_field::kError, request.error().to_string()}});
        return send_reply(connection, {sandbox::request_number(message), request.error()});
    }
    operations_.serve(std::move(*request), [this, connection](sandbox::Reply reply) {
        if (const Error* error = std::get_if<Error>(&reply.body))
            log(error->code == Errc::cancelled ? Level::info : Level::warning,
                "a request was not carried out",
                {{log_field::kError, error->to_string()}});
        send_reply(connection, reply);
        restart_idle_timer();
        end_if_idle();
    });
}

void Server::send_reply(std::uint64_t connection, const sandbox::Reply& reply) {
    const std::map<std::uint64_t, std::unique_ptr<Connection>>::iterator found =
        connections_.find(connection);
    if (found == connections_.end())
        return; // the client left; it asks again for what it wants to know
    Connection& target = *found->second;
    if (target.unsent.size() >= kUnsentRepliesLimit) {
        log(Level::warning, "closed a connection that does not read its replies");
        return drop(connection);
    }
    target.unsent.push_back(sandbox::encode(reply));
    flush(target);
}

void Server::flush(Connection& connection) {
    while (!connection.unsent.empty()) {
        const std::string& message = connection.unsent.front();
        const ssize_t sent = ::send(
            connection.socket.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0)
            return drop(connection.id);
        connection.unsent.pop_front();
    }
    const std::uint32_t events = connection.unsent.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT;
    if (sd_event_source_set_io_events(connection.source.get(), events) < 0)
        drop(connection.id);
}

void Server::drop(std::uint64_t connection) {
    connections_.erase(connection);
}

void Server::restart_idle_timer() {
    if (stopping_)
        return;
    sd_event_source* source = nullptr;
    const int result = sd_event_add_time_relative(
        context_.event,
        &source,
        CLOCK_MONOTONIC,
        static_cast<std::uint64_t>(idle_timeout_.count()),
        0,
        on_idle,
        this);
    // Without a timer the launcher stays: no harm done.
    idle_source_.reset(result < 0 ? nullptr : source);
}

int Server::on_idle(sd_event_source*, std::uint64_t, void* self) noexcept {
    Server& server = *static_cast<Server*>(self);
    if (server.operations_.empty())
        server.stop_serving();
    else
        server.restart_idle_timer();
    return 0;
}

int Server::on_terminate(sd_event_source*, const signalfd_siginfo*, void* self) noexcept {
    static_cast<Server*>(self)->stop_serving();
    return 0;
}

void Server::stop_serving() {
    if (stopping_)
        return;
    stopping_ = true;
    (void)sd_notify(0, "STOPPING=1"); // nobody to tell without a manager
    accept_source_.reset();
    idle_source_.reset();
    // Clients can send no more; what they have sent is still there to be read.
    std::vector<std::uint64_t> ids;
    for (const auto& [id, connection] : connections_) {
        (void)::shutdown(connection->socket.get(), SHUT_RD);
        ids.push_back(id);
    }
    for (const std::uint64_t id : ids)
        while (connections_.contains(id) && read_request(*connections_[id])) {
        }
    end_if_idle();
}

void Server::end_if_idle() {
    if (stopping_ && operations_.empty())
        (void)sd_event_exit(context_.event, 0); // fails only where the loop has ended
}

int Server::on_child(sd_event_source*, const signalfd_siginfo*, void* self) noexcept {
    Server& server = *static_cast<Server*>(self);
    for (;;) {
        const pid_t process = ::waitpid(-1, nullptr, WNOHANG);
        if (process <= 0)
            return 0;
        server.operations_.on_child_exit(process);
    }
}

} // namespace kheish::launcher
