#pragma once

#include "base/responder.hpp"
#include "codec/json.hpp"
#include "control/authentication_failure.hpp"
#include "control/caller.hpp"
#include "control/grant_requests.hpp"
#include "control/lease_requests.hpp"
#include "control/operations.hpp"
#include "control/permission_check.hpp"
#include "control/question_requests.hpp"
#include "control/requests.hpp"
#include "control/secret_requests.hpp"
#include "control/stream.hpp"
#include "control/token_requests.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The use cases that every edge calls and nothing else. Reads answer at once from committed state;
/// changes answer after their commit. Whose a thing is, is checked here, whatever an edge has done
/// before: Errc::forbidden for somebody else's unless Caller::acts_for_others.
///
/// Views are JSON objects with the fields of the wire contract, rendered in one place, so that
/// every edge shows the same.
namespace kheish::control {

struct SubmittedRun {
    RunId run;
    codec::Json view;
    bool created = false; ///< false: the idempotency key named this run already
};

struct CreatedSession {
    SessionId session;
    codec::Json view;
    bool created = false; ///< false: it was there, with nothing that contradicts the request
};

/// The typed core of a run, for D-Bus properties.
struct RunSummary {
    RunId run;
    SessionId session;
    Principal owner;
    std::string status;
    std::string wait_reason; ///< empty for a terminal run
    std::string unit;        ///< scope, empty where there is none now
    std::string route;
    std::string model;
    std::string text_preview; ///< escaped for display
    std::string error;
    std::int64_t submitted_us = 0;
    std::int64_t started_us = 0;  ///< 0: not yet
    std::int64_t finished_us = 0; ///< 0: not yet
    std::int64_t cpu_usage_us = 0;
    std::int64_t input_tokens = 0;
    std::int64_t output_tokens = 0;
    std::int64_t pending_approvals = 0;
};

struct SessionSummary {
    SessionId session;
    Principal owner;
    std::string workspace;
    std::string status; ///< AgentStatus word
    std::int64_t created_us = 0;
    std::int64_t ended_us = 0; ///< 0: live
    std::optional<RunId> active_run;
    std::int64_t queued_runs = 0;
};

struct ApprovalSummary {
    ApprovalId approval;
    RunId run;
    SessionId session;
    Principal owner;
    std::string tool;
    std::string summary; ///< escaped for display
    std::string reason;
    std::string state;  ///< pending, allowed, denied or void
    std::string digest; ///< hexadecimal
    std::int64_t requested_us = 0;
    bool asks_permission = true;              ///< false: it asks for the outcome of a call
    std::vector<Principal> escalated_to = {}; ///< who may decide beside the owner
};

struct QuestionSummary {
    QuestionId question;
    RunId run;
    SessionId session;
    Principal owner;
    std::string summary; ///< escaped for display
    std::string state;   ///< pending, answered, declined or void
    std::int64_t requested_us = 0;
    std::int64_t expires_us = 0; ///< 0: never
};

/// Told about committed changes, for D-Bus signals. From the loop, after the commit.
class ChangeListener {
  public:
    ChangeListener() = default;
    ChangeListener(const ChangeListener&) = delete;
    ChangeListener& operator=(const ChangeListener&) = delete;
    virtual ~ChangeListener() = default;

    virtual void on_session_changed(const SessionId& session, bool created, bool ended) = 0;
    /// `appeared`: the run was just accepted; `ended`: it has just become terminal.
    virtual void on_run_changed(RunId run, bool appeared, bool ended) = 0;
    virtual void on_approval_changed(const ApprovalId& approval, bool appeared, bool settled) = 0;
    /// Nobody has decided for a while, and those who may are to be told again.
    virtual void on_approval_overdue(const ApprovalId& approval) = 0;
    virtual void on_question_changed(const QuestionId& question, bool appeared, bool settled) = 0;
};

class Service {
  public:
    Service() = default;
    Service(const Service&) = delete;
    Service& operator=(const Service&) = delete;
    virtual ~Service() = default;

