#include "scopes/runner_channel.hpp"

#include "base/log.hpp"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>

namespace kheish::scopes {
namespace {

namespace wire = codec::runner;

Outcome to_outcome(wire::Finished finished) {
    Outcome outcome;
    outcome.call = std::move(finished.call);
    outcome.kind = static_cast<Outcome::Kind>(finished.kind);
    outcome.text = std::move(finished.text);
    outcome.exit_code = finished.exit_code;
    outcome.truncated = finished.truncated;
    outcome.spool = finished.spool;
    outcome.duration_us = finished.duration_us;
    return outcome;
}

static_assert(
    static_cast<int>(Outcome::Kind::ok) == static_cast<int>(wire::Finished::Kind::ok) &&
    static_cast<int>(Outcome::Kind::failed) == static_cast<int>(wire::Finished::Kind::failed) &&
    static_cast<int>(Outcome::Kind::timed_out) ==
        static_cast<int>(wire::Finished::Kind::timed_out) &&
    static_cast<int>(Outcome::Kind::cancelled) ==
        static_cast<int>(wire::Finished::Kind::cancelled));

Result<Fd> connect_to(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail(Errc::invalid_argument, "the path of a runner's socket is too long");
    std::memcpy(address.sun_path, path.data(), path.size());
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket)
        return fail_errno("making a socket", errno);
    const sockaddr* generic = reinterpret_cast<const sockaddr*>(&address);
    if (::connect(socket.get(), generic, sizeof address) == 0)
        return socket;
    Error error = system_error("connecting to " + path, errno, Errc::runner_lost);
    error.transient = errno == EAGAIN || errno == EINTR;
    return fail(std::move(error));
}

} // namespace

Result<std::unique_ptr<RunnerChannel>> RunnerChannel::connect(
    loop::Loop& loop,
    Timers& timers,
    const std::string& path,
    RunId run,
    int attempt,
    RunnerChannelObserver& observer) {
    KHEISH_TRY(Fd socket, connect_to(path));
    std::unique_ptr<RunnerChannel> channel =
        std::make_unique<RunnerChannel>(loop, timers, std::move(socket), run, observer);
    channel->send(wire::HelloRequest{.run = run, .attempt = attempt});
    return channel;
}

RunnerChannel::RunnerChannel(
    loop::Loop& loop, Timers& timers, Fd socket, RunId run, RunnerChannelObserver& observer)
    : run_(run), observer_(observer), loop_(loop), socket_(std::move(socket)),
      self_(std::make_shared<RunnerChannel*>(this)),
      hello_timer_(timers.start(
          kHelloTime,
          [this] { end(Error{.code = Errc::timeout, .message = "the runner does not answer"}); })),
      watch_(loop, socket_.fd(), {.read = true}, [this](loop::Interest ready) {
          on_ready_for(ready);
      }) {}

void RunnerChannel::arm() {
    watch_.set_interest({.read = !ended_, .write = !ended_ && socket_.wants_to_write()});
}

void RunnerChannel::end(Error error) {
    if (ended_)
        return;
    ended_ = true;
    arm();
    loop_.post([weak = std::weak_ptr<RunnerChannel*>(self_), error = std::move(error)]() mutable {
        if (const std::shared_ptr<RunnerChannel*> self = weak.lock())
            (*self)->observer_.on_end((*self)->run_, std::move(error));
    });
}

void RunnerChannel::send(const wire::Message& message, std::vector<Fd> descriptors) {
    if (ended_)
        return;
    if (Status sent = socket_.send(message, std::move(descriptors)); !sent)
        return end(std::move(sent).error());
    arm();
}

