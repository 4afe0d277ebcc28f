#include "runner/call_table.hpp"

#include "tools/limits.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kheish::runner {
namespace {

using codec::runner::Execute;
using codec::runner::Finished;
using codec::runner::Message;

/// A run's calls over a whole attempt; beyond it nothing new is taken.
constexpr std::size_t kRememberedCalls = 200'000;
/// What a bash call gets beyond its own time to report its end itself.
constexpr std::chrono::seconds kReportTime{5};

/// The input that came as a memfd. Sealed, so that nobody changes it while it is read.
Result<std::string> read_input(const Fd& file) {
    constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    const int seals = ::fcntl(file.get(), F_GET_SEALS);
    if (seals < 0 || (seals & kSeals) != kSeals)
        return fail(Errc::protocol_error, "runner channel: an input is not a sealed memfd");
    if (::lseek(file.get(), 0, SEEK_SET) != 0)
        return fail_errno("rewinding an input", errno, Errc::protocol_error);
    return read_all(file.get(), tools::kMaxInputBytes);
}

std::chrono::milliseconds time_of(const Execute& execute) {
    return std::min(std::chrono::milliseconds(execute.timeout_ms), tools::kMaxTimeout);
}

std::int64_t microseconds_since(CallTable::SteadyClock::time_point start) {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               CallTable::SteadyClock::now() - start)
        .count();
}

} // namespace

CallTable::State CallTable::state(const CallId& call) const {
    if (running_.contains(call))
        return State::running;
    if (finished_.contains(call))
        return State::finished;
    return acknowledged_.contains(call.value) ? State::acknowledged : State::unknown;
}

const Finished* CallTable::outcome(const CallId& call) const {
    const std::map<CallId, Finished>::const_iterator found = finished_.find(call);
    return found != finished_.end() ? &found->second : nullptr;
}

std::vector<CallId> CallTable::in_state(State state) const {
    std::vector<CallId> calls;
    if (state == State::running)
        for (const std::pair<const CallId, Call>& entry : running_)
            calls.push_back(entry.first);
    if (state == State::finished)
        for (const std::pair<const CallId, Finished>& entry : finished_)
            calls.push_back(entry.first);
    return calls;
}

std::int64_t CallTable::output_bytes(const CallId& call) const {
    const std::map<CallId, Call>::const_iterator found = running_.find(call);
    return found != running_.end() ? found->second.output_bytes : 0;
}

std::vector<codec::runner::Prepared> CallTable::prepared() const {
    std::vector<codec::runner::Prepared> prepared;
    for (const std::pair<const CallId, Call>& entry : running_)
        if (entry.second.prepared && !entry.second.killed)
            prepared.push_back(*entry.second.prepared);
    return prepared;
}

void CallTable::proceed(const CallId& call) {
    const std::map<CallId, Call>::iterator found = running_.find(call);
    if (found == running_.end() || !found->second.prepared || found->second.killed)
        return;
    Call& entry = found->second;
    entry.prepared.reset();
    entry.deadline = SteadyClock::now() + time_of(entry.execute);
    // Where it is gone, its connection says so.
    (void)entry.process->proceed(call);
}

Status CallTable::add(Execute execute, std::vector<Fd> descriptors) {
    if (running_.size() + finished_.size() >= codec::runner::kKnownCalls ||
        acknowledged_.size() >= kRememberedCalls)
        return fail(Errc::rate_limited, "runner: too many calls");
    Call call;
    if (execute.input_in_memfd) {
        KHEISH_TRY(execute.input, read_input(descriptors.back()));
    }
    if (execute.spool)
        call.spool = std::move(descriptors.front());
    const CallId id = execute.call;
    call.execute = std::move(execute);
    running_.emplace(id, std::move(call));
    waiting_.push_back(id);
    start_waiting();
    return {};
}

void CallTable::start_waiting() {
    while (!waiting_.empty() && running_.size() - waiting_.size() < tools::kMaxParallelTools) {
        const CallId id = waiting_.front();
        waiting_.pop_front();
        start(id, running_.at(id));
    }
}

void CallTable::start(const CallId& id, Call& call) {
    const bool reports = call.execute.tool == "bash";
    call.started = SteadyClock::now();
    call.deadline =
        call.started + time_of(call.execute) + (reports ? kReportTime : std::chrono::seconds(0));
    Result<CallProcess> process =
        CallProcess::start(call.execute, std::move(call.spool), environment_);
    call.spool.reset();
    if (process) {
        call.process = std::move(*process);
        call.execute.input.clear();
        call.execute.input.shrink_to_fit();
        return;
    }
    Finished outcome;
    outcome.call = id;
    outcome.kind = Finished::Kind::failed;
    outcome.text = "not started: " + process.error().to_string();
    finished_.emplace(id, std::move(outcome));
    running_.erase(id);
    ended_early_.push_back(id);
}

