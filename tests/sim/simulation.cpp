#include "simulation.hpp"

#include <cstdio>
#include <filesystem>

namespace kheish::sim {

namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kDay = 24 * 3600 * kSecond;
/// Three days of waiting for a provider, while people look every half minute, are 20,000 turns.
constexpr std::int64_t kTurnLimit = 400'000;
/// Of the calm before it is looked whether everything has come to its end.
constexpr std::int64_t kCalmCheckTurns = 20;

/// The files of a journal, in place of whatever is at `to`.
void copy_journal(const std::string& from, const std::string& to) {
    for (const char* suffix : {"", "-wal", ".acknowledged"}) {
        std::filesystem::remove(to + suffix);
        if (std::filesystem::exists(from + suffix))
            std::filesystem::copy_file(from + suffix, to + suffix);
    }
}

} // namespace

Simulation::Simulation(std::uint64_t seed, Options options)
    : options_(std::move(options)), random_(seed), entropy_(random_.fork()),
      machine_(agenda_, random_.fork(), oracle_),
      people_(agenda_, random_.fork(), oracle_, violations_) {
    draw_faults();
    if (options_.planted == Fault::act_before_writing)
        oracle_.overlook_order();
    std::filesystem::copy_file(
        options_.template_file, journal_file(), std::filesystem::copy_options::overwrite_existing);
}

Simulation::~Simulation() {
    if (daemon_)
        crash();
    for (const char* suffix :
         {"",
          "-wal",
          "-shm",
          ".lock",
          ".acknowledged",
          ".synced",
          ".synced-wal",
          ".synced.acknowledged"})
        std::filesystem::remove(journal_file() + suffix);
}

void Simulation::draw_faults() {
    using govern::Mode;
    settings_.permission_mode = random_.pick(std::vector{
        Mode::standard,
        Mode::standard,
        Mode::accept_edits,
        Mode::dont_ask,
        Mode::bypass_permissions});
    settings_.max_turns = random_.between(1, 8);
    if (random_.chance(300))
        settings_.context_limit_bytes = random_.between(100, 2000);
    if (random_.chance(400))
        settings_.approvals_expire_after = std::chrono::seconds(random_.between(1, 7200));
    if (random_.chance(250))
        settings_.approvals_remind_after = std::chrono::seconds(random_.between(1, 7200));
    if (random_.chance(250)) {
        settings_.approvals_escalate_after = std::chrono::seconds(random_.between(1, 7200));
        settings_.approvals_escalate_to = {Principal::user(1), Principal::token("ops")};
    }
    settings_.agent_uid = 990;
    crash_rate_ = random_.chance(800) ? random_.between(5, 80) : 0;
    failed_commit_rate_ = random_.chance(300) ? random_.between(5, 40) : 0;
    clock_rate_ = random_.chance(300) ? random_.between(1, 20) : 0;
    host_rate_ = random_.chance(300) ? random_.between(1, 30) : 0;
    chaos_turns_ = random_.between(50, 300);
    model_faults_ = {
        .error = random_.below(400),
        .network = random_.below(900),
        .final_error = random_.below(100),
        .nonsense = random_.below(200),
        .odd_stop = random_.below(60),
        .days_away = random_.below(20)};
    machine_.faults = {
        .launch_failure = random_.below(200),
        .launch_refusal = random_.below(100),
        .loss = random_.chance(600) ? random_.below(150) : 0};
    people_.meddling = random_.chance(500) ? random_.below(400) : 0;
    people_.answer_gates = random_.chance(900);
}

void Simulation::begin_calm() {
    trace("calm");
    is_calm_ = true;
    crash_rate_ = 0;
    failed_commit_rate_ = 0;
    clock_rate_ = 0;
    host_rate_ = 0;
    model_faults_ = {};
    machine_.faults = {};
    people_.meddling = 0;
}

void Simulation::trace(const std::string& text) const {
    if (options_.trace)
        std::fprintf(
            stderr,
            "step %lld, %.3f s: %s\n",
            static_cast<long long>(step_),
            static_cast<double>(agenda_.now_us()) / kSecond,
            text.c_str());
}

void Simulation::boot() {
    trace("boot");
    Result<std::unique_ptr<journal::SqliteJournal>> journal = journal::SqliteJournal::open(
        journal_file(),
        journal::Options{
            .durability = journal::Durability::off, .vfs = {}, .on_migration_progress = {}},
        clock_,
        entropy_);
    if (!journal) {
        violations_.add("the journal does not open: " + journal.error().to_string());
        return;
    }
    oracle_.on_opened(**journal);
    if (random_.chance(100)) // the administrator has changed it
        settings_.sandbox_profile = random_.chance(500) ? "default" : "strict";
    Daemon& daemon = daemon_.emplace();
    daemon.timers = std::make_unique<SimTimers>(agenda_, clock_);
    daemon.journal = std::make_unique<SimJournal>(std::move(*journal));
    daemon.journal->on_durable([this] { oracle_.catch_up(daemon_->journal->durable()); });
    if (options_.planted == Fault::act_before_writing)
        daemon.journal->act_before_writing();
    daemon.model = std::make_unique<SimModel>(
        agenda_, random_.fork(), oracle_, violations_, model_faults_, daemon.life);
    daemon.routes = std::make_unique<SimRoutes>(*daemon.model);
    daemon.web = std::make_unique<SimWeb>(agenda_, random_.fork(), oracle_, daemon.life);
    daemon.host =
        std::make_unique<SimHost>(machine_, oracle_, daemon.journal->durable(), daemon.life);
    daemon.secrets =
        std::make_unique<control::Secrets>(*daemon.journal, clock_, entropy_, nothing_given_);
    daemon.plane = std::make_unique<control::ControlPlane>(
        control::Outside{
            *daemon.journal,
            clock_,
            *daemon.timers,
            entropy_,
            *daemon.routes,
            *daemon.host,
            *daemon.secrets,
            *daemon.web,
            tools::all_tools()},
        settings_);
    const Status restored = daemon.plane->restore();
    violations_.require(
        restored.has_value(),
        "the daemon does not start: " + (restored ? "" : restored.error().to_string()));
    people_.reach(daemon.plane.get(), daemon.life);
}

