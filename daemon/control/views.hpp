#pragma once

#include "codec/json.hpp"
#include "control/requests.hpp"
#include "control/service.hpp"
#include "journal/journal.hpp"
#include "models/model.hpp"

#include <optional>
#include <string>
#include <vector>

/// Rows of the journal as the wire contract's JSON objects, and as summaries for D-Bus. The one
/// place where field names are.
namespace kheish::control {

/// Milliseconds, as every *_ms field has them.
std::int64_t to_milliseconds(std::int64_t microseconds);

/// The word of AgentStatus for a session whose active run has `run_status`; idle without one.
std::string_view agent_status(const std::optional<std::string>& run_status);

/// What a run's view needs beside its row.
struct RunDetails {
    std::vector<journal::ApprovalRow> approvals; ///< pending ones, questions too
    std::vector<std::string> approval_inputs;    ///< canonical JSON, one each
    std::vector<journal::OutputRow> outputs;
    std::vector<std::string> output_contents;   ///< one each
    std::optional<std::int64_t> queue_position; ///< as of now
};
codec::Json run_view(const journal::RunRow& row, const RunDetails& details);
/// The principals that a gate was escalated to.
std::vector<std::string> escalated_to(const journal::ApprovalRow& row);
codec::Json approval_view(const journal::ApprovalRow& row, const std::string& input);
/// UserQuestionRequest of the wire contract.
codec::Json question_request_view(const journal::ApprovalRow& row, const std::string& input);
/// Who resolved a gate, when and why, where somebody has.
codec::Json add_resolution(codec::Json view, const journal::ApprovalRow& row);
codec::Json output_view(const journal::OutputRow& row, const std::string& content);

struct SessionDetails {
    std::optional<journal::RunRow> active;
    std::vector<codec::Json> pending_approvals;
    std::vector<codec::Json> pending_questions;
    std::int64_t events = 0; ///< of the session, journaled
    std::vector<codec::Json> outputs;
    std::string last_answer; ///< text of the newest output, empty where there is none
    std::string last_error;
    codec::Json permission_rules = {}; ///< an array where the session has its own
    codec::Json credential_scope = {}; ///< an object where it has one
    codec::Json capability_scope = {}; ///< an object where it has one
};
codec::Json session_view(const journal::SessionRow& row, const SessionDetails& details);
codec::Json session_summary_view(
    const journal::SessionRow& row,
    const std::optional<std::string>& active_status,
    std::int64_t pending_approvals);

RunSummary run_summary(const journal::RunRow& row);
ApprovalSummary approval_summary(const journal::ApprovalRow& row, Principal owner);
QuestionSummary question_summary(const journal::ApprovalRow& row, Principal owner);

codec::Json route_view(const models::RouteView& route, bool is_default);

/// Items alone, or in their envelope where `page.enveloped`.
codec::Json list_view(
    std::vector<codec::Json> items,
    const Page& page,
    std::int64_t total_count,
    bool has_more,
    std::int64_t next);

/// The opaque cursor of list_view, read back. Errc::invalid_cursor for anything else.
Result<std::int64_t> parse_page_cursor(std::string_view cursor);

} // namespace kheish::control
