#pragma once

#include "base/ids.hpp"
#include "codec/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include <sys/types.h>

/// What follows from the events, kept ready for questions: one row per session, run, tool call,
/// approval, output, token, grant, secret and subject. A row is written whole, in the transaction
/// of the events that changed it, and replaces the row of the same key. Times are microseconds
/// since 1970-01-01 UTC.
namespace kheish::journal {

/// Key: session. `owner`, `run_as`, `workspace`, `thread_id` and `created_us` are fixed by the
/// first write; later ones leave them alone.
struct SessionRow {
    SessionId session;
    std::string owner; ///< Principal::to_string()
    uid_t run_as = 0;
    std::string workspace;
    std::string thread_id; ///< empty where none was given
    std::int64_t created_us = 0;
    std::optional<std::int64_t> ended_us;
    std::string end_reason;
    std::optional<codec::BlobRef> permission_rules = {}; ///< of its own, as JSON
    std::string credential_scope = {};                   ///< canonical JSON, or empty
    std::string capability_scope = {};                   ///< canonical JSON, or empty
    std::int64_t number = 0; ///< 1, 2, ... in order of creation; the journal's, ignored on writing

    friend bool operator==(const SessionRow&, const SessionRow&) = default;
};

/// Key: run. `session` is fixed by the first write and must have a row. A run is live until
/// `finished_us` is set.
struct RunRow {
    RunId run;
    SessionId session;
    AgentId agent;
    std::string kind;
    std::string status;
    std::string wait_reason; ///< empty where it waits for nothing (a terminal run)
    std::int64_t wait_since_us = 0;
    std::optional<std::int64_t> queue_position; ///< 0 is next; absent for an active or ended run
    std::int64_t submitted_us = 0;
    std::int64_t updated_us = 0;
    std::optional<std::int64_t> started_us;
    std::optional<std::int64_t> finished_us;
    std::string route;
    std::string model;
    std::string mode;
    std::string source_plugin;
    std::string source_kind;
    std::string actor_id;
    std::string text_preview;
    std::string metadata; ///< canonical JSON object, or empty
    codec::BlobRef input;
    std::string error_code;
    std::string error;
    std::int64_t turns = 0;
    std::int64_t tokens_input = 0;
    std::int64_t tokens_output = 0;
    std::int64_t tokens_cache_read = 0;
    std::int64_t tokens_cache_write = 0;
    std::int64_t attempt = 0; ///< of the scope; 0 before the first
    std::string unit;         ///< of the last attempt
    std::int64_t cpu_usage_us = 0;
    std::optional<std::int64_t> memory_peak_bytes;
    std::optional<std::int64_t> tasks_peak;
    std::optional<std::int64_t> io_read_bytes;
    std::optional<std::int64_t> io_write_bytes;
    std::int64_t pending_approvals = 0;
    bool cancel_requested = false;
    bool scope_open = false; ///< an attempt has been asked for and has not ended

    // The journal's own, ignored on writing.
    std::string owner;      ///< of the session
    EventSeq first_seq = 0; ///< the run's first event
    EventSeq last_seq = 0;  ///< the run's newest event when the row was written

    friend bool operator==(const RunRow&, const RunRow&) = default;
};

/// Key: run and call. The run must have a row.
struct ToolCallRow {
    RunId run;
    CallId call;
    std::int64_t turn = 0;
    std::string tool;
    std::string phase;
    std::string effect_class;
    std::string outcome; ///< empty until there is one
    codec::BlobRef input;
    std::optional<codec::BlobRef> result; ///< what the model was told
    std::int64_t executions = 0;
    std::optional<std::int64_t> started_us;
    std::optional<std::int64_t> finished_us;
    std::optional<std::int64_t> exit_code;
    std::optional<codec::BlobRef> spool; ///< digest and size; the data lies outside the journal
    std::int64_t number = 0; ///< grows in order of first writing; the journal's, ignored on writing

