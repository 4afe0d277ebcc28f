#include "runner/runner.hpp"

#include "base/log.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kheish::runner {

using codec::runner::Execute;
using codec::runner::HelloReply;
using codec::runner::HelloRequest;
using codec::runner::Message;
using codec::runner::Received;

Runner::Runner(Fd listener, CallEnvironment environment, codec::runner::ProjectPermissions project)
    : listener_(std::move(listener)), calls_(std::move(environment)), project_(std::move(project)) {
}

Status Runner::open_signals() {
    sigset_t wanted;
    (void)::sigemptyset(&wanted);
    (void)::sigaddset(&wanted, SIGCHLD);
    (void)::sigaddset(&wanted, SIGTERM);
    if (::sigprocmask(SIG_BLOCK, &wanted, nullptr) != 0)
        return fail_errno("blocking signals", errno);
    signals_ = Fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_)
        return fail_errno("opening a signalfd", errno);
    // Whatever a call's process leaves behind comes here to be reaped, pid 1 or not.
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
        return fail_errno("becoming a reaper", errno);
    return {};
}

Status Runner::run() {
    KHEISH_CHECK(open_signals());
    KHEISH_CHECK(set_nonblocking(listener_.get(), true));
    while (!stopping_)
        KHEISH_CHECK(wait_once());
    return {};
}

int Runner::wait_milliseconds() const {
    const std::optional<CallTable::SteadyClock::time_point> next = calls_.next_deadline();
    if (!next)
        return -1;
    const CallTable::SteadyClock::duration wait = *next - CallTable::SteadyClock::now();
    const std::int64_t count = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    return static_cast<int>(std::clamp<std::int64_t>(count, 0, 3'600'000));
}

Status Runner::wait_once() {
    constexpr std::size_t kFixed = 3;
    const std::vector<std::pair<int, CallId>> sockets = calls_.sockets();
    std::vector<pollfd> polled{
        {listener_.get(), POLLIN, 0},
        {signals_.get(), POLLIN, 0},
        {connection_ ? connection_->fd() : -1, POLLIN, 0}};
    if (connection_ && connection_->wants_to_write())
        polled[2].events = POLLIN | POLLOUT;
    for (const std::pair<int, CallId>& socket : sockets)
        polled.push_back({socket.first, POLLIN, 0});
    if (::poll(polled.data(), polled.size(), wait_milliseconds()) < 0) {
        if (errno == EINTR)
            return {};
        return fail_errno("waiting", errno);
    }
    for (std::size_t i = 0; i < sockets.size(); ++i)
        if (polled[kFixed + i].revents != 0)
            pass_on(calls_.read(sockets[i].second));
    pass_on(calls_.enforce_deadlines());
    if (connection_ && (polled[2].revents & POLLOUT) != 0)
        flush_connection();
    if (connection_ && (polled[2].revents & ~POLLOUT) != 0)
        read_connection();
    if (polled[0].revents != 0)
        accept_connection();
    return polled[1].revents != 0 ? read_signals() : Status();
}

Status Runner::read_signals() {
    signalfd_siginfo signal{};
    while (::read(signals_.get(), &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal))
        if (signal.ssi_signo == SIGTERM)
            stopping_ = true;
    while (::waitpid(-1, nullptr, WNOHANG) > 0)
        ;
    return {};
}

void Runner::accept_connection() {
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket)
        return; // gone again, or not there yet
    connection_.emplace(std::move(socket));
    greeted_ = false;
}

void Runner::drop_connection(const Error& reason) {
    // The refusal is a courtesy: the other side may be gone.
    if (connection_ && reason.code != Errc::runner_lost)
        (void)connection_->send(codec::runner::Refused{reason.message});
    if (reason.code != Errc::runner_lost)
        log(Level::warning,
            "Dropped the connection of the daemon",
            {{log_field::kError, reason.to_string()}});
    connection_.reset();
    greeted_ = false;
}

void Runner::flush_connection() {
    if (const Status flushed = connection_->flush(); !flushed)
        drop_connection(flushed.error());
}

