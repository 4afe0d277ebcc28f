#pragma once

#include "base/deadline.hpp"
#include "base/ids.hpp"
#include "codec/digest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The facts of a tool call's life, part of event.hpp.
namespace kheish::engine {

/// Permission modes (features of the wire contract use the same words).
enum class PermissionMode { standard, accept_edits, plan, dont_ask, bypass_permissions };

enum class Decision { allow, ask, deny };

struct PermissionDecided {
    static constexpr std::string_view kType = "permission.decided";
    CallId call;
    Decision decision = Decision::deny;
    Decision base_decision = Decision::deny; ///< of the rule alone, before the mode
    PermissionMode mode = PermissionMode::standard;
    std::string mode_effect; ///< empty where the mode changed nothing
    std::string rule_pattern;
    std::string rule_scope; ///< session, project, user or default
    std::string reason;
    /// What people have allowed before, where it made an allow of an ask (grant_events.hpp).
    std::vector<std::string> grants = {};
};

/// A gate. `digest` seals run, tool, input, working directory and sandbox profile.
struct ApprovalRequested {
    static constexpr std::string_view kType = "approval.requested";
    ApprovalId approval;
    CallId call;
    codec::Digest digest;
    std::string summary; ///< one line, already escaped for display
    std::string reason;
    std::optional<Deadline> deadline = {};     ///< none: it waits for ever
    std::optional<Deadline> remind = {};       ///< none: nobody is reminded
    std::optional<Deadline> escalate = {};     ///< none: it stays with its owner
    std::vector<std::string> escalate_to = {}; ///< principals
};

/// Nobody has decided for a while: those who may are told again, once.
struct ApprovalReminded {
    static constexpr std::string_view kType = "approval.reminded";
    ApprovalId approval; ///< or the gate of an unknown outcome (outcome_gate_id())
    CallId call;
};

/// Nobody has decided for longer: these may, too, and are told.
struct ApprovalEscalated {
    static constexpr std::string_view kType = "approval.escalated";
    ApprovalId approval; ///< as in ApprovalReminded
    CallId call;
    std::vector<std::string> to; ///< principals
};

/// Nobody has decided in time, which is a no.
struct ApprovalExpired {
    static constexpr std::string_view kType = "approval.expired";
    ApprovalId approval;
    CallId call;
};

struct ApprovalResolved {
    static constexpr std::string_view kType = "approval.resolved";
    ApprovalId approval;
    CallId call;
    codec::Digest digest; ///< of what was shown; the resolver has confirmed it
    bool allowed = false;
    std::string reason; ///< justification of an allow, reason of a deny
    /// What is to happen instead of what was shown, only where allowed: the input, and the digest
    /// of the action with it. Both or neither.
    std::optional<codec::BlobRef> updated_input = {};
    std::optional<codec::Digest> updated_digest = {};
};

/// The call may be happening from here on. Consumes the approval that allowed it.
struct ToolStarted {
    static constexpr std::string_view kType = "tool.started";
    CallId call;
    int execution = 1;     ///< counts starts of the same call
    int scope_attempt = 0; ///< 0 for a tool of the daemon
    std::string idempotency_key;
};

/// A reconcilable call in flight knows what it will change, and changes it once this is committed:
/// whoever executes it again looks for the change first.
struct ToolPrepared {
    static constexpr std::string_view kType = "tool.prepared";
    CallId call;
    codec::ContentChange change;
};

struct ToolFinished {
    static constexpr std::string_view kType = "tool.finished";
    CallId call;
    std::string outcome; ///< ok, failed, timed_out, cancelled, denied, invalid, outcome_unknown
    bool is_error = false;
    codec::BlobRef text; ///< what the model is told
    std::string text_preview;
    int exit_code = -1; ///< -1 where there was none
    bool truncated = false;
    std::optional<codec::BlobRef> spool; ///< digest and size; the data is no blob
    std::int64_t duration_us = 0;
};

/// The call may have happened and nobody can say: a gate of its own, of which people are reminded,
/// and which is escalated, as one that waits for an approval.
struct ToolOutcomeUnknown {
    static constexpr std::string_view kType = "tool.outcome_unknown";
    CallId call;
    std::string reason;
    std::optional<Deadline> remind = {};       ///< none: nobody is reminded
    std::optional<Deadline> escalate = {};     ///< none: it stays with its owner
    std::vector<std::string> escalate_to = {}; ///< principals
};

/// What is to become of a call with an unknown outcome.
enum class OutcomeChoice {
    retry,   ///< execute it again
    result,  ///< it happened: the model is told `text`
    abandon, ///< nobody knows, and the model is told so
};

struct OutcomeResolved {
    static constexpr std::string_view kType = "outcome.resolved";
    CallId call;
    OutcomeChoice choice = OutcomeChoice::abandon;
    std::optional<codec::BlobRef> text; ///< exactly where the choice is result
    std::string reason;
};

/// A call whose work a person does is put to them; what is asked is the call's input. It waits
/// until `deadline_boot_us` within boot `boot_id`, until `deadline_wall_us` after a reboot; without
/// a boot id it waits for ever.
struct QuestionAsked {
    static constexpr std::string_view kType = "question.asked";
    QuestionId question;
    CallId call;
    std::string summary; ///< one line, already escaped for display
    Deadline deadline;
};

/// All of it was answered, or declined.
struct QuestionResolved {
    static constexpr std::string_view kType = "question.resolved";
    QuestionId question;
    CallId call;
    bool declined = false;
    codec::BlobRef text; ///< what the model is told
    std::string reason;  ///< justification
};

/// Nobody has answered in time: the run is cancelled.
struct QuestionExpired {
    static constexpr std::string_view kType = "question.expired";
    QuestionId question;
    CallId call;
};

} // namespace kheish::engine