void CallTable::kill(Call& call, Finished::Kind meaning) {
    if (call.killed)
        return;
    call.killed = true;
    call.kill_means = meaning;
    call.process->kill();
}

void CallTable::cancel(const CallId& call) {
    const std::map<CallId, Call>::iterator found = running_.find(call);
    if (found == running_.end())
        return;
    Call& entry = found->second;
    if (!entry.process) {
        std::erase(waiting_, call);
        Finished outcome;
        outcome.call = call;
        outcome.kind = Finished::Kind::cancelled;
        outcome.text = "cancelled before it started";
        finished_.emplace(call, std::move(outcome));
        running_.erase(found);
        ended_early_.push_back(call);
        return;
    }
    if (entry.process->request_cancel(entry.execute.tool, call)) {
        entry.kill_means = Finished::Kind::cancelled;
        entry.deadline = std::min(entry.deadline, SteadyClock::now() + kReportTime);
        return;
    }
    kill(entry, Finished::Kind::cancelled);
}

void CallTable::acknowledge(const CallId& call) {
    if (finished_.erase(call) > 0)
        acknowledged_.insert(call.value);
}

std::vector<std::pair<int, CallId>> CallTable::sockets() const {
    std::vector<std::pair<int, CallId>> sockets;
    for (const std::pair<const CallId, Call>& entry : running_)
        if (entry.second.process)
            sockets.emplace_back(entry.second.process->socket(), entry.first);
    return sockets;
}

Finished CallTable::died(const CallId& id, const Call& call) const {
    Finished outcome;
    outcome.call = id;
    outcome.kind = call.kill_means;
    if (call.kill_means == Finished::Kind::timed_out)
        outcome.text =
            "killed: it took longer than " + std::to_string(call.execute.timeout_ms) + " ms";
    else if (call.kill_means == Finished::Kind::cancelled)
        outcome.text = "killed: cancelled";
    else
        outcome.text = "the tool's process died before it could say what it did";
    return outcome;
}

Message CallTable::finish(const CallId& id, Finished outcome) {
    outcome.duration_us = microseconds_since(running_.at(id).started);
    running_.erase(id);
    finished_[id] = outcome;
    start_waiting();
    return outcome;
}

std::vector<Message> CallTable::read(const CallId& call) {
    std::vector<Message> messages;
    for (;;) {
        const std::map<CallId, Call>::iterator found = running_.find(call);
        if (found == running_.end() || !found->second.process)
            return messages;
        Result<std::optional<codec::runner::Received>> received =
            found->second.process->channel().receive();
        if (!received) {
            messages.push_back(finish(call, died(call, found->second)));
            return messages;
        }
        if (!received->has_value())
            return messages;
        Message& message = (*received)->message;
        if (const codec::runner::Progress* progress =
                std::get_if<codec::runner::Progress>(&message)) {
            found->second.output_bytes = progress->output_bytes;
            messages.push_back(message);
        }
        if (codec::runner::Prepared* prepared = std::get_if<codec::runner::Prepared>(&message)) {
            prepared->call = call;
            found->second.prepared = *prepared;
            messages.push_back(message);
        }
        if (Finished* outcome = std::get_if<Finished>(&message)) {
            outcome->call = call;
            messages.push_back(finish(call, std::move(*outcome)));
        }
    }
}

std::vector<Message> CallTable::enforce_deadlines() {
    std::vector<Message> messages;
    for (std::pair<const CallId, Call>& entry : running_) {
        Call& call = entry.second;
        if (!call.process || call.prepared || SteadyClock::now() < call.deadline)
            continue;
        const bool cancelled = call.kill_means == Finished::Kind::cancelled;
        kill(call, cancelled ? Finished::Kind::cancelled : Finished::Kind::timed_out);
    }
    while (!ended_early_.empty()) {
        if (const Finished* known = outcome(ended_early_.front()))
            messages.emplace_back(*known);
        ended_early_.pop_front();
    }
    return messages;
}

std::optional<CallTable::SteadyClock::time_point> CallTable::next_deadline() const {
    if (!ended_early_.empty())
        return SteadyClock::now();
    std::optional<SteadyClock::time_point> next;
    for (const std::pair<const CallId, Call>& entry : running_) {
        const Call& call = entry.second;
        if (call.process && !call.killed && !call.prepared && (!next || call.deadline < *next))
            next = call.deadline;
    }
    return next;
}

} // namespace kheish::runner
