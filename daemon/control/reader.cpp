#include "control/reader.hpp"

#include "control/conversions.hpp"
#include "control/explain.hpp"

#include <algorithm>

namespace kheish::control {

using codec::Json;

namespace {

Json view_of(const journal::RunRow& row, const Result<RunDetails>& details) {
    if (details)
        return run_view(row, *details);
    return run_view(row, {}).set("view_error", details.error().to_string());
}

/// An object, or null where there is none.
Result<Json> scope_view(const std::string& journaled) {
    return journaled.empty() ? Result<Json>(Json()) : codec::parse_json(journaled);
}

} // namespace

Status Reader::check_owner(const Caller& caller, const std::string& owner) {
    if (caller.acts_for_others || caller.principal.to_string() == owner)
        return {};
    return fail(Errc::forbidden, "this belongs to " + owner);
}

Result<journal::SessionRow>
Reader::session_for(const Caller& caller, const SessionId& session) const {
    KHEISH_TRY(journal::SessionRow row, journal_.session(session));
    KHEISH_CHECK(check_owner(caller, row.owner));
    return row;
}

Result<journal::RunRow> Reader::run_for(const Caller& caller, RunId run) const {
    KHEISH_TRY(journal::RunRow row, journal_.run(run));
    KHEISH_CHECK(check_owner(caller, row.owner));
    return row;
}

bool is_escalated_to(const journal::ApprovalRow& row, const Principal& principal) {
    const std::vector<std::string> principals = escalated_to(row);
    return std::find(principals.begin(), principals.end(), principal.to_string()) !=
           principals.end();
}

Result<journal::ApprovalRow>
Reader::approval_for(const Caller& caller, const ApprovalId& approval) const {
    KHEISH_TRY(journal::ApprovalRow row, approval_row(approval));
    if (!is_escalated_to(row, caller.principal))
        KHEISH_CHECK(run_for(caller, row.run));
    return row;
}

// --- runs
// -----------------------------------------------------------------------------------------

std::optional<std::int64_t> Reader::queue_position(const journal::RunRow& row) const {
    if (row.status != "queued")
        return std::nullopt;
    const Result<engine::SessionState> line = supervisor_.session(row.session);
    if (!line)
        return row.queue_position;
    const std::vector<RunId>& queued = line->queued;
    const auto found = std::find(queued.begin(), queued.end(), row.run);
    return found == queued.end() ? row.queue_position : found - queued.begin();
}

/// Old content may have been pruned; what is left of it is its name.
Result<std::string> Reader::content_of(const codec::BlobRef& ref) const {
    Result<std::string> content = journal_.blob(ref.digest);
    if (content || content.error().code != Errc::not_found)
        return content;
    return "[pruned: " + std::to_string(ref.size_bytes) + " bytes with SHA-256 " +
           ref.digest.to_hex() + "]";
}

Result<RunDetails> Reader::details_of(const journal::RunRow& row) const {
    RunDetails details;
    details.queue_position = queue_position(row);
    if (row.pending_approvals > 0 || row.status == "waiting_for_user_question") {
        const journal::ApprovalFilter filter{
            .session = {}, .run = row.run, .owner = {}, .state = journal::ApprovalState::pending};
        KHEISH_TRY(
            journal::Page<journal::ApprovalRow> page,
            journal_.approvals(filter, {.after = {}, .limit = journal::kPageLimit}));
        for (journal::ApprovalRow& approval : page.items) {
            KHEISH_TRY(std::string input, journal_.blob(approval.input.digest));
            details.approvals.push_back(std::move(approval));
            details.approval_inputs.push_back(std::move(input));
        }
    }
    KHEISH_TRY(
        journal::Page<journal::OutputRow> outputs,
        journal_.outputs(row.run, {.after = {}, .limit = kListedOutputs}));
    for (journal::OutputRow& output : outputs.items) {
        KHEISH_TRY(std::string content, content_of(output.content));
        details.outputs.push_back(std::move(output));
        details.output_contents.push_back(std::move(content));
    }
    return details;
}

Json Reader::run_of(const journal::RunRow& row) const {
    return view_of(row, details_of(row));
}

Json Reader::explained_run_of(const journal::RunRow& row) const {
    const Result<RunDetails> details = details_of(row);
    const std::shared_ptr<RunActor> actor = supervisor_.find(row.run);
    Surroundings surroundings;
    if (actor != nullptr)
        surroundings.state = actor->committed_state();
    if (const Result<engine::SessionState> line = supervisor_.session(row.session))
        surroundings.active_run = line->active;
    surroundings.writable = journal_.health().writable;
    Json view = view_of(row, details);
    return view.set("explanation", explain(row, details.value_or(RunDetails{}), surroundings));
}

Result<Json> Reader::run(RunId run) const {
    KHEISH_TRY(const journal::RunRow row, journal_.run(run));
    return run_of(row);
}

Result<Json> Reader::runs(const Caller& caller, const ListRuns& request) const {
    journal::RunFilter filter;
    filter.session = request.session;
    if (request.session)
        KHEISH_CHECK(session_for(caller, *request.session));
    if (!caller.acts_for_others)
        filter.owner = caller.principal.to_string();
    if (request.live_only)
        filter.live = true;
    journal::PageRequest page{
        .after = {},
        .limit = static_cast<std::size_t>(request.page.limit),
        .order = request.page.ascending ? journal::Order::ascending : journal::Order::descending};
    if (!request.page.cursor.empty()) {
        KHEISH_TRY(page.after, parse_page_cursor(request.page.cursor));
    }
    KHEISH_TRY(const journal::Page<journal::RunRow> rows, journal_.runs(filter, page));
    std::vector<Json> items;
    for (const journal::RunRow& row : rows.items)
        items.push_back(run_of(row));
    std::int64_t total = 0;
    if (request.page.enveloped) {
        KHEISH_TRY(total, journal_.count_runs(filter));
    }
    return list_view(std::move(items), request.page, total, rows.has_more, rows.next);
}

Result<Json> Reader::events(const journal::EventFilter& filter) const {
    Json list = Json::array();
    EventSeq cursor = 0;
    while (list.size() < kListedEvents) {
        KHEISH_TRY(
            const journal::Page<journal::StoredEvent> page,
            journal_.events(
                cursor, filter, std::min(journal::kPageLimit, kListedEvents - list.size())));
        for (const journal::StoredEvent& stored : page.items) {
            KHEISH_TRY(const engine::Event event, to_event(stored));
            list.append(event_entry(event));
        }
        if (!page.has_more)
            break;
        cursor = page.next;
    }
    return list;
}

Result<Json> Reader::run_events(RunId run) const {
    return events({.session = {}, .run = run});
}

Result<Json> Reader::output_of(const engine::Event& event) const {
    const auto* recorded = std::get_if<engine::OutputRecorded>(&event.body);
    if (recorded == nullptr)
        return fail(Errc::internal, "not an output event");
    KHEISH_TRY(const std::string content, content_of(recorded->content));
    const journal::OutputRow row{
        .run = event.run,
        .session = event.session,
        .index = 0,
        .source_kind = recorded->source_kind,
        .content = recorded->content,
        .at_us = event.at_us,
        .call = recorded->call};
    return output_view(row, content);
}

// --- approvals
// ------------------------------------------------------------------------------------

Result<Json> Reader::approval(const journal::ApprovalRow& row) const {
    KHEISH_TRY(const std::string input, content_of(row.input));
    return approval_view(row, input);
}

Result<journal::Page<journal::ApprovalRow>> Reader::pending(
    const Caller& caller, const std::optional<SessionId>& session, bool questions) const {
    journal::ApprovalFilter filter;
    filter.state = journal::ApprovalState::pending;
    filter.session = session;
    filter.questions = questions;
    if (session)
        KHEISH_CHECK(session_for(caller, *session));
    if (!caller.acts_for_others)
        (questions ? filter.owner : filter.decider) = caller.principal.to_string();
    return journal_.approvals(filter, {.after = {}, .limit = journal::kPageLimit});
}

Result<journal::ApprovalRow> Reader::approval_row(const ApprovalId& approval) const {
    Result<journal::ApprovalRow> row = journal_.approval(approval);
    if (row && row->kind == journal::GateKind::question)
        return fail(Errc::approval_not_found, approval.value + " is a question");
    return row;
}

Result<journal::ApprovalRow> Reader::question(const QuestionId& question) const {
    Result<journal::ApprovalRow> row = journal_.approval(ApprovalId{question.value});
    const bool is_other = row ? row->kind != journal::GateKind::question
                              : row.error().code == Errc::approval_not_found;
    if (is_other)
        return fail(Errc::question_not_found, "there is no question '" + question.value + "'");
    return row;
}

Result<Json> Reader::pending_question(const journal::ApprovalRow& row) const {
    KHEISH_TRY(const std::string input, journal_.blob(row.input.digest));
    Json view = Json::object({
        {"session_id", row.session.value},
        {"agent_id", primary_agent(row.session).value},
        {"run_id", row.run.to_string()},
        {"requester_tool_call_id", row.call.value},
        {"request", question_request_view(row, input)},
    });
    return add_resolution(view, row);
}

Result<Json>
Reader::questions(const Caller& caller, const std::optional<SessionId>& session) const {
    KHEISH_TRY(const journal::Page<journal::ApprovalRow> page, pending(caller, session, true));
    Json list = Json::array();
    for (const journal::ApprovalRow& row : page.items) {
        KHEISH_TRY(Json view, pending_question(row));
        list.append(std::move(view));
    }
    return list;
}

Result<Json>
Reader::approvals(const Caller& caller, const std::optional<SessionId>& session) const {
    KHEISH_TRY(const journal::Page<journal::ApprovalRow> page, pending(caller, session, false));
    Json list = Json::array();
    for (const journal::ApprovalRow& row : page.items) {
        KHEISH_TRY(Json view, approval(row));
        // The contract nests the request below the ids.
        list.append(Json::object({
            {"session_id", row.session.value},
            {"run_id", row.run.to_string()},
            {"request", view},
        }));
    }
    return list;
}

// --- sessions
// -------------------------------------------------------------------------------------

std::optional<journal::RunRow> Reader::active_run(const SessionId& session) const {
    const Result<engine::SessionState> line = supervisor_.session(session);
    if (!line || !line->active)
        return std::nullopt;
    Result<journal::RunRow> row = journal_.run(line->active);
    if (!row)
        return std::nullopt;
    return std::move(*row);
}

Result<Json> Reader::session(const SessionId& session) const {
    KHEISH_TRY(const journal::SessionRow row, journal_.session(session));
    SessionDetails details;
    details.active = active_run(session);
    KHEISH_TRY(details.credential_scope, scope_view(row.credential_scope));
    KHEISH_TRY(details.capability_scope, scope_view(row.capability_scope));
    if (row.permission_rules) {
        KHEISH_TRY(const std::string rules, journal_.blob(row.permission_rules->digest));
        KHEISH_TRY(details.permission_rules, codec::parse_json(rules));
    }
    const journal::RunFilter filter{.session = session, .owner = {}, .status = {}, .live = {}};
    KHEISH_TRY(
        const journal::Page<journal::RunRow> newest,
        journal_.runs(filter, {.after = {}, .limit = 1, .order = journal::Order::descending}));
    if (!newest.items.empty()) {
        const journal::RunRow& run = newest.items.front();
        details.last_error = run.error;
        KHEISH_TRY(const RunDetails outputs, details_of(run));
        for (std::size_t i = 0; i < outputs.outputs.size(); ++i)
            details.outputs.push_back(output_view(outputs.outputs[i], outputs.output_contents[i]));
        if (!outputs.output_contents.empty())
            details.last_answer = outputs.output_contents.back();
        details.events = run.last_seq;
    }
    const journal::ApprovalFilter pending{
        .session = session, .run = {}, .owner = {}, .state = journal::ApprovalState::pending};
    KHEISH_TRY(
        const journal::Page<journal::ApprovalRow> gates,
        journal_.approvals(pending, {.after = {}, .limit = journal::kPageLimit}));
    for (const journal::ApprovalRow& gate : gates.items) {
        KHEISH_TRY(const std::string input, journal_.blob(gate.input.digest));
        if (gate.kind == journal::GateKind::question)
            details.pending_questions.push_back(question_request_view(gate, input));
        else
            details.pending_approvals.push_back(approval_view(gate, input));
    }
    return session_view(row, details);
}

Result<Json> Reader::sessions(const Caller& caller, const ListSessions& request) const {
    journal::SessionFilter filter;
    if (!caller.acts_for_others)
        filter.owner = caller.principal.to_string();
    journal::PageRequest page{
        .after = {},
        .limit = static_cast<std::size_t>(request.page.limit),
        .order = request.page.ascending ? journal::Order::ascending : journal::Order::descending};
    if (!request.page.cursor.empty()) {
        KHEISH_TRY(page.after, parse_page_cursor(request.page.cursor));
    }
    KHEISH_TRY(const journal::Page<journal::SessionRow> rows, journal_.sessions(filter, page));
    std::vector<Json> items;
    for (const journal::SessionRow& row : rows.items) {
        const std::optional<journal::RunRow> active = active_run(row.session);
        items.push_back(session_summary_view(
            row,
            active ? std::optional(active->status) : std::nullopt,
            active ? active->pending_approvals : 0));
    }
    std::int64_t total = 0;
    if (request.page.enveloped) {
        KHEISH_TRY(total, journal_.count_sessions(filter));
    }
    return list_view(std::move(items), request.page, total, rows.has_more, rows.next);
}

Result<Json> Reader::session_events(const SessionId& session) const {
    KHEISH_TRY(Json run_events, events({.session = session, .run = {}}));
    KHEISH_TRY(const Json view, this->session(session));
    return Json::object({
        {"session", view},
        {"daemon_outputs", *view.find("outputs")},
        {"run_events", run_events},
    });
}

Json Reader::session_state(const SessionId& session) const {
    const std::optional<journal::RunRow> active = active_run(session);
    return Json::object({
        {"session_id", session.value},
        {"agent_id", primary_agent(session).value},
        {"status", agent_status(active ? std::optional(active->status) : std::nullopt)},
        {"pending_approvals", active ? active->pending_approvals : 0},
        {"pending_questions", active && active->status == "waiting_for_user_question" ? 1 : 0},
    });
}

Result<SessionSummary> Reader::session_summary(const SessionId& session) const {
    KHEISH_TRY(const journal::SessionRow row, journal_.session(session));
    const std::optional<journal::RunRow> active = active_run(session);
    SessionSummary summary;
    summary.session = session;
    KHEISH_TRY(summary.owner, Principal::parse(row.owner));
    summary.workspace = row.workspace;
    summary.status = agent_status(active ? std::optional(active->status) : std::nullopt);
    summary.created_us = row.created_us;
    summary.ended_us = row.ended_us.value_or(0);
    if (active)
        summary.active_run = active->run;
    if (const Result<engine::SessionState> line = supervisor_.session(session))
        summary.queued_runs = static_cast<std::int64_t>(line->queued.size());
    return summary;
}

} // namespace kheish::control