void Simulation::crash() {
    ++crashes_;
    people_.reach(nullptr, {});
    daemon_->host->mute();
    daemon_->model->mute();
    daemon_->web->mute();
    daemon_->life.reset();
    machine_.on_daemon_death();
    daemon_->journal->bury();
    daemon_->plane.reset();
    daemon_.reset();
    oracle_.set_going_to_sleep(false);
}

void Simulation::turn() {
    if (!daemon_) {
        boot();
        return;
    }
    set_clock();
    disturb_host();
    const std::int64_t things = random_.between(1, 3);
    for (std::int64_t i = 0; i < things; ++i)
        (void)agenda_.step();
    const bool dies = random_.chance(crash_rate_);
    const bool dies_in_commit = dies && random_.chance(600);
    if (daemon_->journal->has_pending() && (!dies || dies_in_commit))
        commit(dies_in_commit);
    if (!dies)
        return;
    trace(dies_in_commit ? "crash in the commit" : "crash before the commit");
    crash();
    if (random_.chance(250))
        power_cut();
    // Meanwhile the world goes on.
    for (std::int64_t i = random_.below(6); i > 0; --i)
        (void)agenda_.step();
}

void Simulation::commit(bool dies) {
    if (options_.planted == Fault::lost_commit)
        copy_journal(journal_file(), journal_file() + ".synced");
    if (dies)
        daemon_->journal->die_after(static_cast<std::size_t>(random_.below(3)));
    if (random_.chance(failed_commit_rate_))
        daemon_->journal->fail_next();
    (void)daemon_->journal->commit();
}

void Simulation::power_cut() {
    trace("power cut");
    machine_.reboot();
    clock_.reboot(random_.between(-60 * kSecond, 60 * kSecond));
    if (std::filesystem::exists(journal_file() + ".synced"))
        copy_journal(journal_file() + ".synced", journal_file());
}

/// Not while something waits for its commit: a timer that was due when it fired is due then.
void Simulation::set_clock() {
    if (daemon_->journal->has_pending() || !random_.chance(clock_rate_))
        return;
    const std::int64_t jump_us = random_.between(-kDay, kDay);
    trace("the clock is set by " + std::to_string(jump_us / kSecond) + " s");
    clock_.set_wall(jump_us);
    daemon_->timers->on_clock_set();
}

void Simulation::disturb_host() {
    if (!random_.chance(host_rate_))
        return;
    oracle_.on_network_changed();
    if (random_.chance(500)) {
        trace("the network changes");
        daemon_->plane->on_network_changed();
        return;
    }
    trace("the machine goes to sleep");
    oracle_.set_going_to_sleep(true);
    daemon_->plane->before_sleep(Responder<void>([](const Result<void>& /*ready*/) {}));
    agenda_.in(random_.between(1, 30 * kSecond), daemon_->life, [this] {
        oracle_.set_going_to_sleep(false);
        daemon_->plane->after_sleep();
    });
}

bool Simulation::is_at_rest() const {
    if (!people_.is_content() || !daemon_ || daemon_->journal->has_pending())
        return false;
    for (const auto& [run, projection] : oracle_.runs()) {
        const engine::RunState& state = projection.state();
        const bool waits_for_people =
            !people_.answer_gates &&
            (state.status == engine::RunStatus::waiting_for_approval ||
             state.status == engine::RunStatus::waiting_for_user_question ||
             state.status == engine::RunStatus::queued) &&
            state.scope.phase == engine::ScopeState::Phase::none;
        if (!engine::is_settled(state) && !waits_for_people)
            return false;
    }
    return true;
}

Verdict Simulation::run() {
    people_.begin(static_cast<int>(random_.between(1, 3)), static_cast<int>(random_.between(1, 6)));
    boot();
    for (; step_ < kTurnLimit && !violations_.any(); ++step_) {
        if (step_ == chaos_turns_)
            begin_calm();
        turn();
        if (is_calm_ && step_ % kCalmCheckTurns == 0 && is_at_rest())
            break;
    }
    if (!violations_.any()) {
        violations_.require(step_ < kTurnLimit, "the world does not come to rest");
        violations_.require(people_.is_content(), people_.unmet());
        oracle_.check_end(people_.answer_gates);
        if (daemon_)
            oracle_.check_rows(daemon_->journal->durable());
        const std::string left = machine_.leftover_runners();
        violations_.require(left.empty(), "runners outlive their runs: " + left);
    }
    return {
        .violations = violations_.all(),
        .step = step_,
        .events = oracle_.events_seen(),
        .crashes = crashes_,
        .unsettled = oracle_.unsettled(),
        .record = oracle_.record_digest()};
}

} // namespace kheish::sim
