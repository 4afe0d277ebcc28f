// How a run carries out what engine::decide asks for: journaled effects become events of one batch
// and acts after its commit, standing effects begin once and live until they are not asked for.

#include "control/run_actor.hpp"

#include "base/log.hpp"
#include "control/conversions.hpp"
#include "control/prompt.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kheish::control {

namespace {

/// Up to a tenth more, so that runs that failed together do not come back together.
std::chrono::microseconds with_jitter(std::chrono::microseconds delay, Entropy& entropy) {
    std::array<std::byte, 2> bytes{};
    entropy.fill(bytes);
    const std::int64_t share =
        std::to_integer<std::int64_t>(bytes[0]) * 256 + std::to_integer<std::int64_t>(bytes[1]);
    return delay + delay * share / (10 * 65536);
}

engine::EventBody terminal_event(const engine::Finish& finish) {
    switch (finish.status) {
    case engine::RunStatus::completed:
        return engine::RunCompleted{};
    case engine::RunStatus::cancelled:
        return engine::RunCancelled{.reason = finish.reason};
    case engine::RunStatus::interrupted:
        return engine::RunInterrupted{.reason = finish.reason};
    default:
        return engine::RunFailed{.code = finish.code, .error = finish.reason};
    }
}

} // namespace

void RunActor::advance() {
    if (committing_ || broken_)
        return;
    Plan plan{.batch = agent_batch(), .standing = {}};
    for (const engine::Effect& effect : engine::decide(state())) {
        std::visit(Planner{*this, plan}, effect);
        if (broken_)
            return;
    }
    std::erase_if(
        standing_, [&plan](const auto& entry) { return !plan.standing.contains(entry.first); });
    if (!plan.batch.events.empty())
        commit(std::move(plan.batch));
}

bool RunActor::plan_event(Plan& plan, engine::EventBody body) {
    const std::string type(engine::event_type(body));
    const Status staged = stage(plan.batch, std::move(body));
    if (!staged && !broken_)
        break_off(Error(staged.error()).wrap(type));
    return staged.has_value();
}

void RunActor::stand(Plan& plan, std::string key, UniqueFunction<std::unique_ptr<Timer>()> begin) {
    plan.standing.insert(key);
    if (!standing_.contains(key))
        standing_.emplace(std::move(key), begin());
}

/// `fire`, posted to the actor if it is still there.
UniqueFunction<void()> RunActor::posting(UniqueFunction<void()> fire) {
    return [weak = weak_from_this(), fire = std::move(fire)]() mutable {
        if (const std::shared_ptr<RunActor> self = weak.lock())
            self->post(std::move(fire));
    };
}

void RunActor::stand_timer(
    Plan& plan, std::string key, std::chrono::microseconds delay, UniqueFunction<void()> fire) {
    stand(plan, std::move(key), [this, delay, fire = std::move(fire)]() mutable {
        return outside_.timers.start(delay, posting(std::move(fire)));
    });
}

void RunActor::stand_until(
    Plan& plan, std::string key, const Deadline& deadline, UniqueFunction<void()> fire) {
    stand(plan, std::move(key), [this, deadline, fire = std::move(fire)]() mutable {
        return outside_.timers.start_until(deadline, outside_.clock, posting(std::move(fire)));
    });
}

void RunActor::launch_now(int attempt) {
    record(
        engine::LaunchRequested{.attempt = attempt, .boot_id = outside_.clock.boot_id()},
        [self = shared_from_this(), attempt] { self->launch(attempt); });
}

void RunActor::launch(int attempt) {
    outside_.host.launch(scopes::LaunchRequest{
        .run = run(),
        .attempt = attempt,
        .run_as = state().request.run_as,
        .workspace = state().request.workspace,
        .profile = settings_.sandbox_profile,
        .limits = settings_.limits});
}

void RunActor::stop_now(int attempt) {
    record(engine::ScopeStopRequested{.attempt = attempt}, [self = shared_from_this(), attempt] {
        self->outside_.host.stop(self->run(), attempt);
    });
}

