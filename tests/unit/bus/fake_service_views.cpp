// What the fake service shows; its changes are in the file beside it.

#include "fake_service.hpp"

namespace kheish::control {

using codec::Json;

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
    if (refusals_ > 0) {
        --refusals_;
        return fail(refusal_, "call again");
    }
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

Json FakeService::view_of(const QuestionSummary& question) const {
    const Json red = Json::object({{"id", "red"}, {"label", "Red"}});
    const Json blue = Json::object({{"id", "blue"}, {"label", "Blue"}, {"description", "calm"}});
    const Json asked = Json::object(
        {{"id", "color"}, {"question", question.summary}, {"options", Json::array({red, blue})}});
    return Json::object(
        {{"session_id", question.session.value},
         {"run_id", question.run.to_string()},
         {"state", question.state},
         {"request",
          Json::object({{"id", question.question.value}, {"questions", Json::array({asked})}})}});
}

Result<Principal> FakeService::question_owner(const QuestionId& question) const {
    KHEISH_TRY(QuestionSummary summary, question_summary(question));
    return summary.owner;
}

Result<QuestionSummary> FakeService::question_summary(const QuestionId& question) const {
    if (!questions_.contains(question))
        return fail(Errc::question_not_found, "there is no " + question.value);
    return questions_.at(question);
}

Result<Json>
FakeService::questions_view(const Caller& caller, const std::optional<SessionId>& session) const {
    Json list = Json::array();
    for (const auto& [id, question] : questions_)
        if (allow(caller, question.owner) && question.state == "pending" &&
            (!session || *session == question.session))
            list.append(view_of(question));
    return list;
}

Result<Json> FakeService::question_view(const Caller& caller, const QuestionId& question) const {
    KHEISH_CHECK(allow(caller, question_owner(question)));
    return view_of(questions_.at(question));
}

std::vector<QuestionId> FakeService::pending_questions(std::size_t limit) const {
    std::vector<QuestionId> ids;
    for (const auto& [id, question] : questions_)
        if (question.state == "pending" && ids.size() < limit)
            ids.push_back(id);
    return ids;
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

} // namespace kheish::control
