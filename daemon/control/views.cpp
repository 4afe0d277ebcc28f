#include "control/views.hpp"

#include "codec/digest.hpp"

#include "base/text.hpp"

#include <iterator>
#include <sstream>

namespace kheish::control {

namespace {

using codec::Json;

constexpr std::string_view kCursorPrefix = "after-";

Json json_or_text(const std::string& text) {
    return codec::parse_json(text, {.bytes = std::size_t{32} << 20U})
        .value_or(Json(to_valid_utf8(text)));
}

void set_text(Json& view, std::string_view key, const std::string& text) {
    if (!text.empty())
        view.set(key, text);
}

/// What a session was made with, and what holds of it: the same, as long as nobody stands above it.
void set_scope(Json& view, const std::string& key, const Json& scope) {
    if (scope.is_object())
        view.set(key, scope).set("effective_" + key, scope);
}

void set_time(Json& view, std::string_view key, const std::optional<std::int64_t>& at_us) {
    if (at_us)
        view.set(key, to_milliseconds(*at_us));
}

Json request_view(const journal::RunRow& row) {
    Json view = Json::object({
        {"source_plugin", row.source_plugin},
        {"source_kind", row.source_kind},
        {"actor_id", row.actor_id},
        {"text_preview", row.text_preview},
        {"provider", row.route},
        {"model", row.model},
        {"permission_mode", row.mode},
    });
    if (row.pending_approvals > 0)
        view.set("approval_count", row.pending_approvals);
    return view;
}

Json accounting_view(const journal::RunRow& row) {
    Json view = Json::object({
        {"cpu_usage_us", row.cpu_usage_us},
        {"turns", row.turns},
        {"input_tokens", row.tokens_input},
        {"output_tokens", row.tokens_output},
        {"cache_read_tokens", row.tokens_cache_read},
        {"cache_write_tokens", row.tokens_cache_write},
        {"scope_attempts", row.attempt},
    });
    view.set_optional("memory_peak_bytes", row.memory_peak_bytes);
    view.set_optional("tasks_peak", row.tasks_peak);
    view.set_optional("io_read_bytes", row.io_read_bytes);
    view.set_optional("io_write_bytes", row.io_write_bytes);
    if (row.started_us && row.finished_us)
        view.set("wall_us", *row.finished_us - *row.started_us);
    return view;
}

/// Two members: the ids, and what there is to each. Nothing where there are none.
void add_pending(Json& view, const std::string& noun, Json ids, Json requests) {
    if (ids.size() == 0)
        return;
    view.set("pending_" + noun + "_ids", std::move(ids));
    view.set("pending_" + noun + "s", std::move(requests));
}

void add_gates(Json& view, const RunDetails& details) {
    Json approval_ids = Json::array();
    Json approvals = Json::array();
    Json question_ids = Json::array();
    Json questions = Json::array();
    for (std::size_t i = 0; i < details.approvals.size(); ++i) {
        const journal::ApprovalRow& row = details.approvals[i];
        const std::string& input = details.approval_inputs[i];
        if (row.kind == journal::GateKind::question) {
            question_ids.append(row.approval.value);
            questions.append(question_request_view(row, input));
        } else {
            approval_ids.append(row.approval.value);
            approvals.append(approval_view(row, input));
        }
    }
    add_pending(view, "approval", std::move(approval_ids), std::move(approvals));
    add_pending(view, "question", std::move(question_ids), std::move(questions));
}

/// The word for a gate's state: a question is answered, where a call is allowed.
std::string_view state_word(const journal::ApprovalRow& row) {
    constexpr std::string_view kDecided[] = {"pending", "allowed", "denied", "void"};
    constexpr std::string_view kAnswered[] = {"pending", "answered", "declined", "void"};
    const auto state = static_cast<std::size_t>(row.state);
    return row.kind == journal::GateKind::question ? kAnswered[state] : kDecided[state];
}

std::string_view gate_word(journal::GateKind kind) {
    constexpr std::string_view kKinds[] = {"approval", "outcome_unknown", "question"};
    return kKinds[static_cast<std::size_t>(kind)];
}

} // namespace

std::int64_t to_milliseconds(std::int64_t microseconds) {
    return microseconds / 1000;
}

std::string_view agent_status(const std::optional<std::string>& run_status) {
    if (!run_status || *run_status == "queued")
        return "idle";
    if (*run_status == "waiting_for_approval")
        return "waiting_for_approval";
    if (*run_status == "waiting_for_user_question")
        return "waiting_for_user_input";
    return *run_status == "running" ? "running" : "idle";
}

std::vector<std::string> escalated_to(const journal::ApprovalRow& row) {
    std::istringstream words(row.escalated_to);
    return {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()};
}

Json approval_view(const journal::ApprovalRow& row, const std::string& input) {
    Json view = Json::object({
        {"id", row.approval.value},
        {"run_id", row.run.to_string()},
        {"session_id", row.session.value},
        {"tool_call_id", row.call.value},
        {"tool_name", row.tool},
        {"input", json_or_text(input)},
        {"gate", gate_word(row.kind)},
        {"scope", "session"},
        {"reason", row.reason},
        {"summary", row.summary},
        {"digest", row.digest.to_hex()},
        {"requested_at_ms", to_milliseconds(row.requested_us)},
    });
    set_time(view, "expires_at_ms", row.expires_us);
    if (!row.escalated_to.empty()) {
        Json principals = Json::array();
        for (const std::string& principal : escalated_to(row))
            principals.append(Json(principal));
        view.set("escalated_to", std::move(principals));
    }
    return add_resolution(std::move(view), row);
}

Json question_request_view(const journal::ApprovalRow& row, const std::string& input) {
    const Json asked = json_or_text(input);
    Json view = Json::object({
        {"id", row.approval.value},
        {"tool_call_id", row.call.value},
        {"questions", asked.is_object() ? asked.find("questions").value_or(Json()) : Json()},
        {"created_at_ms", to_milliseconds(row.requested_us)},
    });
    set_time(view, "expires_at_ms", row.expires_us);
    return view;
}

Json add_resolution(Json view, const journal::ApprovalRow& row) {
    view.set("state", state_word(row));
    set_time(view, "resolved_at_ms", row.resolved_us);
    set_text(view, "resolved_by", row.resolved_by);
    set_text(view, "resolution_reason", row.resolution_reason);
    return view;
}

Json output_view(const journal::OutputRow& row, const std::string& content) {
    Json view = Json::object({
        {"session_id", row.session.value},
        {"run_id", row.run.to_string()},
        {"content", to_valid_utf8(content)},
        {"source_kind", row.source_kind},
        {"address", Json()},
        {"recorded_at_ms", to_milliseconds(row.at_us)},
    });
    set_text(view, "tool_call_id", row.call.value);
    return view;
}

Json run_view(const journal::RunRow& row, const RunDetails& details) {
    Json view = Json::object({
        {"run_id", row.run.to_string()},
        {"session_id", row.session.value},
        {"agent_id", row.agent.value},
        {"kind", row.kind},
        {"status", row.status},
        {"submitted_at_ms", to_milliseconds(row.submitted_us)},
        {"updated_at_ms", to_milliseconds(row.updated_us)},
        {"request", request_view(row)},
        {"accounting", accounting_view(row)},
    });
    if (!row.wait_reason.empty())
        view.set("wait_reason", row.wait_reason)
            .set("waiting_since_ms", to_milliseconds(row.wait_since_us));
    set_time(view, "started_at_ms", row.started_us);
    set_time(view, "finished_at_ms", row.finished_us);
    view.set_optional("queued_position", details.queue_position);
    set_text(view, "unit", row.unit);
    if (row.cancel_requested)
        view.set("cancel_requested", true);
    if (!row.metadata.empty())
        view.set("input_metadata", json_or_text(row.metadata));
    add_gates(view, details);
    if (!details.outputs.empty()) {
        Json outputs = Json::array();
        for (std::size_t i = 0; i < details.outputs.size(); ++i)
            outputs.append(output_view(details.outputs[i], details.output_contents[i]));
        view.set("outputs", outputs);
    }
    set_text(view, "error", row.error);
    set_text(view, "error_code", row.error_code);
    return view;
}

Json session_view(const journal::SessionRow& row, const SessionDetails& details) {
    const std::optional<std::string> status =
        details.active ? std::optional(details.active->status) : std::nullopt;
    const std::string agent_id = primary_agent(row.session).value;
    Json agent = Json::object({
        {"id", agent_id},
        {"parent", Json()},
        {"conversation", Json::object({{"session_id", row.session.value}})},
        {"status", agent_status(status)},
        {"retention", "retain"},
        {"spawned_at_ms", to_milliseconds(row.created_us)},
        {"subtasks", Json::array()},
        {"sidechain_session_id", Json()},
        {"fork_context", Json()},
    });
    Json snapshot = Json::object({
        {"agent", agent},
        {"pending_approvals", Json::array(details.pending_approvals)},
        {"pending_questions", Json::array(details.pending_questions)},
        {"last_assistant_message",
         details.last_answer.empty() ? Json() : Json(to_valid_utf8(details.last_answer))},
        {"journal_len", details.events},
        {"checkpoint_len", 0},
        {"last_error", details.last_error.empty() ? Json() : Json(details.last_error)},
    });
    Json view = Json::object({
        {"session_id", row.session.value},
        {"agent_id", agent_id},
        {"owner", row.owner},
        {"run_as_uid", static_cast<std::int64_t>(row.run_as)},
        {"workspace", row.workspace},
        {"created_at_ms", to_milliseconds(row.created_us)},
        {"snapshot", snapshot},
        {"outputs", Json::array(details.outputs)},
    });
    set_text(view, "thread_id", row.thread_id);
    if (details.permission_rules.is_array())
        view.set("permission_rules", details.permission_rules);
    set_scope(view, "credential_scope", details.credential_scope);
    set_scope(view, "capability_scope", details.capability_scope);
    if (details.active)
        view.set("active_run_id", details.active->run.to_string());
    set_time(view, "ended_at_ms", row.ended_us);
    set_text(view, "end_reason", row.end_reason);
    return view;
}

Json session_summary_view(
    const journal::SessionRow& row,
    const std::optional<std::string>& active_status,
    std::int64_t pending_approvals) {
    Json view = Json::object({
        {"session_id", row.session.value},
        {"agent_id", primary_agent(row.session).value},
        {"owner", row.owner},
        {"workspace", row.workspace},
        {"created_at_ms", to_milliseconds(row.created_us)},
        {"status", agent_status(active_status)},
        {"pending_approvals", pending_approvals},
        {"pending_questions", active_status == "waiting_for_user_question" ? 1 : 0},
    });
    set_text(view, "thread_id", row.thread_id);
    set_time(view, "ended_at_ms", row.ended_us);
    return view;
}

RunSummary run_summary(const journal::RunRow& row) {
    RunSummary summary;
    summary.run = row.run;
    summary.session = row.session;
    // The journal writes principals it was given as such.
    summary.owner = Principal::parse(row.owner).value_or(Principal::daemon());
    summary.status = row.status;
    summary.wait_reason = row.wait_reason;
    summary.unit = row.finished_us ? std::string() : row.unit;
    summary.route = row.route;
    summary.model = row.model;
    summary.text_preview = escape_for_display(row.text_preview);
    summary.error = row.error;
    summary.submitted_us = row.submitted_us;
    summary.started_us = row.started_us.value_or(0);
    summary.finished_us = row.finished_us.value_or(0);
    summary.cpu_usage_us = row.cpu_usage_us;
    summary.input_tokens = row.tokens_input;
    summary.output_tokens = row.tokens_output;
    summary.pending_approvals = row.pending_approvals;
    return summary;
}

ApprovalSummary approval_summary(const journal::ApprovalRow& row, Principal owner) {
    ApprovalSummary summary;
    summary.approval = row.approval;
    summary.run = row.run;
    summary.session = row.session;
    summary.owner = std::move(owner);
    summary.tool = row.tool;
    summary.summary = row.summary;
    summary.reason = row.reason;
    summary.state = state_word(row);
    summary.digest = row.digest.to_hex();
    summary.requested_us = row.requested_us;
    summary.asks_permission = row.kind == journal::GateKind::approval;
    for (const std::string& text : escalated_to(row))
        if (Result<Principal> principal = Principal::parse(text))
            summary.escalated_to.push_back(*std::move(principal));
    return summary;
}

QuestionSummary question_summary(const journal::ApprovalRow& row, Principal owner) {
    QuestionSummary summary;
    summary.question = QuestionId{row.approval.value};
    summary.run = row.run;
    summary.session = row.session;
    summary.owner = std::move(owner);
    summary.summary = row.summary;
    summary.state = state_word(row);
    summary.requested_us = row.requested_us;
    summary.expires_us = row.expires_us.value_or(0);
    return summary;
}

Json route_view(const models::RouteView& route, bool is_default) {
    constexpr std::string_view kStates[] = {"ok", "warning", "error"};
    return Json::object({
        {"route_id", route.route_id},
        {"provider", route.driver},
        {"model", route.default_model},
        {"active", is_default},
        {"state", kStates[static_cast<std::size_t>(route.state)]},
        {"code", route.code},
        {"message", route.message},
    });
}

Json list_view(
    std::vector<Json> items,
    const Page& page,
    std::int64_t total_count,
    bool has_more,
    std::int64_t next) {
    Json list = Json::array(std::move(items));
    if (!page.enveloped)
        return list;
    Json pagination = Json::object({
        {"limit", page.limit},
        {"total_count", total_count},
        {"has_more", has_more},
        {"order", page.ascending ? "asc" : "desc"},
    });
    if (has_more)
        pagination.set(
            "next_cursor",
            codec::base64url_encode(std::string(kCursorPrefix) + std::to_string(next)));
    return Json::object({{"items", list}, {"pagination", pagination}});
}

Result<std::int64_t> parse_page_cursor(std::string_view cursor) {
    const Result<std::string> text = codec::base64url_decode(cursor);
    if (text && text->starts_with(kCursorPrefix))
        if (const std::optional<std::int64_t> after =
                parse_number<std::int64_t>(std::string_view(*text).substr(kCursorPrefix.size())))
            return *after;
    return fail(
        Errc::invalid_cursor,
        "\"" + escape_for_display(cursor) + "\" is not a cursor of this list");
}

} // namespace kheish::control
