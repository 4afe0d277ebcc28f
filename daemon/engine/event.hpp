#pragma once

#include "base/authority.hpp"
#include "base/deadline.hpp"
#include "base/effect_class.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "codec/digest.hpp"
#include "engine/call_events.hpp"
#include "engine/governance_events.hpp"
#include "engine/grant_events.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <sys/types.h>

/// The facts of a run's life. An event says what has been decided or has happened; everything a run
/// is follows from its events in order (state.hpp). Content (prompts, messages, tool inputs and
/// results) lies in blobs; events refer to it, so that a fold costs the same however much was said.
namespace kheish::engine {

/// One tool call as the model asked for it, with what its declaration said at that moment.
struct ProposedCall {
    CallId call;
    std::string provider_call_id;
    std::string tool; ///< as asked for; may name no tool
    codec::BlobRef input;
    EffectClass effect_class = EffectClass::at_most_once;
    ToolPlace place = ToolPlace::runner;
    bool parallel = false; ///< may run beside other calls of its turn
    /// Set where the call can't be judged at all (unknown tool, input against the schema): it is
    /// refused with this text and nobody is asked.
    std::string invalid_reason;
};

struct TokenUsage {
    std::int64_t input = 0;
    std::int64_t output = 0;
    std::int64_t cache_read = 0;
    std::int64_t cache_write = 0;
    friend bool operator==(const TokenUsage&, const TokenUsage&) = default;
};

/// cgroup accounting of a run's slice, cumulative over its attempts; -1 where the kernel has none.
struct ScopeUsage {
    std::int64_t cpu_usage_us = 0;
    std::int64_t memory_peak_bytes = -1;
    std::int64_t tasks_peak = -1;
    std::int64_t io_read_bytes = -1;
    std::int64_t io_write_bytes = -1;
    friend bool operator==(const ScopeUsage&, const ScopeUsage&) = default;
};

// --- sessions
// -------------------------------------------------------------------------------------

struct SessionCreated {
    static constexpr std::string_view kType = "session.created";
    Principal owner;
    uid_t run_as = 0;
    std::string workspace;
    std::string thread_id; ///< empty where none was given
    /// Permission rules of its own, as JSON; they narrow what holds for everybody.
    std::optional<codec::BlobRef> permission_rules = {};
    /// What its runs may prove themselves with at most: canonical JSON (govern/scope.hpp), or
    /// empty.
    std::string credential_scope = {};
    std::string capability_scope = {}; ///< what its runs are shown at most, in the same way
};

struct SessionEnded {
    static constexpr std::string_view kType = "session.ended";
    std::string reason;
};

// --- a run as a whole
// -----------------------------------------------------------------------------

struct RunAccepted {
    static constexpr std::string_view kType = "run.accepted";
    std::string kind = "input";
    codec::BlobRef input;     ///< the user's text
    std::string text_preview; ///< its first 200 bytes, whole characters
    std::string source_plugin;
    std::string source_kind;
    std::string actor_id;
    std::string metadata; ///< canonical JSON object, or empty
    std::string route;    ///< pinned
    std::string model;    ///< pinned
    PermissionMode mode = PermissionMode::standard;
    std::int64_t max_turns = 500;
    std::int64_t max_output_tokens = 8192;
    uid_t run_as = 0;
    std::string workspace;
    bool uses_runner = true; ///< some of its tools work in the sandbox
    /// What of the conversation, the input apart, the model is shown; none: kContextLimitBytes.
    std::optional<std::int64_t> context_limit_bytes = {};
    std::optional<codec::BlobRef> permission_rules = {}; ///< of the session, pinned
    /// No call is judged before it is known what the project permits (ProjectPermissions).
    bool reads_project = false;
    std::string credential_scope = {}; ///< of the session, pinned
    std::string capability_scope = {}; ///< of the session, pinned
};

struct RunQueued {
    static constexpr std::string_view kType = "run.queued";
    std::int64_t position = 0; ///< 0 is next
};

/// The run is its session's active one from here on.
struct RunStarted {
    static constexpr std::string_view kType = "run.started";
};

struct RunCancelRequested {
    static constexpr std::string_view kType = "run.cancel_requested";
    bool interrupt = false; ///< ends as interrupted (broader cause) instead of cancelled
    std::string reason;
};

struct RunCompleted {
    static constexpr std::string_view kType = "run.completed";
};

struct RunFailed {
    static constexpr std::string_view kType = "run.failed";
    std::string code; ///< "turn_limit", "route_not_ready", "model_refused", ...
    std::string error;
};

struct RunInterrupted {
    static constexpr std::string_view kType = "run.interrupted";
    std::string reason;
};

struct RunCancelled {
    static constexpr std::string_view kType = "run.cancelled";
    std::string reason;
};

/// A new daemon process took the run over: whatever the old one had in flight is to be looked at
/// again. Written once per live run at boot.
struct RunRecovered {
    static constexpr std::string_view kType = "run.recovered";
    std::string boot_id;
};

/// The run makes no progress though nothing holds it back: said once, until it goes on. Changes
/// nothing.
struct RunStuckReported {
    static constexpr std::string_view kType = "run.stuck_reported";
    std::string wait_reason;
    std::string reason; ///< a sentence, with what to do
};

// --- execution environment
// ------------------------------------------------------------------------

struct LaunchRequested {
    static constexpr std::string_view kType = "run.launch_requested";
    int attempt = 1;
    std::string boot_id; ///< a scope does not outlive its boot
};

/// What .kheish/permissions.toml in the workspace says, read by the run's first runner before it
/// did anything else. It holds for the whole run, whatever becomes of the file.
struct ProjectPermissions {
    std::optional<codec::BlobRef> text; ///< none: there is no such file
    std::string error;                  ///< there is one and it cannot be followed: the run fails
};

struct Launched {
    static constexpr std::string_view kType = "run.launched";
    int attempt = 1;
    std::string unit;
    std::vector<std::string> degraded;
    std::optional<ProjectPermissions> project = {}; ///< of the first runner, where it was asked
};

struct LaunchFailed {
    static constexpr std::string_view kType = "run.launch_failed";
    int attempt = 1;
    std::string error;
    bool permanent = false; ///< trying again changes nothing
};

/// The runner of `attempt` was found alive after a restart, with these calls.
struct RunnerAdopted {
    static constexpr std::string_view kType = "run.runner_adopted";
    int attempt = 1;
    std::vector<CallId> running;
    std::vector<CallId> finished;                   ///< their tool.finished events follow
    std::optional<ProjectPermissions> project = {}; ///< as in Launched
};

/// Intent to stop the attempt; its end is ScopeEnded.
struct ScopeStopRequested {
    static constexpr std::string_view kType = "run.scope_stop_requested";
    int attempt = 1;
};

/// No process of the attempt is left.
struct ScopeEnded {
    static constexpr std::string_view kType = "run.scope_ended";
    int attempt = 1;
    bool lost = false; ///< nobody had asked for it
    std::string reason;
    ScopeUsage usage; ///< of the slice so far
};

// --- model
// ----------------------------------------------------------------------------------------

struct ModelRequested {
    static constexpr std::string_view kType = "model.requested";
    int turn = 1;
    int attempt = 1; ///< within the turn
    std::string route;
    std::string model;
    codec::Digest request_digest; ///< of the request's canonical form
    /// Of the lease that it stands on, wall clock; none in records of older programs.
    std::optional<std::int64_t> lease_expires_us = {};
};

struct ModelCompleted {
    static constexpr std::string_view kType = "model.completed";
    int turn = 1;
    int attempt = 1;
    codec::BlobRef message;   ///< models::encode_message of the whole assistant message
    std::string text_preview; ///< first 200 bytes of its text
    std::string stop_reason;  ///< end_turn, tool_use, max_tokens or refusal
    TokenUsage usage;
    std::string model; ///< what answered
    std::vector<ProposedCall> calls;
};

struct ModelFailed {
    static constexpr std::string_view kType = "model.failed";
    int turn = 1;
    int attempt = 1;
    std::string error_kind; ///< models::CallError::Kind
    std::string error;
    bool retryable = false;
    std::int64_t retry_after_us = -1; ///< what the provider asked for, -1 where it did not
};

/// The next attempt waits. `network` where the provider can't be reached, `credential` where it
/// does not take what the run proves itself with, or there is nothing; else a timer.
struct ModelRetryScheduled {
    static constexpr std::string_view kType = "model.retry_scheduled";
    int turn = 1;
    int attempt = 1; ///< the attempt that will be made
    bool network = false;
    Deadline deadline;
    bool credential = false;
};

struct ModelRetryDue {
    static constexpr std::string_view kType = "model.retry_due";
    int turn = 1;
    int attempt = 1;
};

/// The machine's network, or the credential, has changed: the attempt that waits for it is made
/// now.
struct ModelRetryWoken {
    static constexpr std::string_view kType = "model.retry_woken";
    int turn = 1;
    int attempt = 1;
};

/// The conversation has grown too long for the model: of what came between the input and the answer
/// of turn `first_turn`, it is shown no more than a list of the calls that may have changed
/// something. Nothing is lost from the journal.
struct ContextTrimmed {
    static constexpr std::string_view kType = "context.trimmed";
    int first_turn = 2;
};

// --- output
// -------------------------------------------------------------------------------------------

struct OutputRecorded {
    static constexpr std::string_view kType = "output.recorded";
    std::string source_kind; ///< assistant_text or emit_output
    codec::BlobRef content;
    CallId call; ///< empty for assistant_text
};

using EventBody = std::variant<
    SessionCreated,
    SessionEnded,
    RunAccepted,
    RunQueued,
    RunStarted,
    RunCancelRequested,
    RunCompleted,
    RunFailed,
    RunInterrupted,
    RunCancelled,
    RunRecovered,
    RunStuckReported,
    LaunchRequested,
    Launched,
    LaunchFailed,
    RunnerAdopted,
    ScopeStopRequested,
    ScopeEnded,
    ModelRequested,
    ModelCompleted,
    ModelFailed,
    ModelRetryScheduled,
    ModelRetryDue,
    ModelRetryWoken,
    ContextTrimmed,
    PermissionDecided,
    ApprovalRequested,
    ApprovalResolved,
    ApprovalExpired,
    ApprovalReminded,
    ApprovalEscalated,
    GrantCreated,
    GrantRevoked,
    ToolStarted,
    ToolPrepared,
    ToolFinished,
    ToolOutcomeUnknown,
    OutcomeResolved,
    QuestionAsked,
    QuestionResolved,
    QuestionExpired,
    OutputRecorded,
    TokenCreated,
    TokenRotated,
    TokenRevoked,
    SecretStored,
    SecretRevoked,
    SecretDeleted,
    MasterKeyRotated,
    SubjectRevoked,
    SubjectRestored,
    LeaseRevoked,
    DaemonStarted,
    AuthenticationFailed>;

/// An event in its place. `seq` is 0 until the journal has committed it.
struct Event {
    EventSeq seq = 0;
    SessionId session;
    RunId run; ///< no run for events of a session, or of nothing but governance
    AgentId agent;
    std::int64_t at_us = 0; ///< wall clock
    Authority authority;
    EventBody body;
};

std::string_view event_type(const EventBody& body);
/// Whether the event is about who may do what, and belongs to no session.
bool is_governance(const EventBody& body);
/// Whether the event is the one that a run is over with.
bool is_end_of_run(const EventBody& body);
/// Every type there is, in the order of EventBody.
std::span<const std::string_view> event_types();

/// The words of the wire contract ("default", "acceptEdits", ...; "allow", ...; "retry", ...).
std::string_view to_string(PermissionMode mode);
std::string_view to_string(Decision decision);
std::string_view to_string(OutcomeChoice choice);
std::string_view to_string(EffectClass effect_class);
std::string_view to_string(ToolPlace place);
std::optional<PermissionMode> parse_permission_mode(std::string_view text);
std::optional<OutcomeChoice> parse_outcome_choice(std::string_view text);

/// An event's body as the journal keeps it.
struct EncodedBody {
    std::string type;
    int version = 1;
    std::string body; ///< canonical JSON
    std::vector<codec::BlobRef> blob_refs;
};

/// Bytes of a text that are not UTF-8 are written as U+FFFD.
EncodedBody encode(const EventBody& body);
/// Errc::journal_newer_schema for a type or version that this program does not know,
/// Errc::journal_corrupt for bytes that encode() cannot have written.
Result<EventBody> decode(std::string_view type, int version, std::string_view body);

} // namespace kheish::engine