    // --- reads
    // ------------------------------------------------------------------------------------
    /// Success while new work is taken; else Errc::daemon_draining or the journal's trouble.
    virtual Status readiness() const = 0;
    virtual codec::Json status_view() const = 0;
    virtual codec::Json capabilities_view() const = 0;

    virtual Result<Principal> session_owner(const SessionId& session) const = 0;
    virtual Result<Principal> run_owner(RunId run) const = 0;
    virtual Result<Principal> approval_owner(const ApprovalId& approval) const = 0;
    virtual Result<Principal> question_owner(const QuestionId& question) const = 0;

    virtual Result<codec::Json> session_view(const Caller&, const SessionId&) const = 0;
    virtual Result<codec::Json> sessions_view(const Caller&, const ListSessions&) const = 0;
    virtual Result<codec::Json> session_events_view(const Caller&, const SessionId&) const = 0;
    virtual Result<codec::Json> run_view(const Caller&, RunId) const = 0;
    virtual Result<codec::Json> runs_view(const Caller&, const ListRuns&) const = 0;
    virtual Result<codec::Json> run_events_view(const Caller&, RunId) const = 0;
    /// As external_actions.hpp has it.
    virtual Result<codec::Json> external_actions_view(const Caller&, RunId) const = 0;
    /// Pending approvals, of one session where given.
    virtual Result<codec::Json>
    approvals_view(const Caller&, const std::optional<SessionId>&) const = 0;
    virtual Result<codec::Json> approval_view(const Caller&, const ApprovalId&) const = 0;
    /// Pending questions, of one session where given.
    virtual Result<codec::Json>
    questions_view(const Caller&, const std::optional<SessionId>&) const = 0;
    virtual Result<codec::Json> question_view(const Caller&, const QuestionId&) const = 0;

    /// Who owns the session that the grant comes from.
    virtual Result<Principal> grant_owner(const std::string& grant) const = 0;
    /// Those that hold, as grants.hpp has them.
    virtual Result<codec::Json> grants_view(const Caller&, const ListGrants&) const = 0;

    /// What the rules would say (permission_check.hpp); about a session, as they would in it.
    virtual Result<codec::Json> permission_view(const Caller&, const CheckPermission&) const = 0;
    virtual Result<codec::Json> permissions_view(const Caller&, const DescribeMatrix&) const = 0;

    virtual Result<SessionSummary> session_summary(const SessionId&) const = 0;
    virtual Result<RunSummary> run_summary(RunId) const = 0;
    virtual Result<ApprovalSummary> approval_summary(const ApprovalId&) const = 0;
    virtual Result<QuestionSummary> question_summary(const QuestionId&) const = 0;
    /// For ObjectManager: sessions that have not ended, live runs, pending approvals and questions;
    /// at most `limit` of each.
    virtual std::vector<SessionId> live_sessions(std::size_t limit) const = 0;
    virtual std::vector<RunId> live_runs(std::size_t limit) const = 0;
    virtual std::vector<ApprovalId> pending_approvals(std::size_t limit) const = 0;
    virtual std::vector<QuestionId> pending_questions(std::size_t limit) const = 0;

    // --- streams
    // ----------------------------------------------------------------------------------
    /// From behind `cursor`; without one, from the newest event on. A cursor in the future is
    /// "now".
    virtual Result<std::unique_ptr<Subscription>> subscribe(
        const Caller&,
        const StreamFilter&,
        std::optional<EventSeq> cursor,
        SubscriptionHandlers) = 0;
    /// Nullptr ends it. One listener.
    virtual void set_change_listener(ChangeListener*) = 0;

