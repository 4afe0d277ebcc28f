#include "fake_service.hpp"

namespace kheish::control {

using codec::Json;

class FakeService::Reader final : public Subscription {
  public:
    Reader(FakeService& service, StreamFilter filter, EventSeq position, SubscriptionHandlers h)
        : service_(service), filter_(std::move(filter)), position_(position),
          handlers_(std::move(h)) {
        service_.subscriptions_.insert(this);
    }
    ~Reader() override { service_.subscriptions_.erase(this); }

    std::vector<Frame> read(std::size_t limit_bytes) override {
        std::vector<Frame> frames;
        std::size_t bytes = 0;
        while (position_ < service_.last_event() && (frames.empty() || bytes < limit_bytes)) {
            const Entry& entry = service_.frames_[static_cast<std::size_t>(position_++)];
            const bool wanted = (!filter_.run || *filter_.run == entry.run) &&
                                (!filter_.session || *filter_.session == entry.session);
            if (wanted) {
                frames.push_back(entry.frame);
                bytes += entry.frame.data.size();
            }
        }
        return frames;
    }
    EventSeq position() const override { return position_; }
    SubscriptionHandlers& handlers() { return handlers_; }

  private:
    FakeService& service_;
    StreamFilter filter_;
    EventSeq position_;
    SubscriptionHandlers handlers_;
};

Result<std::unique_ptr<Subscription>> FakeService::subscribe(
    const Caller& caller,
    const StreamFilter& filter,
    std::optional<EventSeq> cursor,
    SubscriptionHandlers handlers) {
    if (filter.run)
        KHEISH_CHECK(allow(caller, run_owner(*filter.run)));
    if (filter.session)
        KHEISH_CHECK(allow(caller, session_owner(*filter.session)));
    const EventSeq position = std::min(cursor.value_or(last_event()), last_event());
    return std::make_unique<Reader>(*this, filter, position, std::move(handlers));
}

void FakeService::create_session(
    const Caller& caller, CreateSession request, Responder<CreatedSession> responder) {
    last_caller = caller;
    last_session = request;
    const SessionId session =
        request.session.value_or(SessionId{"session-" + std::to_string(sessions_.size() + 1)});
    if (sessions_.contains(session)) {
        if (const Status allowed = allow(caller, session_owner(session)); !allowed)
            return responder.fail(allowed.error());
        return responder.answer(CreatedSession{session, view_of(sessions_.at(session)), false});
    }
    SessionSummary& summary = sessions_[session];
    summary.session = session;
    summary.owner = caller.principal;
    summary.workspace = request.workspace;
    summary.status = "idle";
    summary.created_us = 1'000'000;
    if (listener_ != nullptr)
        listener_->on_session_changed(session, true, false);
    responder.answer(CreatedSession{session, view_of(summary), true});
}

void FakeService::submit(
    const Caller& caller, SessionId session, SubmitInput input, Responder<SubmittedRun> responder) {
    if (const Status allowed = allow(caller, session_owner(session)); !allowed)
        return responder.fail(allowed.error());
    last_caller = caller;
    last_input = input;
    if (input.idempotency_key && keys_.contains(*input.idempotency_key)) {
        const RunId known = keys_.at(*input.idempotency_key);
        return responder.answer(SubmittedRun{known, view_of(runs_.at(known)), false});
    }
    const RunId id{static_cast<std::int64_t>(runs_.size()) + 1};
    if (input.idempotency_key)
        keys_[*input.idempotency_key] = id;
    Run& run = runs_[id];
    run.input = input.content;
    run.summary.run = id;
    run.summary.session = session;
    run.summary.owner = sessions_.at(session).owner;
    run.summary.status = "queued";
    run.summary.wait_reason = "queue";
    run.summary.text_preview = input.content;
    run.summary.submitted_us = 2'000'000;
    announce(run, true, false);
    responder.answer(SubmittedRun{id, view_of(run), true});
    run.summary.unit = "kheish-run-" + std::to_string(id.number) + "-1.scope";
    update(run, "running", "model");
    if (input.content.starts_with("gate")) {
        const ApprovalId gate{"approval-" + std::to_string(id.number) + "-1"};
        ApprovalSummary& approval = approvals_[gate];
        approval.approval = gate;
        approval.run = id;
        approval.session = session;
        approval.owner = run.summary.owner;
        approval.tool = "bash";
        approval.summary = "rm -rf build";
        approval.state = "pending";
        approval.digest = std::string(64, 'a');
        update(run, "waiting_for_approval", "approval");
        if (listener_ != nullptr)
            listener_->on_approval_changed(gate, true, false);
    } else if (input.content.starts_with("ask")) {
        ask(run);
    } else if (input.content.starts_with("fail")) {
        run.summary.error = "the model refused";
        end(run, "failed");
    } else if (input.content.starts_with("away")) {
        refusals_ = 2;
        refusal_ = Errc::service_unavailable;
    } else if (input.content.starts_with("draining")) {
        refusals_ = 2;
        refusal_ = Errc::daemon_draining;
    } else if (!input.content.starts_with("hold")) {
        finish(id);
    }
}

void FakeService::submit_to_idle(
    const Caller& caller, SessionId session, SubmitInput input, Responder<SubmittedRun> responder) {
    submit(caller, std::move(session), std::move(input), std::move(responder));
}

void FakeService::interrupt_session(
    const Caller& caller, SessionId session, EndRequest request, Responder<Json> responder) {
    if (const Status allowed = allow(caller, session_owner(session)); !allowed)
        return responder.fail(allowed.error());
    last_caller = caller;
    last_reason = std::move(request.reason);
    bool interrupted = false;
    for (auto& [id, run] : runs_)
        if (run.summary.session == session && run.summary.finished_us == 0) {
            end(run, "interrupted");
            interrupted = true;
        }
    responder.answer(
        Json::object({{"interrupted", interrupted}, {"snapshot", view_of(sessions_.at(session))}}));
}

void FakeService::end_session(
    const Caller& caller, SessionId session, EndRequest request, Responder<Json> responder) {
    if (const Status allowed = allow(caller, session_owner(session)); !allowed)
        return responder.fail(allowed.error());
    last_caller = caller;
    last_reason = std::move(request.reason);
    sessions_.at(session).ended_us = 3'000'000;
    if (listener_ != nullptr)
        listener_->on_session_changed(session, false, true);
    responder.answer(view_of(sessions_.at(session)));
}

void FakeService::cancel_run(
    const Caller& caller, RunId run, EndRequest request, Responder<Json> responder) {
    if (const Status allowed = allow(caller, run_owner(run)); !allowed)
        return responder.fail(allowed.error());
    last_caller = caller;
    last_reason = std::move(request.reason);
    if (runs_.at(run).summary.finished_us == 0)
        end(runs_.at(run), "cancelled");
    responder.answer(view_of(runs_.at(run)));
}

void FakeService::resolve_approvals(
    const Caller& caller, RunId, ResolveApprovals request, Responder<Json> responder) {
    resolve_approval(caller, std::move(request), std::move(responder));
}

void FakeService::resolve_session_approvals(
    const Caller& caller, SessionId, ResolveApprovals request, Responder<Json> responder) {
    resolve_approval(caller, std::move(request), std::move(responder));
}

void FakeService::resolve_approval(
    const Caller& caller, ResolveApprovals request, Responder<Json> responder) {
    const Resolution& resolution = request.resolutions.front();
    const std::vector<Principal>& others = approvals_.at(resolution.approval).escalated_to;
    const Status allowed = allow(caller, approval_owner(resolution.approval));
    if (!allowed && std::find(others.begin(), others.end(), caller.principal) == others.end())
        return responder.fail(allowed.error());
    ApprovalSummary& approval = approvals_.at(resolution.approval);
    if (approval.state != "pending")
        return responder.fail(
            Errc::approval_request_not_pending, approval.approval.value + " is not pending");
    last_caller = caller;
    last_reason = resolution.reason;
    last_resolutions = request.resolutions;
    approval.state =
        resolution.behavior == control::Resolution::Behavior::allow ? "allowed" : "denied";
    if (listener_ != nullptr)
        listener_->on_approval_changed(approval.approval, false, true);
    finish(approval.run);
    responder.answer(view_of(runs_.at(approval.run)));
}

void FakeService::ask(Run& run) {
    const QuestionId id{"question-" + std::to_string(run.summary.run.number) + "-1"};
    QuestionSummary& question = questions_[id];
    question.question = id;
    question.run = run.summary.run;
    question.session = run.summary.session;
    question.owner = run.summary.owner;
    question.summary = "Which color?";
    question.state = "pending";
    question.requested_us = 2'000'000;
    update(run, "waiting_for_user_question", "question");
    if (listener_ != nullptr)
        listener_->on_question_changed(id, true, false);
}

void FakeService::resolve_question(
    const Caller& caller, RunId run, ResolveQuestion request, Responder<Json> responder) {
    if (const Status allowed = allow(caller, run_owner(run)); !allowed)
        return responder.fail(allowed.error());
    QuestionSummary& question = questions_.at(request.question);
    if (question.state != "pending")
        return responder.fail(
            Errc::question_resolution_conflict, request.question.value + " has an answer");
    last_caller = caller;
    question.state = request.declined ? "declined" : "answered";
    last_answer = std::move(request);
    if (listener_ != nullptr)
        listener_->on_question_changed(question.question, false, true);
    finish(run);
    responder.answer(view_of(runs_.at(run)));
}

void FakeService::resolve_session_question(
    const Caller& caller, SessionId, ResolveQuestion request, Responder<Json> responder) {
    const RunId run = questions_.at(request.question).run;
    resolve_question(caller, run, std::move(request), std::move(responder));
}

void FakeService::cancel_question(
    const Caller& caller, RunId run, CancelQuestion request, Responder<Json> responder) {
    questions_.at(request.question).state = "void";
    cancel_run(caller, run, {std::move(request.justification)}, std::move(responder));
}

void FakeService::when_at_rest(RunId, UniqueFunction<void()> done) {
    done();
}

void FakeService::finish(RunId run) {
    Run& row = runs_.at(run);
    if (row.summary.finished_us != 0)
        return;
    row.output = "done: " + row.input;
    add_frame(
        run,
        "trace",
        Json::object(
            {{"type", "trace"},
             {"trace",
              Json::object(
                  {{"kind",
                    Json::object(
                        {{"type", "tool_started"},
                         {"tool_name", "bash"},
                         {"call_id", "call-1-1"}})}})}}));
    add_frame(
        run,
        "output",
        Json::object({{"type", "output"}, {"output", Json::object({{"content", row.output}})}}));
    end(row, "completed");
}

void FakeService::finish_all() {
    for (const RunId run : live_runs(runs_.size()))
        finish(run);
}

void FakeService::update(Run& run, std::string status, std::string wait_reason) {
    run.summary.status = std::move(status);
    run.summary.wait_reason = std::move(wait_reason);
    announce(run, false, false);
}

void FakeService::end(Run& run, std::string status) {
    run.summary.status = std::move(status);
    run.summary.wait_reason.clear();
    run.summary.finished_us = 5'000'000;
    announce(run, false, true);
}

void FakeService::announce(const Run& run, bool appeared, bool ended) {
    add_frame(
        run.summary.run,
        "run_updated",
        Json::object({{"type", "run_updated"}, {"run", view_of(run)}}));
    if (listener_ != nullptr)
        listener_->on_run_changed(run.summary.run, appeared, ended);
}

void FakeService::add_frame(RunId run, std::string_view event, const Json& data) {
    Entry entry;
    entry.frame = {.id = last_event() + 1, .event = event, .data = codec::canonical_json(data)};
    entry.run = run;
    entry.session = runs_.contains(run) ? runs_.at(run).summary.session : SessionId{};
    frames_.push_back(std::move(entry));
    const std::set<Reader*> readers = subscriptions_;
    for (Reader* const reader : readers)
        if (subscriptions_.contains(reader) && reader->handlers().on_available)
            reader->handlers().on_available();
}

void FakeService::send_transient(std::string_view text) {
    const Frame frame{
        .id = 0,
        .event = "text_delta",
        .data = codec::canonical_json(Json::object({{"text", text}}))};
    const std::set<Reader*> readers = subscriptions_;
    for (Reader* const reader : readers)
        if (subscriptions_.contains(reader))
            reader->handlers().on_transient(frame);
}

} // namespace kheish::control
