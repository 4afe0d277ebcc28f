#pragma once

#include "engine/event.hpp"

#include <array>
#include <span>

/// What a run is: the fold of its events, and nothing else. No I/O, no clock, no randomness.
///
/// Events that break the rules below are refused with Errc::journal_corrupt and a sentence that
/// names the rule; the state is then as it was before. The writer folds an event before it commits
/// it, so that a journal holds legal histories only.
///
/// After the terminal event (run.completed, .failed, .interrupted, .cancelled) only facts about the
/// execution environment may follow: run.launched, run.launch_failed, run.runner_adopted,
/// run.recovered, run.scope_stop_requested, run.scope_ended. The terminal event comes as soon as
/// the run's outcome is known; the stop of its scope and the final accounting come after it.
namespace kheish::engine {

// --- limits
// ---------------------------------------------------------------------------------------

inline constexpr int kMaxCallsPerTurn = 256; ///< the rest of a turn's calls is refused
inline constexpr int kMaxParallelCalls = 16; ///< in flight at once
inline constexpr int kMaxModelFailures = 8;  ///< of one turn, network errors not counted
inline constexpr int kMaxLostAttempts = 3;   ///< runners lost in a row without a finished call
/// Of a conversation, where the run does not say: about 130,000 tokens of source code.
inline constexpr std::int64_t kContextLimitBytes = 400'000;
inline constexpr std::size_t kMaxEarlierCalls = 50; ///< of those left out that the model is told of

// --- statuses
// -------------------------------------------------------------------------------------

enum class RunStatus {
    queued,
    running,
    waiting_for_approval,
    waiting_for_user_question,
    completed,
    failed,
    interrupted,
    cancelled,
};

inline constexpr std::array kAllRunStatuses = {
    RunStatus::queued,
    RunStatus::running,
    RunStatus::waiting_for_approval,
    RunStatus::waiting_for_user_question,
    RunStatus::completed,
    RunStatus::failed,
    RunStatus::interrupted,
    RunStatus::cancelled,
};

/// The word on the wire, which is the enumerator's name; and back.
std::string_view to_string(RunStatus status);
std::optional<RunStatus> parse_run_status(std::string_view text);
bool is_terminal(RunStatus status);
/// The table of legal transitions. Staying where one is is legal, also in a terminal status.
bool is_legal_transition(RunStatus from, RunStatus to);

/// What a live run waits on: exactly one. none is for terminal runs only.
enum class WaitReason {
    none,
    queue,
    model,
    tools,
    approval,
    outcome_unknown,
    budget,
    question,
    timer,
    child,
    network,
    credential,
    audit,
    storage,
    launch,
};

std::string_view to_string(WaitReason reason);
std::optional<WaitReason> parse_wait_reason(std::string_view text);

// --- calls of the current turn
// --------------------------------------------------------------------

enum class CallPhase {
    proposed,        ///< not judged
    asked,           ///< judged "ask", the gate is not there yet
    gated,           ///< waits for a decision
    questioned,      ///< a person has been asked, whose answer is the result
    allowed,         ///< may start, for the first time or again
    refused,         ///< denied or invalid; tool.finished follows
    started,         ///< in flight
    unconfirmed,     ///< was in flight when the daemon died; its runner is to be asked
    lost,            ///< may have happened, must not be repeated; to be asked about or told
    outcome_unknown, ///< somebody has been asked what came of it
    resolved,        ///< somebody has said so; tool.finished follows
    finished,
};

std::string_view to_string(CallPhase phase);

/// What comes of a gate that nobody decides for long.
struct Overdue {
    Deadline remind = {};   ///< not set: nobody is to be reminded (any more)
    Deadline escalate = {}; ///< not set: it is not to be escalated (any more)
    std::vector<std::string> escalate_to = {};
};

struct Gate {
    ApprovalId approval;
    codec::Digest digest;
    bool consumed = false;  ///< by tool.started
    Deadline deadline = {}; ///< not set: it waits for ever
};

struct Question {
    QuestionId id;
    Deadline deadline; ///< not set: it does not expire
};

/// What a call is to be finished with that nobody will execute (again).
struct Settlement {
    std::string outcome; ///< as in ToolFinished
    bool is_error = true;
    std::string text;                   ///< told to the model, unless there is
    std::optional<codec::BlobRef> blob; ///< a text that somebody has supplied
};

struct CallState {
    ProposedCall proposal;
    CallPhase phase = CallPhase::proposed;
    int executions = 0;                    ///< tool.started events so far
    int scope_attempt = 0;                 ///< of the last one; 0 for a tool of the daemon
    bool may_have_happened = false;        ///< started, and no end of it is known
    bool may_have_happened_before = false; ///< the same of the executions before the last
    bool has_output = false;
    std::optional<codec::ContentChange> prepared; ///< what it changes, once it may have
    std::optional<Gate> gate;                     ///< the last one
    Overdue overdue; ///< of the gate that it waits at: in the phases gated and outcome_unknown
    std::optional<Question> question;     ///< in the phase questioned
    std::vector<std::string> grants;      ///< allowed by these instead of a gate
    bool input_updated = false;           ///< proposal.input is an approver's, not the model's
    std::optional<Settlement> settlement; ///< in the phases refused and resolved
    std::optional<codec::BlobRef> result; ///< in the phase finished
    bool is_error = false;                ///< of the result

