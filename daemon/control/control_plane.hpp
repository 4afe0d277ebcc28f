#pragma once

#include "control/event_hub.hpp"
#include "control/grants.hpp"
#include "control/host_events.hpp"
#include "control/reader.hpp"
#include "control/secrets.hpp"
#include "control/service.hpp"
#include "control/supervisor.hpp"
#include "control/tokens.hpp"

#include <map>
#include <memory>
#include <vector>

namespace kheish::control {

/// The control plane: all use cases over one supervisor.
class ControlPlane final : public Service, public CommitObserver, public HostEvents {
  public:
    ControlPlane(Outside outside, Settings settings);
    ControlPlane(const ControlPlane&) = delete;
    ControlPlane& operator=(const ControlPlane&) = delete;
    ~ControlPlane() override;

    /// Takes over what the journal has. Called once, before any other member.
    Status restore();
    /// Puts it on record that this program decides from here on, by this configuration.
    void note_start(std::string configuration);
    /// From here on no new work is taken; runs go on.
    void drain() { draining_ = true; }

    Status readiness() const override;
    codec::Json status_view() const override;
    codec::Json capabilities_view() const override;
    Result<Principal> session_owner(const SessionId& session) const override;
    Result<Principal> run_owner(RunId run) const override;
    Result<Principal> approval_owner(const ApprovalId& approval) const override;
    Result<Principal> question_owner(const QuestionId& question) const override;
    Result<codec::Json> session_view(const Caller&, const SessionId&) const override;
    Result<codec::Json> sessions_view(const Caller&, const ListSessions&) const override;
    Result<codec::Json> session_events_view(const Caller&, const SessionId&) const override;
    Result<codec::Json> run_view(const Caller&, RunId) const override;
    Result<codec::Json> runs_view(const Caller&, const ListRuns&) const override;
    Result<codec::Json> run_events_view(const Caller&, RunId) const override;
    Result<codec::Json> external_actions_view(const Caller&, RunId) const override;
    Result<codec::Json>
    approvals_view(const Caller&, const std::optional<SessionId>&) const override;
    Result<codec::Json> approval_view(const Caller&, const ApprovalId&) const override;
    Result<codec::Json>
    questions_view(const Caller&, const std::optional<SessionId>&) const override;
    Result<codec::Json> question_view(const Caller&, const QuestionId&) const override;
    Result<Principal> grant_owner(const std::string& grant) const override;
    Result<codec::Json> grants_view(const Caller&, const ListGrants&) const override;
    Result<codec::Json> permission_view(const Caller&, const CheckPermission&) const override;
    Result<codec::Json> permissions_view(const Caller&, const DescribeMatrix&) const override;
    Result<SessionSummary> session_summary(const SessionId&) const override;
    Result<RunSummary> run_summary(RunId) const override;
    Result<ApprovalSummary> approval_summary(const ApprovalId&) const override;
    Result<QuestionSummary> question_summary(const QuestionId&) const override;
    std::vector<SessionId> live_sessions(std::size_t limit) const override;
    std::vector<RunId> live_runs(std::size_t limit) const override;
    std::vector<ApprovalId> pending_approvals(std::size_t limit) const override;
    std::vector<QuestionId> pending_questions(std::size_t limit) const override;

    Result<std::unique_ptr<Subscription>> subscribe(
        const Caller&,
        const StreamFilter&,
        std::optional<EventSeq> cursor,
        SubscriptionHandlers) override;
    void set_change_listener(ChangeListener* listener) override { listener_ = listener; }