    friend bool operator==(const ToolCallRow&, const ToolCallRow&) = default;
};

enum class ApprovalState {
    pending,
    allowed,
    denied,
    voided, ///< nobody can answer any more: its run ended, or the action changed
};

enum class GateKind {
    approval,        ///< a call waits for permission
    outcome_unknown, ///< a call may have happened, and somebody is to say what came of it
    question,        ///< a person is asked; allowed is answered, denied is declined
};

/// A gate. Key: approval. The run must have a row.
struct ApprovalRow {
    ApprovalId approval; ///< of a question: its id
    GateKind kind = GateKind::approval;
    RunId run;
    SessionId session;
    CallId call;
    std::string tool;
    codec::Digest digest; ///< seals the action
    std::string summary;
    std::string reason;
    codec::BlobRef input;
    ApprovalState state = ApprovalState::pending;
    std::int64_t requested_us = 0;
    std::optional<std::int64_t> resolved_us;
    std::string resolved_by;
    std::string resolution_reason;
    std::optional<std::int64_t> expires_us; ///< absent: it waits for ever
    std::string escalated_to; ///< principals beside the owner who may decide, a space between
    std::int64_t number = 0; ///< grows in order of first writing; the journal's, ignored on writing

    friend bool operator==(const ApprovalRow&, const ApprovalRow&) = default;
};

/// Key: run and index. The run must have a row.
struct OutputRow {
    RunId run;
    SessionId session;
    std::int64_t index = 0; ///< 0, 1, ... within the run
    std::string source_kind;
    codec::BlobRef content;
    std::int64_t at_us = 0;
    CallId call; ///< empty where no tool call made it

    friend bool operator==(const OutputRow&, const OutputRow&) = default;
};

/// Key: name. Who calls over HTTP and proves it. `role`, `created_us` and `created_by` are fixed by
/// the first write.
struct TokenRow {
    std::string name;
    std::string role; ///< reader, operator or admin
    codec::Digest digest;
    std::int64_t created_us = 0;
    std::string created_by; ///< Authority::to_string()
    std::optional<std::int64_t> rotated_us;
    std::optional<std::int64_t> expires_us; ///< absent: never
    std::optional<std::int64_t> revoked_us;
    std::int64_t number = 0; ///< 1, 2, ... in order of creation; the journal's, ignored on writing

    friend bool operator==(const TokenRow&, const TokenRow&) = default;
};

/// Key: grant. What somebody has allowed beforehand. The run must have a row; all but the last
/// three members are fixed by the first write.
struct GrantRow {
    std::string grant;
    RunId run; ///< that asked
    SessionId session;
    CallId call;
    ApprovalId approval;
    std::string tool;
    std::string kind;                         ///< exact, command or path
    std::string pattern;                      ///< empty for exact
    std::optional<codec::Digest> action = {}; ///< of exact
    std::string lifetime;                     ///< run, session or days
    std::optional<std::int64_t> expires_us;   ///< of days
    std::int64_t created_us = 0;
    std::string created_by; ///< Authority::to_string()
    std::optional<std::int64_t> revoked_us;
    std::string revoked_by;
    std::string revoke_reason;

    // The journal's own, ignored on writing.
    std::string owner;       ///< of the session
    std::string workspace;   ///< of the session
    std::int64_t number = 0; ///< 1, 2, ... in order of creation

    friend bool operator==(const GrantRow&, const GrantRow&) = default;
};

enum class SecretState {
    stored,
    revoked, ///< what was given is gone
    deleted, ///< and nobody is to give it again under this name
};

/// Key: name. A secret, sealed (govern/secret_box.hpp). `created_us` is fixed by the first write.
struct SecretRow {
    std::string name;
    std::int64_t version = 0; ///< counts what was given
    SecretState state = SecretState::stored;
    std::string value;      ///< sealed; empty where there is none
    std::string data_key;   ///< sealed; empty where there is none
    std::string master_key; ///< its id; empty where there is none
    std::int64_t created_us = 0;
    std::int64_t updated_us = 0;
    std::string updated_by;  ///< Authority::to_string()
    std::int64_t number = 0; ///< in order of creation; the journal's, ignored on writing

    friend bool operator==(const SecretRow&, const SecretRow&) = default;
};

/// Key: subject. A session or an agent that was ever kept from proving itself.
struct SubjectRow {
    std::string subject;    ///< "session:<id>" or "agent:<id>"
    std::int64_t epoch = 0; ///< counts revocations
    bool revoked = false;
    std::string reason;
    std::int64_t updated_us = 0;
    std::string updated_by;  ///< Authority::to_string()
    std::int64_t number = 0; ///< in order of the first; the journal's, ignored on writing

    friend bool operator==(const SubjectRow&, const SubjectRow&) = default;
};

using Row = std::variant<
    SessionRow,
    RunRow,
    ToolCallRow,
    ApprovalRow,
    OutputRow,
    TokenRow,
    GrantRow,
    SecretRow,
    SubjectRow>;

} // namespace kheish::journal
