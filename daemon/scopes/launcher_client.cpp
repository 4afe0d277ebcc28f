#include "scopes/launcher_client.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>
#include <sys/un.h>

namespace kheish::scopes {

LauncherClient::LauncherClient(
    loop::Loop& loop, Timers& timers, std::string socket_path, sandbox::JournalId journal)
    : loop_(loop), timers_(timers), socket_path_(std::move(socket_path)), session_(journal) {}

LauncherClient::~LauncherClient() {
    session_.fail_all({.code = Errc::cancelled, .message = "the daemon is ending"});
}

template <class T>
void LauncherClient::submit(Status queued, Responder<T> done) {
    if (queued)
        return schedule_send();
    // Answers come from the loop, those to a request that is none as well.
    loop_.post([error = std::move(queued).error(), done = std::move(done)]() mutable {
        done.fail(std::move(error));
    });
}

void LauncherClient::start(LaunchRequest request, Responder<Started> done) {
    Status queued = session_.start(request, done);
    submit(std::move(queued), std::move(done));
}

void LauncherClient::stop(RunId run, int attempt, bool release, Responder<void> done) {
    Status queued = session_.stop(run, attempt, release, done);
    submit(std::move(queued), std::move(done));
}

void LauncherClient::sweep(std::vector<std::pair<RunId, int>> live, Responder<void> done) {
    Status queued = session_.sweep(live, done);
    submit(std::move(queued), std::move(done));
}

void LauncherClient::schedule_send() {
    if (!send_timer_)
        send_timer_ = timers_.start(std::chrono::microseconds(0), [this] {
            send_timer_.reset();
            send_queued();
        });
}

Status LauncherClient::connect() {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (socket_path_.size() >= sizeof address.sun_path)
        return fail(Errc::invalid_configuration, "the launcher's socket path is too long");
    std::copy(socket_path_.begin(), socket_path_.end(), address.sun_path);
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket)
        return fail_errno("making a socket", errno, Errc::service_unavailable);
    const sockaddr* const generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(socket.get(), generic, sizeof address) != 0)
        return fail_errno(
            "connecting to the launcher at " + socket_path_, errno, Errc::service_unavailable);
    socket_ = std::move(socket);
    watch_ = std::make_unique<loop::FdWatch>(
        loop_, socket_.get(), loop::Interest{.read = true}, [this](loop::Interest ready) {
            on_ready(ready);
        });
    return {};
}

void LauncherClient::send_queued() {
    // Once more after the launcher has ended meanwhile: a message that it did not take is not lost.
    bool may_reconnect = true;
    while (const std::string* message = session_.next_message()) {
        if (!socket_) {
            const Status connected = connect();
            if (!connected)
                return session_.fail_all(connected.error());
            restart_silence_timer();
        }
        if (::send(socket_.get(), message->data(), message->size(), MSG_NOSIGNAL) >= 0) {
            session_.pop_message();
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN)
            return watch_->set_interest({.read = true, .write = true});
        const Error error =
            system_error("sending to the launcher", errno, Errc::service_unavailable);
        // Replies to what it did take may still be there.
        while (socket_ && receive_one()) {
        }
        disconnect(error);
        if (!std::exchange(may_reconnect, false))
            return session_.fail_all(error);
    }
    if (watch_)
        watch_->set_interest({.read = true});
}

void LauncherClient::on_ready(loop::Interest ready) {
    if (ready.write)
        send_queued();
    if (ready.read && socket_)
        (void)receive_one(); // the watch comes back while there is more
}

bool LauncherClient::receive_one() {
    std::string message(sandbox::kMessageLimitBytes, '\0');
    const ssize_t count =
        ::recv(socket_.get(), message.data(), message.size(), MSG_TRUNC | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (count <= 0) {
        disconnect(
            {.code = Errc::service_unavailable,
             .message = "the launcher ended before it answered",
             .sys_errno = count < 0 ? errno : 0,
             .transient = true});
        return false;
    }
    const std::size_t size = std::min(static_cast<std::size_t>(count), message.size());
    restart_silence_timer();
    const Status received = session_.receive(std::string_view(message).substr(0, size));
    if (received)
        return true;
    log(Level::error,
        "the launcher does not speak our protocol",
        {{log_field::kError, received.error().to_string()}});
    disconnect(received.error());
    return false;
}

void LauncherClient::disconnect(const Error& error) {
    watch_.reset();
    socket_.reset();
    silence_timer_.reset();
    session_.fail_sent(error);
    if (session_.next_message() != nullptr)
        schedule_send();
}

void LauncherClient::restart_silence_timer() {
    silence_timer_ = timers_.start(kSilenceLimit, [this] {
        if (!session_.has_pending())
            return;
        disconnect(
            {.code = Errc::timeout,
             .message = "the launcher does not answer",
             .sys_errno = 0,
             .transient = true});
    });
}

} // namespace kheish::scopes
