#pragma once

#include "control/service.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace kheish::control {

/// A service in memory, for tests of the edges. Sessions and runs belong to whoever made them. What
/// a run does is what its input says:
///
///   gate...   waits for one approval, then completes
///   ask...    waits for the answer to one question, then completes
///   hold...   runs until finish() is called
///   fail...   fails
///   else      completes at once with "done: <input>" as its output
class FakeService final : public Service {
  public:
    FakeService() = default;

    Status readiness() const override { return {}; }
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
    Result<codec::Json>
    approvals_view(const Caller&, const std::optional<SessionId>&) const override;
    Result<codec::Json> approval_view(const Caller&, const ApprovalId&) const override;
    Result<codec::Json>
    questions_view(const Caller&, const std::optional<SessionId>&) const override;
    Result<codec::Json> question_view(const Caller&, const QuestionId&) const override;

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
    /// Nobody has decided about the run's gate for a while, and these may too from here on.
    void escalate(RunId run, std::vector<Principal> to) {
        const ApprovalId approval{"approval-" + std::to_string(run.number) + "-1"};
        approvals_.at(approval).escalated_to = std::move(to);
        listener_->on_approval_overdue(approval);
    }

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
    Result<codec::Json>
    permission_view(const Caller&, const CheckPermission& request) const override {
        return codec::Json::object(
            {{"tool_name", request.tool}, {"decision", "ask"}, {"input", request.input}});
    }
    Result<codec::Json> permissions_view(const Caller&, const DescribeMatrix&) const override {
        return codec::Json::object({{"modes", codec::Json::array()}});
    }
    Result<Principal> grant_owner(const std::string& grant) const override {
        if (grant != "grant-1-1")
            return fail(Errc::not_found, "no grant '" + grant + "'");
        return Principal::user(1000);
    }
    Result<codec::Json> grants_view(const Caller&, const ListGrants& request) const override {
        return codec::Json::array({codec::Json::object(
            {{"id", "grant-1-1"}, {"asked", request.session ? request.session->value : ""}})});
    }
    void revoke_grant(
        const Caller& caller, RevokeGrant request, Responder<codec::Json> responder) override {
        responder.answer(codec::Json::object(
            {{"id", request.grant},
             {"reason", request.reason},
             {"by", caller.principal.to_string()}}));
    }
    Result<codec::Json> subject_view(const Caller& caller, const std::string& name) const override {
        return secret_view(caller, name);
    }
    Result<codec::Json> lease_view(const Caller& caller, const std::string& name) const override {
        return secret_view(caller, name);
    }
    void revoke_subject(
        const Caller& caller, NamedRequest request, Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, request.name));
    }
    void restore_subject(
        const Caller& caller, NamedRequest request, Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, request.name));
    }
    void revoke_lease(
        const Caller& caller, NamedRequest request, Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, request.name));
    }
    void revoke_slot(
        const Caller& caller, NamedRequest request, Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, request.name));
    }
    Result<codec::Json> external_actions_view(const Caller&, RunId) const override {
        return codec::Json::array();
    }
    Result<codec::Json> secrets_view(const Caller& caller) const override {
        if (!caller.acts_for_others)
            return fail(Errc::forbidden, "not you");
        return codec::Json::array({codec::Json::object({{"slot_id", "claude"}})});
    }
    Result<codec::Json> secret_view(const Caller& caller, const std::string& name) const override {
        if (!caller.acts_for_others)
            return fail(Errc::forbidden, "not you");
        return codec::Json::object({{"slot_id", name}});
    }
    void
    set_secret(const Caller& caller, SetSecret request, Responder<codec::Json> responder) override {
        last_secret = request.value.reveal();
        responder.answer(secret_view(caller, request.name));
    }
    void import_secret(
        const Caller& caller, ImportSecret request, Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, request.name + " from " + request.credential));
    }
    void revoke_secret(
        const Caller& caller, NameSecret request, Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, request.name));
    }
    void delete_secret(
        const Caller& caller, NameSecret request, Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, request.name));
    }
    void rotate_master_key(const Caller& caller, Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, "all"));
    }
    std::string last_secret;
    Result<codec::Json> tokens_view(const Caller&) const override;
    void create_token(const Caller&, CreateToken, Responder<codec::Json>) override;
    void rotate_token(const Caller&, RotateToken, Responder<codec::Json>) override;
    void revoke_token(const Caller&, RevokeToken, Responder<codec::Json>) override;
    void note_authentication_failure(AuthenticationFailure /*failure*/) override {}
    void when_at_rest(RunId, UniqueFunction<void()> done) override;

    /// Ends a run that holds, with "done: <input>" as its output.
    void finish(RunId run);
    void finish_all();
    /// Adds a frame to the journal of frames.
    void add_frame(RunId run, std::string_view event, const codec::Json& data);
    /// Sends a frame that is not kept.
    void send_transient(std::string_view text);
    std::size_t subscriptions() const { return subscriptions_.size(); }
    EventSeq last_event() const { return static_cast<EventSeq>(frames_.size()); }

    /// What the last change was asked with.
    Caller last_caller;
    SubmitInput last_input;
    CreateSession last_session;
    std::string last_reason;
    std::vector<control::Resolution> last_resolutions;
    ResolveQuestion last_answer;

  private:
    class Reader;
    struct Run {
        RunSummary summary;
        std::string input;
        std::string output;
    };
    struct Entry {
        Frame frame;
        RunId run;
        SessionId session;
    };

    Status allow(const Caller& caller, const Result<Principal>& owner) const;
    codec::Json view_of(const Run& run) const;
    codec::Json view_of(const ApprovalSummary& approval) const;
    codec::Json view_of(const QuestionSummary& question) const;
    codec::Json view_of(const SessionSummary& session) const;
    void ask(Run& run);
    void update(Run& run, std::string status, std::string wait_reason);
    void end(Run& run, std::string status);
    void announce(const Run& run, bool appeared, bool ended);

    ChangeListener* listener_ = nullptr;
    std::map<SessionId, SessionSummary> sessions_;
    std::map<RunId, Run> runs_;
    std::map<ApprovalId, ApprovalSummary> approvals_;
    std::map<QuestionId, QuestionSummary> questions_;
    std::map<std::string, RunId> keys_;
    std::vector<Entry> frames_;
    std::set<Reader*> subscriptions_;
    Errc refusal_ = Errc::service_unavailable;
    mutable int refusals_ = 0; ///< how many views of a run are refused yet
};

} // namespace kheish::control
