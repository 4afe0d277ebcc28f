#pragma once

#include "journal/journal.hpp"
#include "journal/rows.hpp"

#include <string>
#include <string_view>
#include <tuple>

/// All SQL of the journal but for the schema and the migrations, and for what is in
/// governance_statements.hpp. Each table's columns are listed once, beside the members that lie in
/// them.
namespace kheish::journal::sql {

inline constexpr std::string_view kBegin = "BEGIN IMMEDIATE";
inline constexpr std::string_view kCommit = "COMMIT";
inline constexpr std::string_view kRollback = "ROLLBACK";
inline constexpr std::string_view kSavepoint = "SAVEPOINT one_write";
inline constexpr std::string_view kRelease = "RELEASE one_write";
inline constexpr std::string_view kRollbackToSavepoint = "ROLLBACK TO one_write";

inline constexpr std::string_view kInstanceIdKey = "instance_id";
inline constexpr std::string_view kCreatedKey = "created_us";
inline constexpr std::string_view kProbeKey = "probe";
inline constexpr std::string_view kInsertMeta = "INSERT INTO meta (key, value) VALUES (?, ?)";
inline constexpr std::string_view kSelectMeta = "SELECT value FROM meta WHERE key = ?";
inline constexpr std::string_view kUpdateMeta = "UPDATE meta SET value = ? WHERE key = ?";

inline constexpr std::string_view kNewestSeq = "SELECT coalesce(max(seq), 0) FROM events";
inline constexpr std::string_view kNewestRun =
    "SELECT max(coalesce((SELECT max(run_id) FROM runs), 0), "
    "coalesce((SELECT max(run_id) FROM events WHERE run_id IS NOT NULL), 0))";
inline constexpr std::string_view kNewestSession = "SELECT coalesce(max(number), 0) FROM sessions";

inline constexpr std::string_view kInsertEvent =
    "INSERT INTO events (seq, session_id, run_id, agent_id, at_us, type, version, authority, body, "
    "blob_refs) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
inline constexpr std::string_view kEventColumns =
    "seq, session_id, run_id, agent_id, at_us, type, version, authority, body, blob_refs";

inline constexpr std::string_view kFindBlob =
    "SELECT size, data IS NOT NULL FROM blobs WHERE sha256 = ?";
inline constexpr std::string_view kInsertBlob =
    "INSERT INTO blobs (sha256, size, codec, data) VALUES (?, ?, 0, ?)";
inline constexpr std::string_view kRestoreBlob = "UPDATE blobs SET data = ? WHERE sha256 = ?";
inline constexpr std::string_view kSelectBlob = "SELECT codec, data FROM blobs WHERE sha256 = ?";

inline constexpr std::string_view kPruneBlob = "UPDATE blobs SET data = NULL WHERE sha256 = ?";

/// Parameter 1: the moment before which an old run has ended.
inline constexpr std::string_view kOldRuns =
    "SELECT run_id FROM runs WHERE finished_us < ? AND scope_open = 0 ORDER BY run_id";
inline constexpr std::string_view kReferencesOfOldRuns =
    "SELECT seq, blob_refs, run_id IS NOT NULL AND run_id IN (SELECT run_id FROM runs WHERE "
    "finished_us < ? AND scope_open = 0) FROM events ORDER BY seq";
inline constexpr std::string_view kReferencesAfter =
    "SELECT seq, blob_refs FROM events WHERE seq > ? ORDER BY seq";

inline constexpr std::string_view kInsertReceipt =
    "INSERT INTO receipts (scope, key_sha256, fingerprint, run_id, result, created_us) "
    "VALUES (?, ?, ?, ?, ?, ?)";
inline constexpr std::string_view kSelectReceipt =
    "SELECT scope, key_sha256, fingerprint, run_id, result, created_us FROM receipts "
    "WHERE scope = ? AND key_sha256 = ?";

// The first write of a key inserts; later ones replace what can change.

inline constexpr std::string_view kWriteSession =
    "INSERT INTO sessions (session_id, owner, run_as, workspace, thread_id, created_us, ended_us, "
    "end_reason, permission_rules_sha256, permission_rules_size, credential_scope, "
    "capability_scope) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (session_id) DO UPDATE SET ended_us = excluded.ended_us, "
    "end_reason = excluded.end_reason";
inline constexpr std::string_view kSessionColumns =
    "session_id, owner, run_as, workspace, thread_id, created_us, ended_us, end_reason, "
    "permission_rules_sha256, permission_rules_size, credential_scope, capability_scope, number";

/// The members that a write gives, in the order of the columns.
inline auto written(const SessionRow& row) {
    return std::tie(
        row.session,
        row.owner,
        row.run_as,
        row.workspace,
        row.thread_id,
        row.created_us,
        row.ended_us,
        row.end_reason,
        row.permission_rules,
        row.credential_scope,
        row.capability_scope);
}

/// The members that reading gives, in the order of the columns.
inline auto read(SessionRow& row) {
    return std::tie(
        row.session,
        row.owner,
        row.run_as,
        row.workspace,
        row.thread_id,
        row.created_us,
        row.ended_us,
        row.end_reason,
        row.permission_rules,
        row.credential_scope,
        row.capability_scope,
        row.number);
}

/// Parameter 2 (session_id) serves the owner too, parameter 1 (run_id) the seqs.
inline constexpr std::string_view kWriteRun =
    "INSERT INTO runs (run_id, session_id, agent_id, kind, status, wait_reason, wait_since_us, "
    "queue_position, submitted_us, updated_us, started_us, finished_us, route, model, mode, "
    "source_plugin, source_kind, actor_id, text_preview, metadata, input_sha256, input_size, "
    "error_code, error, turns, tokens_input, tokens_output, tokens_cache_read, "
    "tokens_cache_write, attempt, unit, cpu_usage_us, memory_peak_bytes, tasks_peak, "
    "io_read_bytes, io_write_bytes, pending_approvals, cancel_requested, scope_open, owner, "
    "first_seq, "
    "last_seq) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, coalesce(?8, -1), ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "
    "?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, "
    "?35, ?36, ?37, ?38, ?39, (SELECT owner FROM sessions WHERE session_id = ?2), "
    "(SELECT min(seq) FROM events WHERE run_id = ?1), "
    "(SELECT max(seq) FROM events WHERE run_id = ?1)) "
    "ON CONFLICT (run_id) DO UPDATE SET agent_id = excluded.agent_id, kind = excluded.kind, "
    "status = excluded.status, wait_reason = excluded.wait_reason, "
    "wait_since_us = excluded.wait_since_us, queue_position = excluded.queue_position, "
    "submitted_us = excluded.submitted_us, updated_us = excluded.updated_us, "
    "started_us = excluded.started_us, finished_us = excluded.finished_us, "
    "route = excluded.route, model = excluded.model, mode = excluded.mode, "
    "source_plugin = excluded.source_plugin, source_kind = excluded.source_kind, "
    "actor_id = excluded.actor_id, text_preview = excluded.text_preview, "
    "metadata = excluded.metadata, input_sha256 = excluded.input_sha256, "
    "input_size = excluded.input_size, error_code = excluded.error_code, error = excluded.error, "
    "turns = excluded.turns, tokens_input = excluded.tokens_input, "
    "tokens_output = excluded.tokens_output, tokens_cache_read = excluded.tokens_cache_read, "
    "tokens_cache_write = excluded.tokens_cache_write, attempt = excluded.attempt, "
    "unit = excluded.unit, cpu_usage_us = excluded.cpu_usage_us, "
    "memory_peak_bytes = excluded.memory_peak_bytes, tasks_peak = excluded.tasks_peak, "
    "io_read_bytes = excluded.io_read_bytes, io_write_bytes = excluded.io_write_bytes, "
    "pending_approvals = excluded.pending_approvals, "
    "cancel_requested = excluded.cancel_requested, scope_open = excluded.scope_open, "
    "last_seq = excluded.last_seq";
inline constexpr std::string_view kRunColumns =
    "run_id, session_id, agent_id, kind, status, wait_reason, wait_since_us, "
    "nullif(queue_position, -1), submitted_us, updated_us, started_us, finished_us, route, model, "
    "mode, source_plugin, source_kind, actor_id, text_preview, metadata, input_sha256, "
    "input_size, error_code, error, turns, tokens_input, tokens_output, tokens_cache_read, "
    "tokens_cache_write, attempt, unit, cpu_usage_us, memory_peak_bytes, tasks_peak, "
    "io_read_bytes, io_write_bytes, pending_approvals, cancel_requested, scope_open, owner, "
    "first_seq, "
    "last_seq";

template <class AnyRunRow>
auto run_members(AnyRunRow& row) {
    return std::tie(
        row.run,
        row.session,
        row.agent,
        row.kind,
        row.status,
        row.wait_reason,
        row.wait_since_us,
        row.queue_position,
        row.submitted_us,
        row.updated_us,
        row.started_us,
        row.finished_us,
        row.route,
        row.model,
        row.mode,
        row.source_plugin,
        row.source_kind,
        row.actor_id,
        row.text_preview,
        row.metadata,
        row.input,
        row.error_code,
        row.error,
        row.turns,
        row.tokens_input,
        row.tokens_output,
        row.tokens_cache_read,
        row.tokens_cache_write,
        row.attempt,
        row.unit,
        row.cpu_usage_us,
        row.memory_peak_bytes,
        row.tasks_peak,
        row.io_read_bytes,
        row.io_write_bytes,
        row.pending_approvals,
        row.cancel_requested,
        row.scope_open);
}
inline auto written(const RunRow& row) {
    return run_members(row);
}
inline auto read(RunRow& row) {
    return std::tuple_cat(run_members(row), std::tie(row.owner, row.first_seq, row.last_seq));
}

inline constexpr std::string_view kWriteToolCall =
    "INSERT INTO tool_calls (run_id, call_id, turn, tool, phase, effect_class, outcome, "
    "input_sha256, input_size, result_sha256, result_size, executions, started_us, finished_us, "
    "exit_code, spool_sha256, spool_size) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (run_id, call_id) DO UPDATE SET turn = excluded.turn, tool = excluded.tool, "
    "phase = excluded.phase, effect_class = excluded.effect_class, outcome = excluded.outcome, "
    "input_sha256 = excluded.input_sha256, input_size = excluded.input_size, "
    "result_sha256 = excluded.result_sha256, result_size = excluded.result_size, "
    "executions = excluded.executions, started_us = excluded.started_us, "
    "finished_us = excluded.finished_us, exit_code = excluded.exit_code, "
    "spool_sha256 = excluded.spool_sha256, spool_size = excluded.spool_size";
inline constexpr std::string_view kToolCallColumns =
    "run_id, call_id, turn, tool, phase, effect_class, outcome, input_sha256, input_size, "
    "result_sha256, result_size, executions, started_us, finished_us, exit_code, spool_sha256, "
    "spool_size, number";

template <class AnyToolCallRow>
auto tool_call_members(AnyToolCallRow& row) {
    return std::tie(
        row.run,
        row.call,
        row.turn,
        row.tool,
        row.phase,
        row.effect_class,
        row.outcome,
        row.input,
        row.result,
        row.executions,
        row.started_us,
        row.finished_us,
        row.exit_code,
        row.spool);
}
inline auto written(const ToolCallRow& row) {
    return tool_call_members(row);
}
inline auto read(ToolCallRow& row) {
    return std::tuple_cat(tool_call_members(row), std::tie(row.number));
}

inline constexpr std::string_view kWriteApproval =
    "INSERT INTO approvals (approval_id, run_id, session_id, call_id, tool, digest, summary, "
    "reason, input_sha256, input_size, state, requested_us, resolved_us, resolved_by, "
    "resolution_reason, kind, expires_us, escalated_to) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (approval_id) DO UPDATE SET call_id = excluded.call_id, tool = excluded.tool, "
    "digest = excluded.digest, summary = excluded.summary, reason = excluded.reason, "
    "input_sha256 = excluded.input_sha256, input_size = excluded.input_size, "
    "state = excluded.state, requested_us = excluded.requested_us, "
    "resolved_us = excluded.resolved_us, resolved_by = excluded.resolved_by, "
    "resolution_reason = excluded.resolution_reason, kind = excluded.kind, "
    "expires_us = excluded.expires_us, escalated_to = excluded.escalated_to";
inline constexpr std::string_view kApprovalColumns =
    "approval_id, run_id, session_id, call_id, tool, digest, summary, reason, input_sha256, "
    "input_size, state, requested_us, resolved_us, resolved_by, resolution_reason, kind, "
    "expires_us, escalated_to, number";

template <class AnyApprovalRow>
auto approval_members(AnyApprovalRow& row) {
    return std::tie(
        row.approval,
        row.run,
        row.session,
        row.call,
        row.tool,
        row.digest,
        row.summary,
        row.reason,
        row.input,
        row.state,
        row.requested_us,
        row.resolved_us,
        row.resolved_by,
        row.resolution_reason,
        row.kind,
        row.expires_us,
        row.escalated_to);
}
inline auto written(const ApprovalRow& row) {
    return approval_members(row);
}
inline auto read(ApprovalRow& row) {
    return std::tuple_cat(approval_members(row), std::tie(row.number));
}

inline constexpr std::string_view kWriteOutput =
    "INSERT INTO outputs (run_id, session_id, output_index, source_kind, content_sha256, "
    "content_size, at_us, call_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (run_id, output_index) DO UPDATE SET source_kind = excluded.source_kind, "
    "content_sha256 = excluded.content_sha256, content_size = excluded.content_size, "
    "at_us = excluded.at_us, call_id = excluded.call_id";
inline constexpr std::string_view kOutputColumns =
    "run_id, session_id, output_index, source_kind, content_sha256, content_size, at_us, call_id";

template <class AnyOutputRow>
auto output_members(AnyOutputRow& row) {
    return std::tie(
        row.run, row.session, row.index, row.source_kind, row.content, row.at_us, row.call);
}
inline auto written(const OutputRow& row) {
    return output_members(row);
}
inline auto read(OutputRow& row) {
    return output_members(row);
}

/// INDEXED BY refuses to prepare where the partial index would not serve.
inline std::string live_runs() {
    return "SELECT " + std::string(kRunColumns) +
           " FROM runs INDEXED BY runs_live WHERE (finished_us IS NULL OR scope_open = 1) "
           "AND (session_id, queue_position, run_id) > (?, ?, ?) "
           "ORDER BY session_id, queue_position, run_id LIMIT ?";
}

inline constexpr std::string_view kRunCounts =
    "SELECT status, count(*) FROM runs GROUP BY status ORDER BY status";
inline constexpr std::string_view kRunCountsOfSession =
    "SELECT status, count(*) FROM runs WHERE session_id = ? GROUP BY status ORDER BY status";

} // namespace kheish::journal::sql