    bool is_in_flight() const {
        return phase == CallPhase::started || phase == CallPhase::unconfirmed;
    }
};

// --- the run
// --------------------------------------------------------------------------------------

/// A call that was started and is not pure: what it did is done, whether or not the model sees it.
struct EffectiveCall {
    std::string tool;
    codec::BlobRef input;
    bool is_error = false; ///< of its result
};

/// One piece of the conversation, in order; the content lies in blobs. A user entry is text, an
/// assistant entry is models::encode_message, a tool result is text. The results of one turn stand
/// together, in the order in which the calls were proposed, once all of them are there.
struct TranscriptEntry {
    enum class Kind { user, assistant, tool_result };
    Kind kind = Kind::user;
    int turn = 0;
    bool is_error = false; ///< of a tool result
    codec::BlobRef content;
    std::string provider_call_id; ///< of a tool result
    /// Of a tool result: what the call was given instead of what the model had asked for.
    std::optional<codec::BlobRef> updated_input = {};
    /// Of a tool result: its call, if it may have changed something.
    std::optional<EffectiveCall> effect = {};
};

/// How much of the conversation the model is shown.
struct ContextState {
    int first_turn = 1;                       ///< the first whose answer is in the transcript
    std::int64_t bytes = 0;                   ///< of the transcript, the input apart
    std::vector<EffectiveCall> earlier_calls; ///< the last of those left out, in order
};

struct ModelState {
    enum class Phase {
        idle,      ///< nothing asked, or the last answer is being worked on
        in_flight, ///< an attempt is under way
        failed,    ///< the last attempt failed, no retry is scheduled yet
        waiting,   ///< for the deadline of the next attempt
    };
    Phase phase = Phase::idle;
    int turn = 0;              ///< the last one asked for; turns count from 1
    int attempt = 0;           ///< the last one made within the turn
    int failures = 0;          ///< of the turn, without network errors
    int network_failures = 0;  ///< in a row
    ModelFailed last_failure;  ///< in the phases failed and waiting
    ModelRetryScheduled retry; ///< in the phase waiting
    std::string stop_reason;   ///< of the last answer
    bool answered = false;     ///< the turn has its answer
    bool answer_has_text = false;
    codec::BlobRef message; ///< the last answer
};

struct ScopeState {
    enum class Phase {
        none,             ///< no process, no intent
        requested,        ///< launch_requested, the answer is outstanding
        live,             ///< the runner answers
        unconfirmed,      ///< after a restart of the daemon: to be adopted
        stopping,         ///< stop requested
        stop_unconfirmed, ///< stop requested by a daemon that died: to be requested again
    };
    Phase phase = Phase::none;
    int attempt = 0;          ///< the last one requested
    int failed_launches = 0;  ///< in a row
    int lost_in_a_row = 0;    ///< without a finished call in between; restarts do not count
    std::string launch_error; ///< of the last failed launch
    bool refused = false;     ///< that failure is permanent
    std::string unit;         ///< of the last launched attempt
    std::vector<std::string> degraded;
    std::string boot_id;      ///< of the last attempt
    ScopeUsage usage_before;  ///< of slices of earlier boots
    ScopeUsage usage_current; ///< of the slice of boot_id