    // --- changes
    // ----------------------------------------------------------------------------------
    virtual void create_session(const Caller&, CreateSession, Responder<CreatedSession>) = 0;
    /// Queues detached work; creates no session.
    virtual void submit(const Caller&, SessionId, SubmitInput, Responder<SubmittedRun>) = 0;
    /// As submit(), but Errc::session_busy where the session has an active or queued run.
    virtual void submit_to_idle(const Caller&, SessionId, SubmitInput, Responder<SubmittedRun>) = 0;
    /// Interrupts the active run and cancels the queued ones, each of which keeps the reason (where
    /// it is empty, that the session was interrupted). Answers {interrupted, snapshot}.
    virtual void
    interrupt_session(const Caller&, SessionId, EndRequest, Responder<codec::Json>) = 0;
    /// As interrupt, and the session takes no more input.
    virtual void end_session(const Caller&, SessionId, EndRequest, Responder<codec::Json>) = 0;
    /// A repeated cancel, and that of a terminal run, answers the same view and changes nothing.
    virtual void cancel_run(const Caller&, RunId, EndRequest, Responder<codec::Json>) = 0;
    /// Resolves gates of one run (all named approvals must be its and pending, or nothing
    /// happens). Answers the run's view.
    virtual void
    resolve_approvals(const Caller&, RunId, ResolveApprovals, Responder<codec::Json>) = 0;
    /// As above, for the session's active run.
    virtual void resolve_session_approvals(
        const Caller&, SessionId, ResolveApprovals, Responder<codec::Json>) = 0;
    /// By the approval's own id.
    virtual void resolve_approval(const Caller&, ResolveApprovals, Responder<codec::Json>) = 0;
    /// Answers or declines a question of the run, all of it at once; the run's view.
    virtual void
    resolve_question(const Caller&, RunId, ResolveQuestion, Responder<codec::Json>) = 0;
    /// As above, for the session's active run.
    virtual void
    resolve_session_question(const Caller&, SessionId, ResolveQuestion, Responder<codec::Json>) = 0;
    /// Cancels the run, as long as it waits for this question; anything else changes nothing.
    virtual void cancel_question(const Caller&, RunId, CancelQuestion, Responder<codec::Json>) = 0;

    /// Ends a grant: nothing is allowed by it any more, not even what waits to start.
    virtual void revoke_grant(const Caller&, RevokeGrant, Responder<codec::Json>) = 0;

    // --- administration: Errc::forbidden unless Caller::acts_for_others
    // ---------------------------------------------------------------------------------------
    /// As tokens.hpp has it.
    virtual Result<codec::Json> tokens_view(const Caller&) const = 0;
    virtual void create_token(const Caller&, CreateToken, Responder<codec::Json>) = 0;
    virtual void rotate_token(const Caller&, RotateToken, Responder<codec::Json>) = 0;
    virtual void revoke_token(const Caller&, RevokeToken, Responder<codec::Json>) = 0;

    /// As leases.hpp has them.
    virtual Result<codec::Json> subject_view(const Caller&, const std::string& subject) const = 0;
    virtual Result<codec::Json> lease_view(const Caller&, const std::string& lease) const = 0;
    virtual void revoke_subject(const Caller&, NamedRequest, Responder<codec::Json>) = 0;
    virtual void restore_subject(const Caller&, NamedRequest, Responder<codec::Json>) = 0;
    virtual void revoke_lease(const Caller&, NamedRequest, Responder<codec::Json>) = 0;
    virtual void revoke_slot(const Caller&, NamedRequest, Responder<codec::Json>) = 0;

    /// As secrets.hpp has them.
    virtual Result<codec::Json> secrets_view(const Caller&) const = 0;
    virtual Result<codec::Json> secret_view(const Caller&, const std::string& name) const = 0;
    virtual void set_secret(const Caller&, SetSecret, Responder<codec::Json>) = 0;
    virtual void import_secret(const Caller&, ImportSecret, Responder<codec::Json>) = 0;
    virtual void revoke_secret(const Caller&, NameSecret, Responder<codec::Json>) = 0;
    virtual void delete_secret(const Caller&, NameSecret, Responder<codec::Json>) = 0;
    virtual void rotate_master_key(const Caller&, Responder<codec::Json>) = 0;

    /// Puts it on record.
    virtual void note_authentication_failure(AuthenticationFailure) = 0;

    /// Calls `done` once nothing goes on by itself any more: the run has ended or waits for a
    /// person (at once if it does); for inline input.
    virtual void when_at_rest(RunId, UniqueFunction<void()> done) = 0;
};

} // namespace kheish::control
