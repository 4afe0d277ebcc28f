#pragma once

#include "engine/event.hpp"

/// The members of every event body, once for both directions: an Archive is called with each
/// member's name and the member; those about who may do what are in governance_fields.hpp. Private
/// to event_codec.cpp.
namespace kheish::engine::detail {

template <class Archive>
void fields(Archive& archive, TokenUsage& usage) {
    archive("input", usage.input);
    archive("output", usage.output);
    archive("cache_read", usage.cache_read);
    archive("cache_write", usage.cache_write);
}

template <class Archive>
void fields(Archive& archive, ScopeUsage& usage) {
    archive("cpu_usage_us", usage.cpu_usage_us);
    archive("memory_peak_bytes", usage.memory_peak_bytes);
    archive("tasks_peak", usage.tasks_peak);
    archive("io_read_bytes", usage.io_read_bytes);
    archive("io_write_bytes", usage.io_write_bytes);
}

template <class Archive>
void fields(Archive& archive, ProposedCall& call) {
    archive("call", call.call);
    archive("provider_call_id", call.provider_call_id);
    archive("tool", call.tool);
    archive("input", call.input);
    archive("effect_class", call.effect_class);
    archive("place", call.place);
    archive("parallel", call.parallel);
    archive("invalid_reason", call.invalid_reason);
}

template <class Archive>
void fields(Archive& archive, SessionCreated& event) {
    archive("owner", event.owner);
    archive("run_as", event.run_as);
    archive("workspace", event.workspace);
    archive("thread_id", event.thread_id);
    archive("permission_rules", event.permission_rules);
    archive.text("credential_scope", event.credential_scope);
    archive.text("capability_scope", event.capability_scope);
}

template <class Archive>
void fields(Archive& archive, SessionEnded& event) {
    archive("reason", event.reason);
}

template <class Archive>
void fields(Archive& archive, RunAccepted& event) {
    archive("kind", event.kind);
    archive("input", event.input);
    archive("text_preview", event.text_preview);
    archive("source_plugin", event.source_plugin);
    archive("source_kind", event.source_kind);
    archive("actor_id", event.actor_id);
    archive("metadata", event.metadata);
    archive("route", event.route);
    archive("model", event.model);
    archive("mode", event.mode);
    archive("max_turns", event.max_turns);
    archive("max_output_tokens", event.max_output_tokens);
    archive("run_as", event.run_as);
    archive("workspace", event.workspace);
    archive("uses_runner", event.uses_runner);
    archive("context_limit_bytes", event.context_limit_bytes);
    archive("permission_rules", event.permission_rules);
    archive.flag("reads_project", event.reads_project);
    archive.text("credential_scope", event.credential_scope);
    archive.text("capability_scope", event.capability_scope);
}

template <class Archive>
void fields(Archive& archive, RunQueued& event) {
    archive("position", event.position);
}

template <class Archive>
void fields(Archive& /*archive*/, RunStarted& /*event*/) {}

template <class Archive>
void fields(Archive& archive, RunCancelRequested& event) {
    archive("interrupt", event.interrupt);
    archive("reason", event.reason);
}

template <class Archive>
void fields(Archive& /*archive*/, RunCompleted& /*event*/) {}

template <class Archive>
void fields(Archive& archive, RunFailed& event) {
    archive("code", event.code);
    archive("error", event.error);
}

template <class Archive>
void fields(Archive& archive, RunInterrupted& event) {
    archive("reason", event.reason);
}

template <class Archive>
void fields(Archive& archive, RunCancelled& event) {
    archive("reason", event.reason);
}

template <class Archive>
void fields(Archive& archive, RunRecovered& event) {
    archive("boot_id", event.boot_id);
}

template <class Archive>
void fields(Archive& archive, RunStuckReported& event) {
    archive("wait_reason", event.wait_reason);
    archive("reason", event.reason);
}

template <class Archive>
void fields(Archive& archive, LaunchRequested& event) {
    archive("attempt", event.attempt);
    archive("boot_id", event.boot_id);
}

template <class Archive>
void fields(Archive& archive, ProjectPermissions& project) {
    archive("text", project.text);
    archive("error", project.error);
}

template <class Archive>
void fields(Archive& archive, Launched& event) {
    archive("attempt", event.attempt);
    archive("unit", event.unit);
    archive("degraded", event.degraded);
    archive("project", event.project);
}

template <class Archive>
void fields(Archive& archive, LaunchFailed& event) {
    archive("attempt", event.attempt);
    archive("error", event.error);
    archive("permanent", event.permanent);
}

template <class Archive>
void fields(Archive& archive, RunnerAdopted& event) {
    archive("attempt", event.attempt);
    archive("running", event.running);
    archive("finished", event.finished);
    archive("project", event.project);
}

template <class Archive>
void fields(Archive& archive, ScopeStopRequested& event) {
    archive("attempt", event.attempt);
}

template <class Archive>
void fields(Archive& archive, ScopeEnded& event) {
    archive("attempt", event.attempt);
    archive("lost", event.lost);
    archive("reason", event.reason);
    archive("usage", event.usage);
}

template <class Archive>
void fields(Archive& archive, ModelRequested& event) {
    archive("turn", event.turn);
    archive("attempt", event.attempt);
    archive("route", event.route);
    archive("model", event.model);
    archive("request_digest", event.request_digest);
    archive("lease_expires_us", event.lease_expires_us);
}

template <class Archive>
void fields(Archive& archive, ModelCompleted& event) {
    archive("turn", event.turn);
    archive("attempt", event.attempt);
    archive("message", event.message);
    archive("text_preview", event.text_preview);
    archive("stop_reason", event.stop_reason);
    archive("usage", event.usage);
    archive("model", event.model);
    archive("calls", event.calls);
}

template <class Archive>
void fields(Archive& archive, ModelFailed& event) {
    archive("turn", event.turn);
    archive("attempt", event.attempt);
    archive("error_kind", event.error_kind);
    archive("error", event.error);
    archive("retryable", event.retryable);
    archive("retry_after_us", event.retry_after_us);
}

template <class Archive>
void fields(Archive& archive, ModelRetryScheduled& event) {
    archive("turn", event.turn);
    archive("attempt", event.attempt);
    archive("network", event.network);
    archive("deadline_wall_us", event.deadline.wall_us);
    archive("deadline_boot_us", event.deadline.boot_us);
    archive("boot_id", event.deadline.boot_id);
    archive.flag("credential", event.credential);
}

template <class Archive>
void fields(Archive& archive, ModelRetryDue& event) {
    archive("turn", event.turn);
    archive("attempt", event.attempt);
}

template <class Archive>
void fields(Archive& archive, PermissionDecided& event) {
    archive("call", event.call);
    archive("decision", event.decision);
    archive("base_decision", event.base_decision);
    archive("mode", event.mode);
    archive("mode_effect", event.mode_effect);
    archive("rule_pattern", event.rule_pattern);
    archive("rule_scope", event.rule_scope);
    archive("reason", event.reason);
    archive.list("grants", event.grants);
}

template <class Archive>
void fields(Archive& archive, Deadline& deadline) {
    archive("wall_us", deadline.wall_us);
    archive("boot_us", deadline.boot_us);
    archive("boot_id", deadline.boot_id);
}

template <class Archive>
void fields(Archive& archive, ApprovalRequested& event) {
    archive("approval", event.approval);
    archive("call", event.call);
    archive("digest", event.digest);
    archive("summary", event.summary);
    archive("reason", event.reason);
    archive("deadline", event.deadline);
    archive("remind", event.remind);
    archive("escalate", event.escalate);
    archive.list("escalate_to", event.escalate_to);
}

template <class Archive>
void fields(Archive& archive, ApprovalReminded& event) {
    archive("approval", event.approval);
    archive("call", event.call);
}

template <class Archive>
void fields(Archive& archive, ApprovalEscalated& event) {
    archive("approval", event.approval);
    archive("call", event.call);
    archive("to", event.to);
}

template <class Archive>
void fields(Archive& archive, ApprovalExpired& event) {
    archive("approval", event.approval);
    archive("call", event.call);
}

template <class Archive>
void fields(Archive& archive, ApprovalResolved& event) {
    archive("approval", event.approval);
    archive("call", event.call);
    archive("digest", event.digest);
    archive("allowed", event.allowed);
    archive("reason", event.reason);
    archive("updated_input", event.updated_input);
    archive("updated_digest", event.updated_digest);
}

template <class Archive>
void fields(Archive& archive, ToolStarted& event) {
    archive("call", event.call);
    archive("execution", event.execution);
    archive("scope_attempt", event.scope_attempt);
    archive("idempotency_key", event.idempotency_key);
}

template <class Archive>
void fields(Archive& archive, ToolPrepared& event) {
    archive("call", event.call);
    archive("before", event.change.before);
    archive("after", event.change.after);
}

template <class Archive>
void fields(Archive& archive, ToolFinished& event) {
    archive("call", event.call);
    archive("outcome", event.outcome);
    archive("is_error", event.is_error);
    archive("text", event.text);
    archive("text_preview", event.text_preview);
    archive("exit_code", event.exit_code);
    archive("truncated", event.truncated);
    archive.unstored("spool", event.spool);
    archive("duration_us", event.duration_us);
}

template <class Archive>
void fields(Archive& archive, ToolOutcomeUnknown& event) {
    archive("call", event.call);
    archive("reason", event.reason);
    archive("remind", event.remind);
    archive("escalate", event.escalate);
    archive.list("escalate_to", event.escalate_to);
}

template <class Archive>
void fields(Archive& archive, OutcomeResolved& event) {
    archive("call", event.call);
    archive("choice", event.choice);
    archive("text", event.text);
    archive("reason", event.reason);
}

template <class Archive>
void fields(Archive& archive, QuestionAsked& event) {
    archive("question", event.question);
    archive("call", event.call);
    archive("summary", event.summary);
    archive("deadline_wall_us", event.deadline.wall_us);
    archive("deadline_boot_us", event.deadline.boot_us);
    archive("boot_id", event.deadline.boot_id);
}

template <class Archive>
void fields(Archive& archive, QuestionResolved& event) {
    archive("question", event.question);
    archive("call", event.call);
    archive("declined", event.declined);
    archive("text", event.text);
    archive("reason", event.reason);
}

template <class Archive>
void fields(Archive& archive, QuestionExpired& event) {
    archive("question", event.question);
    archive("call", event.call);
}

template <class Archive>
void fields(Archive& archive, ModelRetryWoken& event) {
    archive("turn", event.turn);
    archive("attempt", event.attempt);
}

template <class Archive>
void fields(Archive& archive, ContextTrimmed& event) {
    archive("first_turn", event.first_turn);
}

template <class Archive>
void fields(Archive& archive, OutputRecorded& event) {
    archive("source_kind", event.source_kind);
    archive("content", event.content);
    archive("call", event.call);
}

} // namespace kheish::engine::detail