void RunnerChannel::execute(const Execution& execution, std::optional<Fd> spool) {
    wire::Execute execute;
    execute.call = execution.call;
    execute.tool = execution.tool;
    execute.timeout_ms = execution.timeout.count();
    execute.output_limit_bytes = execution.output_limit_bytes;
    if (hello_ && hello_->version >= wire::kPreparedVersion)
        execute.recorded = execution.recorded;
    std::vector<Fd> descriptors;
    if (spool) {
        execute.spool = true;
        descriptors.push_back(std::move(*spool));
    }
    execute.input_in_memfd = execution.input.size() > wire::kPayloadBytes;
    if (execute.input_in_memfd) {
        Result<Fd> file = wire::sealed_input(execution.input);
        if (!file)
            return end(std::move(file).error());
        descriptors.push_back(std::move(*file));
    } else {
        execute.input = execution.input;
    }
    send(execute, std::move(descriptors));
}

void RunnerChannel::proceed(const CallId& call) {
    send(wire::Proceed{call});
}

void RunnerChannel::cancel(const CallId& call) {
    send(wire::Cancel{call});
}

void RunnerChannel::acknowledge(const CallId& call) {
    send(wire::Acknowledge{call});
}

void RunnerChannel::on_ready_for(loop::Interest ready) {
    if (ended_)
        return;
    if (ready.write) {
        if (Status flushed = socket_.flush(); !flushed)
            return end(std::move(flushed).error());
        arm();
    }
    if (ready.read)
        read();
}

void RunnerChannel::read() {
    // The observer may destroy this channel in any message.
    const std::weak_ptr<RunnerChannel*> alive = self_;
    while (!alive.expired() && !ended_) {
        Result<std::optional<wire::Received>> received = socket_.receive();
        if (!received)
            return end(std::move(received).error());
        if (!received->has_value())
            return;
        const Status handled = handle(std::move((*received)->message));
        if (!handled && !alive.expired())
            return end(handled.error());
    }
}

Status RunnerChannel::handle(wire::Message message) {
    if (const wire::Refused* refused = std::get_if<wire::Refused>(&message))
        return fail(Errc::protocol_error, "the runner refuses: " + refused->reason);
    if (wire::HelloReply* hello = std::get_if<wire::HelloReply>(&message)) {
        if (hello_)
            return fail(Errc::protocol_error, "the runner says hello twice");
        hello_ = std::move(*hello);
        known_.running = hello_->running;
        awaited_.insert(hello_->finished.begin(), hello_->finished.end());
        awaits_project_ = hello_->version >= wire::kProjectVersion;
        if (!awaits_project_)
            known_.project = {true, {}, "its runner is of a version that does not read it"};
        finish_hello();
        return {};
    }
    if (!hello_)
        return fail(Errc::protocol_error, "the runner does not say hello first");
    if (wire::ProjectPermissions* project = std::get_if<wire::ProjectPermissions>(&message)) {
        if (!std::exchange(awaits_project_, false))
            return fail(Errc::protocol_error, "the runner says twice what its project permits");
        known_.project = {project->found, std::move(project->text), std::move(project->error)};
        finish_hello();
        return {};
    }
    if (std::holds_alternative<wire::Progress>(message))
        return {};
    if (wire::Prepared* prepared = std::get_if<wire::Prepared>(&message)) {
        if (!ready_)
            return fail(
                Errc::protocol_error, "the runner prepares before it has told all it knows");
        observer_.on_prepared(run_, std::move(prepared->call), prepared->change);
        return {};
    }
    wire::Finished* finished = std::get_if<wire::Finished>(&message);
    if (finished == nullptr)
        return fail(Errc::protocol_error, "the runner sends what only a daemon sends");
    if (ready_) {
        observer_.on_outcome(run_, to_outcome(std::move(*finished)));
        return {};
    }
    if (awaited_.erase(finished->call) == 0)
        std::erase(known_.running, finished->call); // it ended while the outcomes were on their way
    known_.finished.push_back(to_outcome(std::move(*finished)));
    finish_hello();
    return {};
}

void RunnerChannel::finish_hello() {
    if (!awaited_.empty() || awaits_project_)
        return;
    ready_ = true;
    hello_timer_.reset();
    observer_.on_ready(run_, std::move(known_));
}

} // namespace kheish::scopes
