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

Json FakeService::status_view() const {
    return Json::object({{"status", "ready"}, {"ready", true}, {"process_id", 1}});
}

Json FakeService::capabilities_view() const {
    return Json::object({{"approvals", true}, {"api_revision", 3}});
}

Result<Principal> FakeService::session_owner(const SessionId& session) const {
    KHEISH_TRY(SessionSummary summary, session_summary(session));
    return std::move(summary.owner);
}

Result<Principal> FakeService::run_owner(RunId run) const {
    KHEISH_TRY(RunSummary summary, run_summary(run));
    return std::move(summary.owner);
}

Result<Principal> FakeService::approval_owner(const ApprovalId& approval) const {
    KHEISH_TRY(ApprovalSummary summary, approval_summary(approval));
    return std::move(summary.owner);
}

Status FakeService::allow(const Caller& caller, const Result<Principal>& owner) const {
    if (!owner)
        return fail(owner.error());
    if (*owner != caller.principal && !caller.acts_for_others)
        return fail(Errc::forbidden, "it belongs to " + owner->to_string());
    return {};
}

Json FakeService::view_of(const SessionSummary& session) const {
    Json view = Json::object(
        {{"session_id", session.session.value},
         {"owner", session.owner.to_string()},
         {"workspace", session.workspace},
         {"status", session.status},
         {"pending_approvals", 0},
         {"created_at_ms", session.created_us / 1000}});
    if (session.active_run)
        view.set("active_run_id", session.active_run->to_string());
    return view;
}

Json FakeService::view_of(const ApprovalSummary& approval) const {
    return Json::object(
        {{"id", approval.approval.value},
         {"run_id", approval.run.to_string()},
         {"session_id", approval.session.value},
         {"tool_name", approval.tool},
         {"input", Json::object({{"command", "rm -rf build"}})},
         {"summary", approval.summary},
         {"reason", approval.reason},
         {"digest", approval.digest},
         {"state", approval.state},
         {"requested_at_ms", approval.requested_us / 1000}});
}

Json FakeService::view_of(const Run& run) const {
    const RunSummary& summary = run.summary;
    Json view = Json::object(
        {{"run_id", summary.run.to_string()},
         {"session_id", summary.session.value},
         {"status", summary.status},
         {"submitted_at_ms", summary.submitted_us / 1000},
         {"request", Json::object({{"text_preview", summary.text_preview}, {"model", "m"}})},
         {"accounting",
          Json::object(
              {{"cpu_usage_us", summary.cpu_usage_us},
               {"input_tokens", summary.input_tokens},
               {"output_tokens", summary.output_tokens}})}});
    if (!summary.wait_reason.empty())
        view.set("wait_reason", summary.wait_reason);
    if (!summary.error.empty())
        view.set("error", summary.error);
    if (!run.output.empty())
        view.set("outputs", Json::array({Json::object({{"content", run.output}})}));
    Json pending = Json::array();
    for (const auto& [id, approval] : approvals_)
        if (approval.run == summary.run && approval.state == "pending")
            pending.append(view_of(approval));
    if (pending.size() > 0)
        view.set("pending_approvals", pending);
    return view;
}

Result<Json> FakeService::session_view(const Caller& caller, const SessionId& session) const {
    KHEISH_CHECK(allow(caller, session_owner(session)));
    return view_of(sessions_.at(session));
}

Result<Json> FakeService::sessions_view(const Caller& caller, const ListSessions&) const {
    Json list = Json::array();
    for (const auto& [id, session] : sessions_)
        if (allow(caller, session.owner))
            list.append(view_of(session));
    return list;
}

Result<Json>
FakeService::session_events_view(const Caller& caller, const SessionId& session) const {
    KHEISH_CHECK(allow(caller, session_owner(session)));
    return Json::object({{"run_events", Json::array()}});
}

Result<Json> FakeService::run_view(const Caller& caller, RunId run) const {
    KHEISH_CHECK(allow(caller, run_owner(run)));
    return view_of(runs_.at(run));
}

Result<Json> FakeService::runs_view(const Caller& caller, const ListRuns& request) const {
    Json list = Json::array();
    for (const auto& [id, run] : runs_)
        if (allow(caller, run.summary.owner) &&
            (!request.session || *request.session == run.summary.session))
            list.append(view_of(run));
    return list;
}