    /// Over all attempts.
    ScopeUsage usage() const;
};

struct OutputState {
    std::string source_kind;
    codec::BlobRef content;
    CallId call; ///< empty for assistant_text
};

struct RunState {
    RunId run;
    SessionId session;
    AgentId agent;
    Authority authority; ///< under which the run was accepted
    RunAccepted request;
    RunStatus status = RunStatus::queued;
    EventSeq last_seq = 0; ///< of the last event folded in that had one
    std::int64_t accepted_at_us = 0;
    std::int64_t started_at_us = 0;
    std::int64_t updated_at_us = 0;
    std::int64_t finished_at_us = 0;
    std::int64_t queued_position = 0;
    bool cancel_requested = false;
    bool cancel_is_interrupt = false;
    std::string cancel_reason;
    std::string failure_code; ///< of a failed run
    std::string failure;
    ModelState model;
    ScopeState scope;
    std::optional<ProjectPermissions> project; ///< where the run reads them, once they are
    std::vector<CallState> calls;              ///< of the current turn, in the order of the answer
    std::vector<TranscriptEntry> transcript;   ///< the input, and what the model sees of the rest
    ContextState context;
    std::vector<OutputState> outputs;
    TokenUsage usage;
    std::int64_t model_attempts = 0; ///< over all turns, those without an answer included
    std::int64_t tool_calls = 0;     ///< proposed, over all turns
    std::int64_t gates = 0;          ///< approval.requested so far
    std::int64_t questions = 0;      ///< question.asked so far

    const CallState* find_call(const CallId& call) const;
    const CallState* find_gate(const ApprovalId& approval) const; ///< by its last gate
    /// The call that asks it, where it waits for the answer.
    const CallState* find_question(const QuestionId& question) const;
    /// Gates that wait for a decision, and calls whose outcome somebody must tell.
    std::vector<const CallState*> pending_gates() const;
    std::vector<const CallState*> pending_outcomes() const;
};

/// The state after `events`, which are one run's events in order, run.accepted first.
Result<RunState> fold(std::span<const Event> events);
/// One event more. On an error `state` is unchanged.
Status apply(RunState& state, const Event& event);

WaitReason wait_reason(const RunState& state);
/// What a call in the phase allowed is finished with, instead of being started, where it is no
/// longer what its gate showed.
Settlement withdrawal_of(const CallState& call);
/// Terminal, and no scope of it is left: nothing will ever happen to this run again. A restart
/// looks at every run that is not settled.
bool is_settled(const RunState& state);

// --- names
// ----------------------------------------------------------------------------------------

/// "call-<turn>-<index>"; the calls of an answer are numbered from 0.
CallId call_id(int turn, std::size_t index);
/// The id that the run's next approval.requested has to carry.
ApprovalId next_approval_id(const RunState& state);
/// The id of the gate at which somebody says what came of the call's execution number `execution`.
ApprovalId outcome_gate_id(RunId run, const CallId& call, int execution);
/// True for ids that outcome_gate_id() makes.
bool is_outcome_gate(const ApprovalId& approval);
/// The gate that a call of the run waits at, of either kind; none where it waits at none.
std::optional<ApprovalId> waiting_gate(RunId run, const CallState& call);
/// The id that the run's next question.asked has to carry.
QuestionId next_question_id(const RunState& state);
/// The same for every execution of the call.
std::string idempotency_key(const RunState& state, const CallId& call);

} // namespace kheish::engine
