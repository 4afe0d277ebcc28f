#include "control/run_actor.hpp"

#include "base/log.hpp"
#include "control/conversions.hpp"
#include "control/idempotency.hpp"
#include "control/prompt.hpp"

#include <utility>

namespace kheish::control {

RunActor::RunActor(
    Outside outside, const Settings& settings, RunObserver& observer, RunProjection projection)
    : outside_(outside), settings_(settings), observer_(observer),
      projection_(std::move(projection)), progressed_boot_us_(outside_.clock.now().boot_us) {}

Batch RunActor::batch_of(Authority authority) const {
    Batch batch;
    batch.authority = std::move(authority);
    return batch;
}

Batch RunActor::agent_batch() const {
    return batch_of(state().authority.delegated_to(Principal::agent(state().agent.value)));
}

void RunActor::post(UniqueFunction<void()> stimulus) {
    if (committing_) {
        inbox_.push_back(std::move(stimulus));
        return;
    }
    if (!broken_)
        stimulus();
}

Status RunActor::stage(Batch& batch, engine::EventBody body) {
    engine::Event event;
    event.session = state().session;
    event.run = state().run;
    event.agent = state().agent;
    event.at_us = outside_.clock.now().wall_us;
    event.authority = batch.authority;
    event.body = std::move(body);
    Status applied = projection_.apply(event);
    const bool is_ahead = applied || !batch.events.empty();
    if (applied)
        applied = observer_.on_staged(event);
    if (!applied) {
        if (is_ahead)
            break_off(applied.error());
        return applied;
    }
    batch.events.push_back(std::move(event));
    return {};
}

void RunActor::commit(Batch batch) {
    KHEISH_ASSERT(!committing_ && !broken_);
    committing_ = true;
    journal::Write write;
    for (const engine::Event& event : batch.events)
        write.events.push_back(to_new_event(event));
    write.blobs = std::exchange(batch.blobs, {});
    write.rows = std::exchange(batch.rows, {});
    for (journal::Row& row : projection_.take_changed_rows())
        write.rows.push_back(std::move(row));
    write.receipt = std::exchange(batch.receipt, std::nullopt);
    std::vector<engine::Event> events = std::exchange(batch.events, {});
    outside_.journal.submit(
        std::move(write),
        Responder<journal::Committed>(
            [weak = weak_from_this(), events = std::move(events), batch = std::move(batch)](
                Result<journal::Committed> result) mutable {
                const std::shared_ptr<RunActor> self = weak.lock();
                if (self == nullptr)
                    return;
                if (result)
                    self->on_committed(std::move(events), std::move(batch), *result);
                else {
                    self->break_off(result.error());
                    if (batch.responder)
                        batch.responder.fail(result.error());
                }
            }));
}

void RunActor::on_committed(
    std::vector<engine::Event> events, Batch batch, journal::Committed committed) {
    committing_ = false;
    for (std::size_t i = 0; i < events.size(); ++i)
        events[i].seq = committed.first + static_cast<EventSeq>(i);
    const bool is_progress = std::any_of(events.begin(), events.end(), [](const auto& event) {
        return !std::holds_alternative<engine::RunStuckReported>(event.body);
    });
    if (is_progress)
        progressed_boot_us_ = outside_.clock.now().boot_us;
    observer_.on_committed(*this, events);
    for (UniqueFunction<void()>& act : batch.acts)
        act();
    if (batch.responder)
        batch.responder.answer({});
    drain();
}

void RunActor::drain() {
    while (!committing_ && !broken_ && !inbox_.empty()) {
        UniqueFunction<void()> stimulus = std::move(inbox_.front());
        inbox_.pop_front();
        stimulus();
    }
    advance();
}

void RunActor::break_off(const Error& error) {
    committing_ = false;
    broken_ = true;
    // Callers that wait in the inbox are answered by their Responders' destruction; runners keep
    // their outcomes until they are acknowledged, and a model is asked again.
    inbox_.clear();
    standing_.clear();
    fetches_.clear();
    end_model_call();
    log(Level::error,
        "a run is set aside until it can be loaded again",
        {{log_field::kRunId, run().to_string()}, {log_field::kError, error.to_string()}});
    observer_.on_broken(*this, error);
}

void RunActor::report_stuck(std::string reason) {
    post([self = shared_from_this(), reason = std::move(reason)] {
        self->record(engine::RunStuckReported{
            .wait_reason = std::string(engine::to_string(engine::wait_reason(self->state()))),
            .reason = reason});
    });
}

void RunActor::record(
    engine::EventBody body, UniqueFunction<void()> act, std::vector<std::string> blobs) {
    const std::string_view type = engine::event_type(body);
    Batch batch = daemon_batch();
    batch.blobs = std::move(blobs);
    const Status staged = stage(batch, std::move(body));
    if (!staged) {
        // A late or repeated report of something that the run is over with.
        log(Level::debug,
            "an event does not apply any more",
            {{log_field::kRunId, run().to_string()},
             {"KHEISH_EVENT", std::string(type)},
             {log_field::kError, staged.error().to_string()}});
        return;
    }
    if (act)
        batch.acts.push_back(std::move(act));
    commit(std::move(batch));
}

void RunActor::start() {
    post([self = shared_from_this()] {
        if (self->state().status == engine::RunStatus::queued)
            self->record(engine::RunStarted{});
    });
}

void RunActor::recover(std::string boot_id) {
    post([self = shared_from_this(), boot_id = std::move(boot_id)]() mutable {
        self->record(engine::RunRecovered{.boot_id = std::move(boot_id)});
    });
}

void RunActor::request_cancel(
    Authority authority,
    engine::RunCancelRequested request,
    std::optional<journal::IdempotencyReceipt> receipt,
    Responder<void> responder) {
    Batch batch = batch_of(std::move(authority));
    batch.receipt = std::move(receipt);
    batch.responder = std::move(responder);
    post([self = shared_from_this(),
          batch = std::move(batch),
          request = std::move(request)]() mutable {
        self->cancel_now(std::move(batch), std::move(request));
    });
}

void RunActor::cancel_now(Batch batch, engine::RunCancelRequested request) {
    // Looked at only now: the same request may have been under way when this one came.
    const Result<std::optional<journal::IdempotencyReceipt>> known =
        known_receipt(outside_.journal, batch.receipt);
    if (!known)
        return batch.responder.fail(known.error());
    const bool is_over = engine::is_terminal(state().status) || state().cancel_requested;
    if (*known || (is_over && !batch.receipt))
        return batch.responder.answer({}); // a repeated cancel changes nothing
    const Status staged = is_over ? Status() : stage(batch, std::move(request));
    if (staged)
        commit(std::move(batch));
    else
        batch.responder.fail(staged.error());
}

void RunActor::on_launched(int attempt, scopes::Launched launched) {
    post([self = shared_from_this(), attempt, launched = std::move(launched)]() mutable {
        engine::Launched event{attempt, std::move(launched.unit), std::move(launched.degraded)};
        std::vector<std::string> blobs;
        event.project = project_of(self->state(), launched.project, blobs);
        self->record(std::move(event), {}, std::move(blobs));
    });
}

void RunActor::on_launch_failed(int attempt, Error error) {
    post([self = shared_from_this(), attempt, error = std::move(error)] {
        const bool permanent =
            !error.transient &&
            (error.code == Errc::sandbox_unavailable || error.code == Errc::launch_refused ||
             error.code == Errc::forbidden || error.code == Errc::not_found);
        self->record(engine::LaunchFailed{attempt, error.to_string(), permanent});
    });
}

void RunActor::on_adopted(int attempt, scopes::Adopted adopted) {
    post([self = shared_from_this(), attempt, adopted = std::move(adopted)]() mutable {
        self->take_runner(attempt, std::move(adopted));
    });
}

void RunActor::take_runner(int attempt, scopes::Adopted adopted) {
    engine::RunnerAdopted event{
        .attempt = attempt, .running = std::move(adopted.running), .finished = {}};
    for (const scopes::Outcome& outcome : adopted.finished)
        event.finished.push_back(outcome.call);
    std::vector<std::string> blobs;
    event.project = project_of(state(), adopted.project, blobs);
    record(
        std::move(event),
        [self = shared_from_this(), finished = std::move(adopted.finished)]() mutable {
            for (scopes::Outcome& outcome : finished)
                self->on_finished(std::move(outcome));
        },
        std::move(blobs));
}

void RunActor::on_finished(scopes::Outcome outcome) {
    post([self = shared_from_this(), outcome = std::move(outcome)]() mutable {
        self->finish_call(std::move(outcome));
    });
}

void RunActor::finish_call(scopes::Outcome outcome) {
    const engine::CallState* call = state().find_call(outcome.call);
    const bool is_remote =
        call == nullptr || call->proposal.place == ToolPlace::runner; // or its runner asks again
    const auto acknowledge = [self = shared_from_this(), id = outcome.call, is_remote] {
        if (is_remote)
            self->outside_.host.acknowledge(self->run(), id);
    };
    if (call == nullptr || !call->is_in_flight()) {
        acknowledge(); // journaled before: the acknowledgement was lost
        return;
    }
    engine::ToolFinished finished;
    finished.call = outcome.call;
    finished.outcome = scopes::to_string(outcome.kind);
    finished.is_error = outcome.kind != scopes::Outcome::Kind::ok;
    finished.text = codec::blob_ref(outcome.text);
    finished.text_preview = preview_of(outcome.text);
    finished.exit_code = outcome.exit_code.value_or(-1);
    finished.truncated = outcome.truncated;
    finished.spool = outcome.spool;
    finished.duration_us = outcome.duration_us;
    Batch batch = agent_batch();
    batch.blobs.push_back(std::move(outcome.text));
    batch.acts.emplace_back(acknowledge);
    if (const Status staged = stage(batch, std::move(finished)); !staged) {
        log(Level::error,
            "the outcome of a call does not fit its run",
            {{log_field::kRunId, run().to_string()},
             {log_field::kCallId, outcome.call.value},
             {log_field::kError, staged.error().to_string()}});
        return;
    }
    commit(std::move(batch));
}

void RunActor::on_scope_ended(
    int attempt, bool lost, scopes::Accounting accounting, std::string reason) {
    engine::ScopeEnded ended{
        .attempt = attempt,
        .lost = lost,
        .reason = std::move(reason),
        .usage = to_engine(accounting)};
    post([self = shared_from_this(), ended = std::move(ended)]() mutable {
        self->end_scope(std::move(ended));
    });
}

void RunActor::end_scope(engine::ScopeEnded ended) {
    if (ended.lost)
        log(Level::warning,
            "the runner of a run is gone",
            {{log_field::kMessageId, std::string(log_message::kRunnerLost)},
             {log_field::kRunId, run().to_string()},
             {log_field::kUnit, run_scope_name(run(), ended.attempt)},
             {log_field::kError, ended.reason}});
    record(std::move(ended), [self = shared_from_this()] {
        if (engine::is_terminal(self->state().status))
            self->outside_.host.release(self->run());
    });
}

} // namespace kheish::control