Result<Json> FakeService::run_events_view(const Caller& caller, RunId run) const {
    KHEISH_CHECK(allow(caller, run_owner(run)));
    Json list = Json::array();
    for (const Entry& entry : frames_)
        if (entry.run == run)
            list.append(Json::object(
                {{"id", entry.frame.id},
                 {"timestamp_ms", 1000},
                 {"event", Json::object({{"type", entry.frame.event}})}}));
    return list;
}

Result<Json>
FakeService::approvals_view(const Caller& caller, const std::optional<SessionId>& session) const {
    Json list = Json::array();
    for (const auto& [id, approval] : approvals_)
        if (allow(caller, approval.owner) && approval.state == "pending" &&
            (!session || *session == approval.session))
            list.append(Json::object(
                {{"session_id", approval.session.value},
                 {"run_id", approval.run.to_string()},
                 {"request", view_of(approval)}}));
    return list;
}

Result<Json> FakeService::approval_view(const Caller& caller, const ApprovalId& approval) const {
    KHEISH_CHECK(allow(caller, approval_owner(approval)));
    return view_of(approvals_.at(approval));
}

Result<SessionSummary> FakeService::session_summary(const SessionId& session) const {
    if (!sessions_.contains(session))
        return fail(Errc::session_not_found, "no session is named " + session.value);
    return sessions_.at(session);
}

Result<RunSummary> FakeService::run_summary(RunId run) const {
    if (!runs_.contains(run))
        return fail(Errc::run_not_found, "there is no " + run.to_string());
    return runs_.at(run).summary;
}

Result<ApprovalSummary> FakeService::approval_summary(const ApprovalId& approval) const {
    if (!approvals_.contains(approval))
        return fail(Errc::approval_not_found, "there is no " + approval.value);
    return approvals_.at(approval);
}

std::vector<SessionId> FakeService::live_sessions(std::size_t limit) const {
    std::vector<SessionId> ids;
    for (const auto& [id, session] : sessions_)
        if (session.ended_us == 0 && ids.size() < limit)
            ids.push_back(id);
    return ids;
}

std::vector<RunId> FakeService::live_runs(std::size_t limit) const {
    std::vector<RunId> ids;
    for (const auto& [id, run] : runs_)
        if (run.summary.finished_us == 0 && ids.size() < limit)
            ids.push_back(id);
    return ids;
}

std::vector<ApprovalId> FakeService::pending_approvals(std::size_t limit) const {
    std::vector<ApprovalId> ids;
    for (const auto& [id, approval] : approvals_)
        if (approval.state == "pending" && ids.size() < limit)
            ids.push_back(id);
    return ids;
}

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
    } else if (input.content.starts_with("fail")) {
        run.summary.error = "the model refused";
        end(run, "failed");
    } else if (!input.content.starts_with("hold")) {
        finish(id);
    }
}

void FakeService::submit_to_idle(
    const Caller& caller, SessionId session, SubmitInput input, Responder<SubmittedRun> responder) {
    submit(caller, std::move(session), std::move(input), std::move(responder));
}

void FakeService::interrupt_session(
    const Caller& caller, SessionId session, std::string reason, Responder<Json> responder) {
    if (const Status allowed = allow(caller, session_owner(session)); !allowed)
        return responder.fail(allowed.error());
    last_caller = caller;
    last_reason = std::move(reason);
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
    const Caller& caller, SessionId session, std::string reason, Responder<Json> responder) {
    if (const Status allowed = allow(caller, session_owner(session)); !allowed)
        return responder.fail(allowed.error());
    last_caller = caller;
    last_reason = std::move(reason);
    sessions_.at(session).ended_us = 3'000'000;
    if (listener_ != nullptr)
        listener_->on_session_changed(session, false, true);
    responder.answer(view_of(sessions_.at(session)));
}

void FakeService::cancel_run(
    const Caller& caller, RunId run, std::string reason, Responder<Json> responder) {
    if (const Status allowed = allow(caller, run_owner(run)); !allowed)
        return responder.fail(allowed.error());
    last_caller = caller;
    last_reason = std::move(reason);
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
    if (const Status allowed = allow(caller, approval_owner(resolution.approval)); !allowed)
        return responder.fail(allowed.error());
    ApprovalSummary& approval = approvals_.at(resolution.approval);
    if (approval.state != "pending")
        return responder.fail(
            Errc::approval_request_not_pending, approval.approval.value + " is not pending");
    last_caller = caller;
    last_reason = resolution.reason;
    approval.state = resolution.allow ? "allowed" : "denied";
    if (listener_ != nullptr)
        listener_->on_approval_changed(approval.approval, false, true);
    finish(approval.run);
    responder.answer(view_of(runs_.at(approval.run)));
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
