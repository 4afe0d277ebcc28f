#include "machine.hpp"

#include <algorithm>

namespace kheish::sim {

namespace {

constexpr std::int64_t kMillisecond = 1000;
constexpr std::int64_t kSecond = 1'000'000;

codec::ContentChange change_of(const CallId& call) {
    return {codec::sha256(call.value + " before"), codec::sha256(call.value + " after")};
}

} // namespace

void Machine::connect(scopes::RunHostObserver* observer, const Life& life) {
    observer_ = observer;
    life_ = life;
}

Machine::Runner* Machine::find(RunId run, int attempt) {
    const auto found = runners_.find(run);
    return found == runners_.end() || found->second.attempt != attempt ? nullptr : &found->second;
}

scopes::ProjectPermissions Machine::project() {
    if (random_.chance(700))
        return {};
    if (random_.chance(20))
        return {.found = true, .text = {}, .error = "permission denied"};
    if (random_.chance(20))
        return {.found = true, .text = "rules = 7\n", .error = {}};
    std::string text = "[[rules]]\npattern = \"bash\"\nbehavior = \"deny\"\ncommand = \"make\"\n";
    if (random_.chance(500))
        text += "[[rules]]\npattern = \"read_file\"\nbehavior = \"ask\"\n";
    return {.found = true, .text = std::move(text), .error = {}};
}

scopes::Accounting Machine::accounting(RunId run) {
    return {
        .cpu_usage_us = cpu_us_[run],
        .memory_peak_bytes = {},
        .tasks_peak = 2,
        .io_read_bytes = {},
        .io_write_bytes = {}};
}

// --- launch and end of a runner
// -------------------------------------------------------------------

void Machine::launch(RunId run, int attempt) {
    if (random_.chance(faults.launch_failure)) {
        const bool refused = random_.chance(faults.launch_refusal);
        agenda_.in(random_.between(1, kSecond), life_, [this, run, attempt, refused] {
            const Errc code = refused ? Errc::launch_refused : Errc::service_unavailable;
            observer_->on_launch_failed(
                run, attempt, Error{.code = code, .message = "simulated", .transient = !refused});
        });
        return;
    }
    runners_[run] = Runner{.attempt = attempt, .is_up = false, .is_connected = false, .works = {}};
    // The launcher goes on whether or not the daemon lives.
    agenda_.in(random_.between(kMillisecond, 2 * kSecond), [this, run, attempt] {
        finish_launch(run, attempt);
    });
}

void Machine::finish_launch(RunId run, int attempt) {
    Runner* runner = find(run, attempt);
    if (runner == nullptr || runner->is_up)
        return;
    runner->is_up = true;
    cpu_us_[run] += random_.between(100, 1000);
    if (!life_ || runner->is_connected)
        return;
    runner->is_connected = true;
    observer_->on_launched(
        run, attempt, {.unit = run_scope_name(run, attempt), .degraded = {}, .project = project()});
}

void Machine::adopt(RunId run, int attempt) {
    agenda_.in(random_.between(kMillisecond, kSecond), life_, [this, run, attempt] {
        finish_adoption(run, attempt);
    });
}

void Machine::finish_adoption(RunId run, int attempt) {
    Runner* runner = find(run, attempt);
    if (runner == nullptr) {
        observer_->on_lost(run, attempt, accounting(run), "there is no runner");
        return;
    }
    runner->is_connected = true;
    if (!runner->is_up) {
        adopt(run, attempt); // it is being launched
        return;
    }
    scopes::Adopted adopted;
    for (const auto& [call, work] : runner->works) {
        if (work.is_running) {
            adopted.running.push_back(call);
        } else {
            adopted.finished.push_back(work.outcome);
            oracle_.on_reported(run, call);
        }
    }
    adopted.project = project();
    std::vector<CallId> prepared;
    for (const auto& [call, work] : runner->works)
        if (work.is_running && work.is_prepared)
            prepared.push_back(call);
    observer_->on_adopted(run, attempt, std::move(adopted));
    for (const CallId& call : prepared)
        agenda_.in(1, life_, [this, run, attempt, call] { tell_prepared(run, attempt, call); });
}

void Machine::forget(RunId run) {
    const auto found = runners_.find(run);
    if (found == runners_.end())
        return;
    for (const auto& [call, work] : found->second.works)
        agenda_.cancel(work.entry);
    runners_.erase(found);
}

void Machine::lose(RunId run, const std::string& reason) {
    const auto found = runners_.find(run);
    if (found == runners_.end())
        return;
    const int attempt = found->second.attempt;
    const bool is_connected = found->second.is_connected;
    forget(run);
    if (is_connected && life_)
        agenda_.in(random_.between(1, kMillisecond), life_, [this, run, attempt, reason] {
            observer_->on_lost(run, attempt, accounting(run), reason);
        });
}

void Machine::stop(RunId run, int attempt) {
    agenda_.in(random_.between(kMillisecond, kSecond), [this, run, attempt] {
        if (find(run, attempt) != nullptr)
            forget(run);
        if (life_)
            agenda_.in(1, life_, [this, run, attempt] {
                observer_->on_stopped(run, attempt, accounting(run));
            });
    });
}

void Machine::sweep(const std::vector<std::pair<RunId, int>>& live) {
    std::vector<RunId> killed;
    for (const auto& [run, runner] : runners_)
        if (std::find(live.begin(), live.end(), std::pair(run, runner.attempt)) == live.end()) {
            oracle_.on_swept(run, runner.attempt);
            killed.push_back(run);
        }
    for (const RunId run : killed)
        forget(run);
}

void Machine::on_daemon_death() {
    life_.reset();
    observer_ = nullptr;
    for (auto& [run, runner] : runners_)
        runner.is_connected = false;
    for (Delivery& delivery : deliveries_) {
        agenda_.cancel(delivery.entry);
        if (random_.chance(500))
            begin(delivery.run, delivery.attempt, std::move(delivery.execution));
    }
    deliveries_.clear();
}

void Machine::reboot() {
    while (!runners_.empty())
        forget(runners_.begin()->first);
    cpu_us_.clear();
}

std::string Machine::leftover_runners() const {
    std::string text;
    for (const auto& [run, runner] : runners_)
        text += run.to_string() + " attempt " + std::to_string(runner.attempt) + " ";
    return text;
}

// --- calls
// ----------------------------------------------------------------------------------------

void Machine::execute(RunId run, scopes::Execution execution) {
    const auto runner = runners_.find(run);
    const int attempt = runner == runners_.end() ? 0 : runner->second.attempt;
    deliveries_.push_back({run, attempt, std::move(execution), 0});
    const auto delivery = std::prev(deliveries_.end());
    delivery->entry =
        agenda_.in(random_.between(1, 50 * kMillisecond), [this, delivery] { deliver(delivery); });
}

void Machine::deliver(std::list<Delivery>::iterator delivery) {
    const RunId run = delivery->run;
    const int attempt = delivery->attempt;
    scopes::Execution execution = std::move(delivery->execution);
    deliveries_.erase(delivery);
    if (find(run, attempt) != nullptr && random_.chance(faults.loss))
        lose(run, "simulated: killed");
    else
        begin(run, attempt, std::move(execution));
}

void Machine::begin(RunId run, int attempt, scopes::Execution execution) {
    Runner* const runner = find(run, attempt);
    if (runner == nullptr || !runner->is_up)
        return;
    const CallId call = execution.call;
    Work& work = runner->works[call];
    work.execution = std::move(execution);
    const bool is_edit = work.execution.tool == "edit_file";
    const bool is_recorded = work.execution.recorded.has_value();
    work.entry = agenda_.in(
        random_.between(1, 20 * kSecond), [this, run, attempt, call, is_edit, is_recorded] {
            if (is_edit && is_recorded)
                reconcile(run, attempt, call);
            else if (is_edit)
                prepare(run, attempt, call);
            else
                happen(run, attempt, call);
        });
}

void Machine::prepare(RunId run, int attempt, const CallId& call) {
    Runner* runner = find(run, attempt);
    if (runner == nullptr)
        return;
    if (random_.chance(faults.loss)) {
        lose(run, "simulated: killed before it could change anything");
        return;
    }
    runner->works[call].is_prepared = true;
    tell_prepared(run, attempt, call);
}

void Machine::tell_prepared(RunId run, int attempt, const CallId& call) {
    const Runner* runner = find(run, attempt);
    if (!life_ || runner == nullptr || !runner->is_connected)
        return; // told again when somebody asks
    const auto work = runner->works.find(call);
    if (work != runner->works.end() && work->second.is_running && work->second.is_prepared)
        observer_->on_prepared(run, attempt, call, change_of(call));
}

void Machine::proceed(RunId run, const CallId& call) {
    agenda_.in(random_.between(1, 50 * kMillisecond), [this, run, call] {
        const auto found = runners_.find(run);
        if (found == runners_.end() || !found->second.works.contains(call))
            return;
        Work& work = found->second.works[call];
        if (!std::exchange(work.is_prepared, false) || !work.is_running)
            return;
        const int attempt = found->second.attempt;
        work.entry = agenda_.in(random_.between(1, kSecond), [this, run, attempt, call] {
            happen(run, attempt, call);
        });
    });
}

/// An execution before this one may have made the edit: it is looked for.
void Machine::reconcile(RunId run, int attempt, const CallId& call) {
    const Runner* runner = find(run, attempt);
    if (runner == nullptr)
        return;
    if (edited_.contains({run, call}))
        finish(run, attempt, call, scopes::Outcome::Kind::ok);
    else
        happen(run, attempt, call);
}

void Machine::happen(RunId run, int attempt, const CallId& call) {
    Runner* runner = find(run, attempt);
    oracle_.on_effect(run, call);
    edited_.emplace(run, call);
    // Only a daemon that acts twice leaves a step of work behind whose runner is gone.
    if (runner == nullptr)
        return;
    cpu_us_[run] += random_.between(100, 100'000);
    if (random_.chance(faults.loss)) {
        lose(run, "simulated: killed in the middle");
        return;
    }
    runner->works[call].entry =
        agenda_.in(random_.between(1, 20 * kSecond), [this, run, attempt, call] {
            const bool fails = random_.chance(200);
            finish(
                run,
                attempt,
                call,
                fails ? scopes::Outcome::Kind::failed : scopes::Outcome::Kind::ok);
        });
}

void Machine::finish(RunId run, int attempt, const CallId& call, scopes::Outcome::Kind kind) {
    Runner* const runner = find(run, attempt);
    if (runner == nullptr)
        return; // as in happen()
    Work& work = runner->works[call];
    agenda_.cancel(work.entry);
    work.is_running = false;
    work.outcome.call = call;
    work.outcome.kind = kind;
    work.outcome.text = "what " + call.value + " found";
    work.outcome.duration_us = random_.between(1, kSecond);
    work.entry = agenda_.in(random_.between(1, kMillisecond), [this, run, attempt, call] {
        report(run, attempt, call);
    });
}

void Machine::report(RunId run, int attempt, const CallId& call) {
    Runner* runner = find(run, attempt);
    if (!life_ || runner == nullptr || !runner->is_connected)
        return; // kept until somebody asks
    const scopes::Outcome outcome = runner->works[call].outcome;
    oracle_.on_reported(run, call);
    observer_->on_finished(run, attempt, outcome);
}

void Machine::cancel(RunId run, const CallId& call) {
    agenda_.in(random_.between(1, kSecond), [this, run, call] {
        const auto found = runners_.find(run);
        if (found == runners_.end() || !found->second.works.contains(call))
            return;
        if (found->second.works[call].is_running)
            finish(run, found->second.attempt, call, scopes::Outcome::Kind::cancelled);
    });
}

void Machine::acknowledge(RunId run, const CallId& call) {
    agenda_.in(random_.between(1, 10 * kMillisecond), life_, [this, run, call] {
        const auto found = runners_.find(run);
        if (found == runners_.end() || !found->second.works.contains(call))
            return;
        agenda_.cancel(found->second.works[call].entry);
        found->second.works.erase(call);
    });
}

} // namespace kheish::sim