    void create_session(const Caller&, CreateSession, Responder<CreatedSession>) override;
    void submit(const Caller&, SessionId, SubmitInput, Responder<SubmittedRun>) override;
    void submit_to_idle(const Caller&, SessionId, SubmitInput, Responder<SubmittedRun>) override;
    void interrupt_session(const Caller&, SessionId, EndRequest, Responder<codec::Json>) override;
    void end_session(const Caller&, SessionId, EndRequest, Responder<codec::Json>) override;
    void cancel_run(const Caller&, RunId, EndRequest, Responder<codec::Json>) override;
    void resolve_approvals(const Caller&, RunId, ResolveApprovals, Responder<codec::Json>) override;
    void resolve_session_approvals(
        const Caller&, SessionId, ResolveApprovals, Responder<codec::Json>) override;
    void resolve_approval(const Caller&, ResolveApprovals, Responder<codec::Json>) override;
    void resolve_question(const Caller&, RunId, ResolveQuestion, Responder<codec::Json>) override;
    void resolve_session_question(
        const Caller&, SessionId, ResolveQuestion, Responder<codec::Json>) override;
    void cancel_question(const Caller&, RunId, CancelQuestion, Responder<codec::Json>) override;
    void revoke_grant(const Caller&, RevokeGrant, Responder<codec::Json>) override;
    void when_at_rest(RunId run, UniqueFunction<void()> done) override;
    Result<codec::Json> tokens_view(const Caller&) const override;
    void create_token(const Caller&, CreateToken, Responder<codec::Json>) override;
    void rotate_token(const Caller&, RotateToken, Responder<codec::Json>) override;
    void revoke_token(const Caller&, RevokeToken, Responder<codec::Json>) override;
    Result<codec::Json> subject_view(const Caller&, const std::string& subject) const override;
    Result<codec::Json> lease_view(const Caller&, const std::string& lease) const override;
    void revoke_subject(const Caller&, NamedRequest, Responder<codec::Json>) override;
    void restore_subject(const Caller&, NamedRequest, Responder<codec::Json>) override;
    void revoke_lease(const Caller&, NamedRequest, Responder<codec::Json>) override;
    void revoke_slot(const Caller&, NamedRequest, Responder<codec::Json>) override;
    Result<codec::Json> secrets_view(const Caller&) const override;
    Result<codec::Json> secret_view(const Caller&, const std::string& name) const override;
    void set_secret(const Caller&, SetSecret, Responder<codec::Json>) override;
    void import_secret(const Caller&, ImportSecret, Responder<codec::Json>) override;
    void revoke_secret(const Caller&, NameSecret, Responder<codec::Json>) override;
    void delete_secret(const Caller&, NameSecret, Responder<codec::Json>) override;
    void rotate_master_key(const Caller&, Responder<codec::Json>) override;
    void note_authentication_failure(AuthenticationFailure) override;
    Tokens& tokens() { return tokens_; }

    // HostEvents
    void on_network_changed() override;
    void before_sleep(Responder<void> ready) override;
    void after_sleep() override;
    /// Told now and at every change whether any run works: is at a model or a tool.
    void set_work_listener(UniqueFunction<void(bool works)> listener) {
        supervisor_.set_work_listener(std::move(listener));
    }

    // CommitObserver
    void on_committed(const std::vector<engine::Event>& events) override;
    void on_text(RunId run, const SessionId& session, std::string_view text) override;

  private:
    struct Submission;
    struct RestWaiter {
        bool for_end = false; ///< and not for a wait for a person
        UniqueFunction<void()> done;
    };

    Result<std::vector<govern::Rule>> rules_for(
        const Caller& caller,
        const std::optional<SessionId>& session,
        const std::optional<std::string>& project) const;

    /// The tools of the session, if one is named, or all that there are.
    Result<ToolSurface>
    tools_for(const Caller& caller, const std::optional<SessionId>& session) const;