void Runner::read_connection() {
    while (connection_) {
        Result<std::optional<Received>> received = connection_->receive();
        if (!received)
            return drop_connection(received.error());
        if (!received->has_value())
            return;
        if (const Status handled = handle(std::move(**received)); !handled)
            return drop_connection(handled.error());
    }
}

void Runner::send(const Message& message) {
    if (!connection_ || !greeted_)
        return;
    if (const Status sent = connection_->send(message); !sent)
        drop_connection(sent.error());
}

void Runner::pass_on(const std::vector<Message>& messages) {
    for (const Message& message : messages)
        send(message);
}

Status Runner::handle(Received received) {
    Message& message = received.message;
    if (const HelloRequest* hello = std::get_if<HelloRequest>(&message))
        return handle_hello(*hello);
    if (!greeted_)
        return fail(Errc::protocol_error, "runner: the first message is no hello");
    if (Execute* execute = std::get_if<Execute>(&message))
        return handle_execute(std::move(*execute), std::move(received.descriptors));
    if (const codec::runner::Proceed* proceed = std::get_if<codec::runner::Proceed>(&message)) {
        calls_.proceed(proceed->call);
        return {};
    }
    if (const codec::runner::Cancel* cancel = std::get_if<codec::runner::Cancel>(&message)) {
        calls_.cancel(cancel->call);
        return {};
    }
    if (const codec::runner::Acknowledge* done =
            std::get_if<codec::runner::Acknowledge>(&message)) {
        calls_.acknowledge(done->call);
        return {};
    }
    return fail(Errc::protocol_error, "runner: a message that only a runner sends");
}

Status Runner::handle_hello(const HelloRequest& hello) {
    if (greeted_)
        return fail(Errc::protocol_error, "runner: a second hello");
    if (hello.oldest_version > codec::runner::kNewestVersion ||
        hello.newest_version < codec::runner::kOldestVersion)
        return fail(
            Errc::protocol_error,
            "runner: speaks versions " + std::to_string(codec::runner::kOldestVersion) + " to " +
                std::to_string(codec::runner::kNewestVersion) + " only");
    if (run_ && (run_ != hello.run || attempt_ != hello.attempt))
        return fail(
            Errc::protocol_error,
            "runner: this is attempt " + std::to_string(attempt_) + " of " + run_.to_string());
    run_ = hello.run;
    attempt_ = hello.attempt;
    greeted_ = true;
    HelloReply reply;
    reply.version = std::min(hello.newest_version, codec::runner::kNewestVersion);
    reply.running = calls_.in_state(CallTable::State::running);
    reply.finished = calls_.in_state(CallTable::State::finished);
    const std::vector<CallId> finished = reply.finished;
    KHEISH_CHECK(connection_->send(reply));
    if (reply.version >= codec::runner::kProjectVersion)
        KHEISH_CHECK(connection_->send(project_));
    for (const CallId& call : finished)
        KHEISH_CHECK(connection_->send(*calls_.outcome(call)));
    if (reply.version >= codec::runner::kPreparedVersion)
        for (const codec::runner::Prepared& prepared : calls_.prepared())
            KHEISH_CHECK(connection_->send(prepared));
    return {};
}

Status Runner::handle_execute(Execute execute, std::vector<Fd> descriptors) {
    const CallId call = execute.call;
    switch (calls_.state(call)) {
    case CallTable::State::unknown:
        return calls_.add(std::move(execute), std::move(descriptors));
    case CallTable::State::running:
        for (const codec::runner::Prepared& prepared : calls_.prepared())
            if (prepared.call == call) // whoever asks has not heard of it
                KHEISH_CHECK(connection_->send(prepared));
        return connection_->send(codec::runner::Progress{call, calls_.output_bytes(call)});
    case CallTable::State::finished:
        return connection_->send(*calls_.outcome(call));
    case CallTable::State::acknowledged:
        break;
    }
    return fail(
        Errc::protocol_error, "runner: call " + call.value + " was finished and acknowledged");
}

} // namespace kheish::runner
