#include "scopes/scoped_run_host.hpp"

#include "base/log.hpp"
#include "scopes/cgroup.hpp"

#include <algorithm>
#include <utility>

namespace kheish::scopes {
namespace {

/// What a runner takes as input; longer ones are refused before they are sent.
constexpr std::size_t kInputBytes = std::size_t{16} << 20U;

void warn(std::string_view text, RunId run, const Error& error) {
    log(Level::warning,
        text,
        {{log_field::kRunId, run.to_string()}, {log_field::kError, error.to_string()}});
}

Error limits_not_kept(const std::vector<std::string>& degraded) {
    std::string names;
    for (const std::string& name : degraded)
        names.append(names.empty() ? "" : ", ").append(name);
    return {
        .code = Errc::sandbox_unavailable,
        .message = "this kernel cannot keep the limits of " + names +
                   ", which limits.require asks for (kheish.toml(5))"};
}

} // namespace

ScopedRunHost::ScopedRunHost(loop::Loop& loop, Timers& timers, Launcher& launcher, Places places)
    : loop_(loop), timers_(timers), launcher_(launcher), places_(std::move(places)),
      spools_(places_.spool_directory), self_(std::make_shared<ScopedRunHost*>(this)) {}

ScopedRunHost::~ScopedRunHost() = default;

void ScopedRunHost::post(UniqueFunction<void()> step) {
    loop_.post([weak = std::weak_ptr<ScopedRunHost*>(self_), step = std::move(step)]() mutable {
        if (!weak.expired())
            step();
    });
}

ScopedRunHost::Attempt* ScopedRunHost::find(RunId run, int number) {
    const std::map<RunId, Attempt>::iterator found = attempts_.find(run);
    return found != attempts_.end() && found->second.number == number ? &found->second : nullptr;
}

// --- beginning

void ScopedRunHost::launch(LaunchRequest request) {
    const RunId run = request.run;
    const int number = request.attempt;
    Attempt& attempt = attempts_[run];
    attempt = Attempt{};
    attempt.number = number;
    attempt.require_limits = request.limits.require;
    launcher_.start(
        std::move(request),
        Responder<Launcher::Started>([weak = std::weak_ptr<ScopedRunHost*>(self_), run, number](
                                         Result<Launcher::Started> started) {
            if (const std::shared_ptr<ScopedRunHost*> self = weak.lock())
                (*self)->on_started(run, number, std::move(started));
        }));
}

void ScopedRunHost::on_started(RunId run, int number, Result<Launcher::Started> started) {
    Attempt* attempt = find(run, number);
    if (attempt == nullptr || attempt->phase != Phase::launching) {
        // Stopped meanwhile. The launcher may have seen the stop before the start was through.
        if (started && attempt == nullptr)
            launcher_.stop(run, number, false, Responder<void>([](const Status& /*stopped*/) {}));
        return;
    }
    if (!started) {
        attempts_.erase(run);
        observer_->on_launch_failed(run, number, std::move(started).error());
        return;
    }
    attempt->socket = std::move(started->socket);
    attempt->degraded = std::move(started->degraded);
    attempt->phase = Phase::greeting;
    if (attempt->require_limits && !attempt->degraded.empty())
        return give_up(run, *attempt, limits_not_kept(attempt->degraded));
    connect(run, *attempt);
}

void ScopedRunHost::adopt(RunId run, int number) {
    if (Attempt* found = find(run, number); found != nullptr && found->phase == Phase::ending) {
        found->ending = Ending::lost; // its end is the answer
        found->reason = {.code = Errc::runner_lost, .message = "the attempt was being ended"};
        return;
    }
    Attempt& attempt = attempts_[run];
    attempt = Attempt{};
    attempt.number = number;
    attempt.phase = Phase::adopting;
    attempt.socket = places_.socket_directory + "/" + std::to_string(run.number) + ".sock";
    post([this, run, number] {
        if (Attempt* found = find(run, number); found != nullptr && found->phase == Phase::adopting)
            connect(run, *found);
    });
}

void ScopedRunHost::connect(RunId run, Attempt& attempt) {
    attempt.connected = false;
    Result<std::unique_ptr<RunnerChannel>> channel =
        RunnerChannel::connect(loop_, timers_, attempt.socket, run, attempt.number, *this);
    if (channel)
        attempt.channel = std::move(*channel);
    else if (channel.error().transient)
        connect_later(run, attempt);
    else
        give_up(run, attempt, std::move(channel).error());
}

void ScopedRunHost::connect_later(RunId run, Attempt& attempt) {
    attempt.timer = timers_.start(kReconnectDelay, [this, run, number = attempt.number] {
        if (Attempt* found = find(run, number); found != nullptr && found->phase != Phase::ending)
            connect(run, *found);
    });
}

// --- the channel

void ScopedRunHost::on_ready(RunId run, Adopted known) {
    Attempt& attempt = attempts_.at(run);
    const int number = attempt.number;
    const Phase phase = std::exchange(attempt.phase, Phase::live);
    attempt.connected = true;
    attempt.silent = 0;
    if (phase == Phase::live)
        return resume(run, attempt, known);
    for (Outcome& outcome : known.finished)
        settle(run, attempt, outcome);
    resume(run, attempt, Adopted{known.running, {}});
    if (phase == Phase::greeting)
        observer_->on_launched(
            run, number, {run_scope_name(run, number), attempt.degraded, std::move(known.project)});
    else
        observer_->on_adopted(run, number, std::move(known));
}

/// After a reconnection: what one side knows and the other does not is said again.
void ScopedRunHost::resume(RunId run, Attempt& attempt, const Adopted& known) {
    const int number = attempt.number;
    for (const Outcome& outcome : known.finished) {
        on_outcome(run, outcome);
        if (find(run, number) == nullptr || attempt.phase != Phase::live)
            return; // the observer had enough
    }
    for (const std::pair<const CallId, Execution>& entry : attempt.executions)
        if (std::find(known.running.begin(), known.running.end(), entry.first) ==
            known.running.end())
            send(run, attempt, entry.second);
    for (const CallId& call : attempt.cancelled)
        attempt.channel->cancel(call);
}

void ScopedRunHost::on_outcome(RunId run, Outcome outcome) {
    Attempt& attempt = attempts_.at(run);
    const std::deque<CallId>& acknowledged = attempt.acknowledged;
    if (std::find(acknowledged.begin(), acknowledged.end(), outcome.call) != acknowledged.end())
        return attempt.channel->acknowledge(outcome.call);
    if (attempt.told.contains(outcome.call))
        return;
    settle(run, attempt, outcome);
    observer_->on_finished(run, attempt.number, std::move(outcome));
}

void ScopedRunHost::on_prepared(RunId run, CallId call, codec::ContentChange change) {
    observer_->on_prepared(run, attempts_.at(run).number, std::move(call), change);
}

/// Books an outcome that is about to be told. Its spool is believed only as far as it is there.
void ScopedRunHost::settle(RunId run, Attempt& attempt, Outcome& outcome) {
    attempt.broken = 0;
    attempt.executions.erase(outcome.call);
    attempt.cancelled.erase(outcome.call);
    attempt.told.insert(outcome.call);
    const Result<std::int64_t> size = spools_.size_bytes(run, outcome.call);
    if (!outcome.spool) {
        if (const Status removed = spools_.remove(run, outcome.call); size && !removed)
            warn("A spool file that nothing refers to is left", run, removed.error());
        return;
    }
    if (size && *size == outcome.spool->size_bytes)
        return;
    log(Level::warning,
        "The spool file of a call is not what its runner says",
        {{log_field::kRunId, run.to_string()}, {log_field::kCallId, outcome.call.value}});
    outcome.spool.reset();
}

void ScopedRunHost::on_end(RunId run, Error error) {
    Attempt& attempt = attempts_.at(run);
    const bool answered = attempt.connected;
    attempt.channel.reset();
    attempt.connected = false;
    if (attempt.phase == Phase::greeting || (!answered && ++attempt.silent >= kSilentConnections))
        return give_up(run, attempt, std::move(error));
    const bool in_order = error.code == Errc::runner_lost;
    if (!in_order)
        warn("The channel to a runner broke", run, error);
    if (!in_order && ++attempt.broken >= kBrokenConnections)
        return give_up(run, attempt, std::move(error));
    // At once after a connection that worked: where nobody listens any more, that is the loss.
    if (answered && in_order)
        connect(run, attempt);
    else
        connect_later(run, attempt);
}

// --- calls

void ScopedRunHost::execute(RunId run, Execution execution) {
    const std::map<RunId, Attempt>::iterator found = attempts_.find(run);
    if (found == attempts_.end() || found->second.phase == Phase::ending)
        return;
    Attempt& attempt = found->second;
    if (execution.input.size() > kInputBytes) {
        post([this, run, number = attempt.number, call = execution.call] {
            if (find(run, number) == nullptr)
                return;
            Outcome outcome;
            outcome.call = call;
            outcome.kind = Outcome::Kind::failed;
            outcome.text = "the input is longer than 16 MiB";
            observer_->on_finished(run, number, std::move(outcome));
        });
        return;
    }
    const CallId call = execution.call;
    if (!attempt.executions.emplace(call, std::move(execution)).second)
        return;
    if (attempt.connected)
        send(run, attempt, attempt.executions.at(call));
}

void ScopedRunHost::send(RunId run, Attempt& attempt, const Execution& execution) {
    Result<Fd> spool = spools_.create(run, execution.call);
    if (spool)
        return attempt.channel->execute(execution, std::move(*spool));
    // The call does not depend on it: the model sees the excerpt either way.
    warn("A call runs without a spool file", run, spool.error());
    attempt.channel->execute(execution, std::nullopt);
}

void ScopedRunHost::proceed(RunId run, CallId call) {
    const std::map<RunId, Attempt>::iterator found = attempts_.find(run);
    // Without a connection the runner asks again on the next one.
    if (found != attempts_.end() && found->second.connected)
        found->second.channel->proceed(call);
}

void ScopedRunHost::cancel(RunId run, CallId call) {
    const std::map<RunId, Attempt>::iterator found = attempts_.find(run);
    if (found == attempts_.end() || found->second.phase == Phase::ending ||
        found->second.told.contains(call))
        return;
    found->second.cancelled.insert(call);
    if (found->second.connected)
        found->second.channel->cancel(call);
}

void ScopedRunHost::acknowledge(RunId run, CallId call) {
    const std::map<RunId, Attempt>::iterator found = attempts_.find(run);
    if (found == attempts_.end())
        return;
    Attempt& attempt = found->second;
    attempt.told.erase(call);
    if (attempt.connected)
        attempt.channel->acknowledge(call);
    attempt.acknowledged.push_back(std::move(call));
    if (attempt.acknowledged.size() > 2 * codec::runner::kKnownCalls)
        attempt.acknowledged.pop_front();
}

Result<std::string> ScopedRunHost::read_spool(
    RunId run, const CallId& call, std::int64_t offset_bytes, std::int64_t limit_bytes) {
    return spools_.read(run, call, offset_bytes, limit_bytes);
}

// --- the end

void ScopedRunHost::give_up(RunId run, Attempt& attempt, Error error) {
    const bool launched = attempt.phase != Phase::greeting;
    end(run, attempt, launched ? Ending::lost : Ending::launch_failed, std::move(error));
}

void ScopedRunHost::stop(RunId run, int number) {
    if (find(run, number) == nullptr) {
        if (attempts_.contains(run)) {
            // Another attempt is live, so this one's end was told: nothing of it is left.
            post([this, run, number] {
                const Accounting used = read_accounting(slice_directory(places_.runs_cgroup, run));
                observer_->on_stopped(run, number, used);
            });
            return;
        }
        attempts_[run].number = number;
    }
    end(run, attempts_.at(run), Ending::stopped, {});
}

void ScopedRunHost::end(RunId run, Attempt& attempt, Ending ending, Error reason) {
    const bool ends_already = attempt.phase == Phase::ending;
    attempt.phase = Phase::ending;
    attempt.ending = ending;
    attempt.reason = std::move(reason);
    if (ends_already)
        return;
    attempt.used = read_accounting(slice_directory(places_.runs_cgroup, run));
    attempt.channel.reset();
    attempt.connected = false;
    attempt.timer.reset();
    post([this, run, number = attempt.number] { stop_what_is_left(run, number); });
}

void ScopedRunHost::stop_what_is_left(RunId run, int number) {
    launcher_.stop(
        run,
        number,
        false,
        Responder<void>(
            [weak = std::weak_ptr<ScopedRunHost*>(self_), run, number](const Status& stopped) {
                if (const std::shared_ptr<ScopedRunHost*> self = weak.lock())
                    (*self)->on_stop_answered(run, number, stopped);
            }));
}

void ScopedRunHost::on_stop_answered(RunId run, int number, const Status& stopped) {
    Attempt* attempt = find(run, number);
    if (attempt == nullptr)
        return;
    // Nobody is left to stop where the scope is empty already.
    if (stopped || !is_populated(scope_directory(places_.runs_cgroup, run, number)))
        return finish_end(run, number);
    warn("A run's processes could not be stopped yet", run, stopped.error());
    attempt->timer =
        timers_.start(kStopRetryDelay, [this, run, number] { stop_what_is_left(run, number); });
}

void ScopedRunHost::finish_end(RunId run, int number) {
    Attempt ended = std::move(attempts_.at(run));
    attempts_.erase(run);
    if (ended.ending == Ending::launch_failed)
        return observer_->on_launch_failed(run, number, std::move(ended.reason));
    // The slice stays after its last process and has the final figures; where it does not, what was
    // read before the end is the best there is.
    Accounting used = read_accounting(slice_directory(places_.runs_cgroup, run));
    if (used.cpu_usage_us < ended.used.cpu_usage_us)
        used = ended.used;
    if (ended.ending == Ending::stopped)
        return observer_->on_stopped(run, number, used);
    observer_->on_lost(run, number, used, ended.reason.message);
}

void ScopedRunHost::release(RunId run) {
    attempts_.erase(run);
    launcher_.stop(run, 0, true, Responder<void>([run](const Status& released) {
                       // The sweep at the next start of the daemon tries again.
                       if (!released)
                           warn("A run's slice could not be released", run, released.error());
                   }));
}

void ScopedRunHost::sweep(
    std::vector<std::pair<RunId, int>> live, UniqueFunction<void(Status)> done) {
    launcher_.sweep(std::move(live), Responder<void>(std::move(done)));
}

} // namespace kheish::scopes