    std::vector<std::string> routes_that_need(const std::string& credential) const;
    SessionId new_session_id();
    Result<engine::RunAccepted>
    accepted_of(const journal::SessionRow& session, const SubmitInput& input) const;
    Result<std::string> ready_route(const std::string& wanted) const;
    /// The run that this receipt's key named before, or nothing; Errc::idempotency_conflict.
    Result<std::optional<RunId>>
    find_receipt(const std::optional<journal::IdempotencyReceipt>& receipt) const;
    /// Whether the session takes one run more.
    Status check_line(const SessionId& session) const;
    void finish_submit(RunId run, bool created, Responder<SubmittedRun>& responder) const;
    void finish_accept(
        const Result<RunId>& run,
        const std::optional<journal::IdempotencyReceipt>& receipt,
        Responder<SubmittedRun>& responder) const;
    /// Cancels every live run of the session. `done` follows the end of the active one's commit,
    /// with the receipt in it; where no run is active, that of the receipt.
    void stop_runs(
        const Authority& authority,
        const SessionId& session,
        const std::string& reason,
        std::optional<journal::IdempotencyReceipt> receipt,
        Responder<void> done);
    /// Answers behind the commits of so many turns of the loop.
    void flush(int rounds, Responder<void> ready);
    /// Writes a receipt alone, for what needed no change; at once where there is none.
    void remember(const std::optional<journal::IdempotencyReceipt>& receipt, Responder<void> done);
    void make_session(
        const Caller& caller,
        const SessionId& session,
        const CreateSession& request,
        std::optional<journal::IdempotencyReceipt> receipt,
        Responder<CreatedSession> responder);
    void finish_create(
        const SessionId& session,
        const std::optional<journal::IdempotencyReceipt>& receipt,
        const Result<void>& done,
        Responder<CreatedSession>& responder) const;
    /// The session as it is, where the caller may have it for this request.
    Result<CreatedSession> existing_session(
        const Caller& caller, const journal::SessionRow& known, const CreateSession& request) const;
    void finish_interrupt(
        const SessionId& session,
        RunId active,
        const Result<void>& stopped,
        Responder<codec::Json> responder);
    Result<codec::Json> interrupted_view(const SessionId& session, bool interrupted) const;
    /// Whether the receipt's key named this request before; `responder` is answered then.
    bool was_done_before(
        const std::optional<journal::IdempotencyReceipt>& receipt,
        RunId run,
        Responder<codec::Json>& responder) const;
    /// Commits, and answers with the run.
    void commit_for(RunActor& actor, Batch batch, Responder<codec::Json> responder);
    /// The question's row, where it is one that the caller's run has asked.
    Result<journal::ApprovalRow>
    question_of(const Caller& caller, RunId run, const QuestionId& question) const;
    /// Whether it still waits for its answer.
    Status check_question(const RunActor* actor, const journal::ApprovalRow& row) const;
    /// Commits what `stage` makes of the question in its run, as long as the question waits.
    void settle_question(
        const Caller& caller,
        RunId run,
        const QuestionId& question,
        std::optional<journal::IdempotencyReceipt> receipt,
        UniqueFunction<Status(RunActor&, Batch&)> stage,
        Responder<codec::Json> responder);
    Status check_decides(
        const Caller& caller, RunId run, const std::vector<Resolution>& resolutions) const;
    Status check_gates(const RunActor& actor, const std::vector<Resolution>& resolutions) const;
    void release_gates(
        RunActor& actor,
        Authority authority,
        const ResolveApprovals& request,
        std::optional<journal::IdempotencyReceipt> receipt,
        Responder<codec::Json> responder);
    void tell_listener(const engine::Event& event);
    void tell_of_gates(const engine::Event& event);
    void tell_of_voided_gates(RunId run);
    void when_terminal(RunId run, UniqueFunction<void()> done);
    /// Whether the run has ended or, where not only the end counts, waits for a person.
    bool is_at_rest(RunId run, bool for_end) const;
    void wait_for_rest(RunId run, RestWaiter waiter);
    void wake_waiters(RunId run);
    uid_t run_as(const Caller& caller) const;
    FrameViews frame_views() const;
    codec::Json run_counts_view() const;
    void add_stuck_runs(codec::Json& runs) const;
    codec::Json provider_readiness_view() const;
    codec::Json storage_view() const;
    bool may_see(const Caller& caller, const SessionId& session) const;

    Outside outside_;
    Settings settings_;
    Grants grants_;
    Leases leases_;
    Supervisor supervisor_;
    Reader reader_;
    EventHub hub_;
    Tokens tokens_;
    ChangeListener* listener_ = nullptr;
    bool draining_ = false;
    std::int64_t started_at_us_ = 0;
    std::multimap<RunId, RestWaiter> rest_waiters_;
    /// Owners of sessions that somebody follows, so that a frame costs no query.
    mutable std::map<SessionId, std::string> owners_;
    std::shared_ptr<void> alive_ = std::make_shared<char>(); ///< the journal may answer later
    std::unique_ptr<Timer> night_; ///< from before_sleep() to after_sleep()
};

} // namespace kheish::control