void RunActor::Planner::operator()(const engine::Launch& effect) {
    const int attempt = effect.attempt;
    if (effect.delay > std::chrono::microseconds(0)) {
        actor.stand_timer(
            plan, "launch-" + std::to_string(attempt), effect.delay, [&actor = actor, attempt] {
                actor.launch_now(attempt);
            });
        return;
    }
    if (actor.plan_event(
            plan,
            engine::LaunchRequested{.attempt = attempt, .boot_id = actor.outside_.clock.boot_id()}))
        plan.batch.acts.emplace_back(
            [self = actor.shared_from_this(), attempt] { self->launch(attempt); });
}

void RunActor::Planner::operator()(const engine::AdoptRunner& effect) {
    actor.stand(
        plan,
        "adopt-" + std::to_string(effect.attempt),
        [&actor = actor, attempt = effect.attempt]() -> std::unique_ptr<Timer> {
            actor.outside_.host.adopt(actor.run(), attempt);
            return nullptr;
        });
}

void RunActor::Planner::operator()(const engine::StopScope& effect) {
    const int attempt = effect.attempt;
    if (effect.delay > std::chrono::microseconds(0)) {
        actor.stand_timer(
            plan, "stop-" + std::to_string(attempt), effect.delay, [&actor = actor, attempt] {
                actor.stop_now(attempt);
            });
        return;
    }
    if (actor.plan_event(plan, engine::ScopeStopRequested{.attempt = attempt}))
        plan.batch.acts.emplace_back([self = actor.shared_from_this(), attempt] {
            self->outside_.host.stop(self->run(), attempt);
        });
}

void RunActor::Planner::operator()(const engine::AbortModel& /*effect*/) {
    actor.end_model_call();
}

void RunActor::Planner::operator()(const engine::ScheduleModelRetry& effect) {
    const std::chrono::microseconds delay = with_jitter(effect.delay, actor.outside_.entropy);
    (void)actor.plan_event(
        plan,
        engine::ModelRetryScheduled{
            .turn = effect.turn,
            .attempt = effect.attempt,
            .network = effect.network,
            .deadline = Deadline::after(delay.count(), actor.outside_.clock),
            .credential = effect.credential});
}

void RunActor::Planner::operator()(const engine::ArmRetryTimer& effect) {
    actor.stand_until(
        plan,
        "retry-" + std::to_string(effect.turn) + "-" + std::to_string(effect.attempt),
        effect.deadline,
        [&actor = actor, turn = effect.turn, attempt = effect.attempt] {
            actor.record(engine::ModelRetryDue{.turn = turn, .attempt = attempt});
        });
}

void RunActor::Planner::operator()(const engine::CancelCall& effect) {
    actor.stand(
        plan,
        "cancel-" + effect.call.value,
        [&actor = actor, call = effect.call, place = effect.place]() -> std::unique_ptr<Timer> {
            if (place != ToolPlace::runner) // not from within a plan
                return actor.outside_.timers.start(
                    std::chrono::microseconds(0),
                    actor.posting([&actor, call] { actor.cancel_fetch(call); }));
            actor.outside_.host.cancel(actor.run(), call);
            return nullptr;
        });
}

void RunActor::Planner::operator()(const engine::SettleCall& effect) {
    engine::ToolFinished finished;
    finished.call = effect.call;
    finished.outcome = effect.outcome;
    finished.is_error = effect.is_error;
    if (effect.blob) {
        finished.text = *effect.blob;
    } else {
        finished.text = codec::blob_ref(effect.text);
        finished.text_preview = preview_of(effect.text);
        plan.batch.blobs.push_back(effect.text);
    }
    (void)actor.plan_event(plan, std::move(finished));
}

void RunActor::Planner::operator()(const engine::RecordOutput& effect) {
    const Result<std::string> bytes = actor.outside_.journal.blob(effect.message.digest);
    const Result<models::Message> message =
        bytes ? models::decode_message(*bytes) : Result<models::Message>(fail(bytes.error()));
    if (!message) {
        actor.break_off(message.error());
        return;
    }
    const std::string text = text_of(*message);
    plan.batch.blobs.push_back(text);
    (void)actor.plan_event(
        plan,
        engine::OutputRecorded{
            .source_kind = "assistant_text", .content = codec::blob_ref(text), .call = {}});
}

void RunActor::Planner::operator()(const engine::Finish& effect) {
    (void)actor.plan_event(plan, terminal_event(effect));
}

} // namespace kheish::control
