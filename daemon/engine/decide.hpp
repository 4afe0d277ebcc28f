#pragma once

#include "engine/state.hpp"

#include <chrono>

/// What is to be done about a run, from its state alone.
///
/// decide() is asked again after every event. As long as the state is the same it gives the same
/// effects; it remembers nothing. There are two kinds:
///
/// * *journaled*: carried out by committing the named event first, then acting. With that event
///   folded in the effect is not returned again.
/// * *standing*: returned for as long as it holds. The caller keeps what it has begun (a timer, a
///   question to the runner), does not begin it twice, and drops it when it is no longer returned.
///   After a restart of the daemon it is simply returned again.
///
/// The effects of one answer are carried out in order; the events of the journaled ones are legal
/// one after another.
namespace kheish::engine {

inline constexpr std::chrono::seconds kFirstBackoff{1}; ///< doubled with every failure in a row
inline constexpr std::chrono::seconds kLongestBackoff{60};
inline constexpr std::chrono::hours kLongestRetryAfter{24 * 7}; ///< what a provider may ask for
inline constexpr std::chrono::seconds kIdleScopeLimit{60};
inline constexpr std::chrono::seconds kCancelGrace{10};

/// Journaled: run.launch_requested. After `delay` (standing until then; 0 is at once).
struct Launch {
    int attempt = 1;
    std::chrono::microseconds delay{0};
    friend bool operator==(const Launch&, const Launch&) = default;
};

/// Standing, until run.runner_adopted or run.scope_ended: ask for the runner of `attempt`.
struct AdoptRunner {
    int attempt = 1;
    friend bool operator==(const AdoptRunner&, const AdoptRunner&) = default;
};

/// Journaled: run.scope_stop_requested. After `delay` (standing until then): 0 for a run that is
/// over, kIdleScopeLimit for one that waits, kCancelGrace for one whose calls do not end.
struct StopScope {
    int attempt = 1;
    std::chrono::microseconds delay{0};
    friend bool operator==(const StopScope&, const StopScope&) = default;
};

/// Journaled: model.requested. A route that is not ready is run.failed instead.
struct RequestModel {
    int turn = 1;
    int attempt = 1;
    friend bool operator==(const RequestModel&, const RequestModel&) = default;
};

/// Journaled: context.trimmed. Comes before RequestModel, whose prompt begins at `first_turn` then.
struct TrimContext {
    int first_turn = 2;
    friend bool operator==(const TrimContext&, const TrimContext&) = default;
};

/// Comes before Finish: drop the call, its answer is not wanted. No event; the run ends.
struct AbortModel {
    int turn = 1;
    int attempt = 1;
    friend bool operator==(const AbortModel&, const AbortModel&) = default;
};

/// Journaled: model.retry_scheduled, for `delay` from now; the caller may add jitter.
struct ScheduleModelRetry {
    int turn = 1;
    int attempt = 1; ///< the one to be made then
    std::chrono::microseconds delay{0};
    bool network = false;
    bool credential = false;
    friend bool operator==(const ScheduleModelRetry&, const ScheduleModelRetry&) = default;
};

/// Standing, until model.retry_due, which the caller writes when the deadline has passed, or, where
/// it waits for the network, model.retry_woken.
struct ArmRetryTimer {
    int turn = 1;
    int attempt = 1;
    Deadline deadline;
    friend bool operator==(const ArmRetryTimer&, const ArmRetryTimer&) = default;
};

/// Journaled: permission.decided (and, with it, approval.requested where the decision is ask).
struct JudgeCall {
    CallId call;
    friend bool operator==(const JudgeCall&, const JudgeCall&) = default;
};

/// Journaled: approval.requested with next_approval_id(). Only for a call that was judged "ask"
/// without getting its gate in the same commit.
struct RequestApproval {
    CallId call;
    friend bool operator==(const RequestApproval&, const RequestApproval&) = default;
};

struct CallStart {
    CallId call;
    ToolPlace place = ToolPlace::runner;
    int execution = 1;
    int scope_attempt = 0;
    std::string idempotency_key;
    friend bool operator==(const CallStart&, const CallStart&) = default;
};

/// Journaled: one tool.started for each, then execution. They may run beside each other. A call
/// that is no longer what its gate showed is finished as withdrawal_of() says instead
/// (tool.finished).
struct StartCalls {
    std::vector<CallStart> calls;
    friend bool operator==(const StartCalls&, const StartCalls&) = default;
};

/// Journaled: question.asked with next_question_id().
struct AskQuestion {
    CallId call;
    friend bool operator==(const AskQuestion&, const AskQuestion&) = default;
};

/// What comes when nobody decides about a gate.
enum class GateMoment { expiry, reminder, escalation };

/// Standing, until approval.expired, .reminded or .escalated, which the caller writes when the
/// deadline has passed, or approval.resolved; of an unknown outcome (which does not expire), or
/// outcome.resolved.
struct ArmApprovalTimer {
    ApprovalId approval;
    CallId call;
    GateMoment moment = GateMoment::expiry;
    Deadline deadline;
    friend bool operator==(const ArmApprovalTimer&, const ArmApprovalTimer&) = default;
};

/// Standing, until question.expired, which the caller writes when the deadline has passed, or
/// question.resolved.
struct ArmQuestionTimer {
    QuestionId question;
    CallId call;
    Deadline deadline;
    friend bool operator==(const ArmQuestionTimer&, const ArmQuestionTimer&) = default;
};

/// Standing, until tool.finished: ask for the end of a call that is in flight.
struct CancelCall {
    CallId call;
    ToolPlace place = ToolPlace::runner;
    friend bool operator==(const CancelCall&, const CancelCall&) = default;
};

/// Journaled: tool.finished, of a call that nobody executes (again): denied, invalid, cancelled
/// before it began, outcome unknown and told to the model, or told by somebody.
struct SettleCall {
    CallId call;
    std::string outcome;
    bool is_error = true;
    std::string text;                   ///< told to the model, unless there is
    std::optional<codec::BlobRef> blob; ///< the text that somebody supplied
    friend bool operator==(const SettleCall&, const SettleCall&) = default;
};

/// Journaled: tool.outcome_unknown. Ends with outcome.resolved by somebody.
struct AskOutcome {
    CallId call;
    std::string reason;
    friend bool operator==(const AskOutcome&, const AskOutcome&) = default;
};

/// Journaled: output.recorded{assistant_text} with the text of `message`.
struct RecordOutput {
    codec::BlobRef message; ///< models::encode_message
    friend bool operator==(const RecordOutput&, const RecordOutput&) = default;
};

/// Journaled: the terminal event of this status.
struct Finish {
    RunStatus status = RunStatus::completed;
    std::string code;   ///< of a failed run
    std::string reason; ///< error of a failed run, reason of a cancelled or interrupted one
    friend bool operator==(const Finish&, const Finish&) = default;
};

using Effect = std::variant<
    Launch,
    AdoptRunner,
    StopScope,
    TrimContext,
    RequestModel,
    AbortModel,
    ScheduleModelRetry,
    ArmRetryTimer,
    JudgeCall,
    RequestApproval,
    StartCalls,
    AskQuestion,
    ArmApprovalTimer,
    ArmQuestionTimer,
    CancelCall,
    SettleCall,
    AskOutcome,
    RecordOutput,
    Finish>;

/// Empty where the run waits for a fact that only the outside can supply (an answer of the model,
/// the end of a call, a decision), and where it is settled.
std::vector<Effect> decide(const RunState& state);

/// For logs and test failures.
std::string to_string(const Effect& effect);

} // namespace kheish::engine
