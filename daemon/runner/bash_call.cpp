#include "runner/bash_call.hpp"

#include "base/text.hpp"
#include "tools/limits.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <poll.h>
#include <unistd.h>

namespace kheish::runner {
namespace {

using codec::runner::Finished;

constexpr std::size_t kNotesBytes = 1024; ///< room for what is said after the output
constexpr std::chrono::milliseconds kProgressInterval{500};

void add_note(std::string& text, const std::string& note) {
    if (!text.empty() && text.back() != '\n')
        text.push_back('\n');
    text.append("[").append(truncate_utf8(note, kNotesBytes / 3)).append("]\n");
}

} // namespace

BashCall::BashCall(
    CallId call, Bounds bounds, std::optional<Fd> spool, codec::runner::PacketSocket& runner)
    : call_(std::move(call)), bounds_(bounds), runner_(runner), spool_(std::move(spool)),
      excerpt_(tools::kExcerptBytes - kNotesBytes - kExcerptNoteBytes) {}

Finished BashCall::run(const Command& command, const Confinement& confinement) {
    deadline_ = SteadyClock::now() + bounds_.timeout;
    next_progress_ = SteadyClock::now() + kProgressInterval;
    Result<IsolatedProcess> process = IsolatedProcess::start(command, confinement);
    if (!process) {
        CommandEnd end;
        end.not_started = process.error().to_string();
        return finished(end);
    }
    while (output_open_ || !ended_)
        pump(*process);
    return finished(process->wait());
}

std::chrono::milliseconds BashCall::until_next_step() const {
    const SteadyClock::time_point next =
        cut_ == Cut::none ? std::min(deadline_, next_progress_) : next_progress_;
    const SteadyClock::duration wait = next - SteadyClock::now();
    return std::max(
        std::chrono::ceil<std::chrono::milliseconds>(wait), std::chrono::milliseconds(0));
}

void BashCall::pump(const IsolatedProcess& process) {
    std::array<pollfd, 3> polled{
        pollfd{output_open_ ? process.output().get() : -1, POLLIN, 0},
        pollfd{ended_ ? -1 : process.ended().get(), POLLIN, 0},
        pollfd{cut_ == Cut::none ? runner_.fd() : -1, POLLIN, 0}};
    const int ready =
        ::poll(polled.data(), polled.size(), static_cast<int>(until_next_step().count()));
    if (ready > 0 && polled[0].revents != 0)
        read_output(process);
    if (ready > 0 && polled[1].revents != 0)
        ended_ = true;
    if (ready > 0 && polled[2].revents != 0)
        read_runner(process);
    if (cut_ == Cut::none && !ended_ && SteadyClock::now() >= deadline_)
        cut(process, Cut::timeout);
    report_progress();
}

void BashCall::read_output(const IsolatedProcess& process) {
    std::array<char, 65536> buffer{};
    const ssize_t count = ::read(process.output().get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR)
        return;
    if (count <= 0) {
        output_open_ = false;
        return;
    }
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(count));
    const std::int64_t room = bounds_.output_limit_bytes - excerpt_.total_bytes();
    const bool over = static_cast<std::int64_t>(bytes.size()) > room;
    if (over)
        bytes = bytes.substr(0, static_cast<std::size_t>(std::max<std::int64_t>(room, 0)));
    spool_.append(bytes);
    excerpt_.append(bytes);
    if (over && cut_ == Cut::none)
        cut(process, Cut::output);
}

void BashCall::read_runner(const IsolatedProcess& process) {
    const Result<std::optional<codec::runner::Received>> received = runner_.receive();
    // The end of this connection is the end of the runner, and with it of the run.
    const bool cancel =
        !received || (received->has_value() &&
                      std::holds_alternative<codec::runner::Cancel>((*received)->message));
    if (cancel)
        cut(process, Cut::cancel);
}

void BashCall::cut(const IsolatedProcess& process, Cut why) {
    cut_ = why;
    process.kill();
}

void BashCall::report_progress() {
    if (SteadyClock::now() < next_progress_)
        return;
    next_progress_ = SteadyClock::now() + kProgressInterval;
    if (excerpt_.total_bytes() == reported_bytes_)
        return;
    reported_bytes_ = excerpt_.total_bytes();
    // Display only: where the runner has no room for it, the next one says more.
    (void)runner_.send(codec::runner::Progress{call_, reported_bytes_});
}

Finished BashCall::finished(const CommandEnd& end) {
    Finished outcome;
    outcome.call = call_;
    const Excerpt::Text shown = excerpt_.text();
    outcome.text = shown.text;
    outcome.truncated = shown.truncated || cut_ == Cut::output;
    outcome.spool = spool_.finish();
    if (!spool_.problem().empty())
        add_note(outcome.text, "the full output could not be kept: " + spool_.problem());
    if (cut_ == Cut::timeout) {
        outcome.kind = Finished::Kind::timed_out;
        add_note(
            outcome.text,
            "killed with everything it started: it took longer than " +
                std::to_string(bounds_.timeout.count()) + " ms");
    } else if (cut_ == Cut::cancel) {
        outcome.kind = Finished::Kind::cancelled;
        add_note(outcome.text, "killed with everything it started: cancelled");
    } else if (!end.not_started.empty()) {
        outcome.kind = Finished::Kind::failed;
        add_note(outcome.text, "not started: " + to_valid_utf8(end.not_started));
    } else if (cut_ == Cut::output) {
        outcome.kind = Finished::Kind::failed;
        add_note(
            outcome.text,
            "killed with everything it started: more than " +
                std::to_string(bounds_.output_limit_bytes) + " bytes of output");
    } else {
        outcome.exit_code = end.exit_code;
        outcome.kind = end.exit_code == 0 ? Finished::Kind::ok : Finished::Kind::failed;
        if (end.signal != 0)
            add_note(outcome.text, "ended by signal " + std::to_string(end.signal));
        else if (end.exit_code != 0)
            add_note(outcome.text, "exit status " + std::to_string(end.exit_code));
    }
    return outcome;
}

} // namespace kheish::runner
