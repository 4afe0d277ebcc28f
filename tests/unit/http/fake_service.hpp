#pragma once

#include "control/service.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace kheish::http {

/// A service of sessions and runs that do nothing, with a journal of frames that the test writes.
class FakeService final : public control::Service {
  public:
    class Reader;

    Status ready = {};
    std::vector<control::Frame> journal;
    std::set<Reader*> readers;
    std::map<SessionId, codec::Json> sessions{{SessionId{"demo"}, view_of_session("demo")}};
    std::map<RunId, codec::Json> runs{{RunId{1}, view_of_run(1)}};
    std::vector<std::string> changes; ///< what callers changed, in words
    bool hold = false;                ///< keep responders of changes instead of answering
    std::vector<std::function<void()>> held;
    std::vector<UniqueFunction<void()>> waiting_for_rest;
    mutable control::Caller last_caller;
    control::SubmitInput last_input;
    control::CreateSession last_session;
    control::StreamFilter last_filter;
    std::optional<EventSeq> last_cursor;

    static codec::Json view_of_session(const std::string& id) {
        return codec::Json::object({{"session_id", id}, {"outputs", codec::Json::array()}});
    }
    static codec::Json view_of_run(std::int64_t number) {
        return codec::Json::object(
            {{"run_id", RunId{number}.to_string()}, {"session_id", "demo"}, {"status", "running"}});
    }

    /// Appends a journaled frame and tells the readers that wait.
    void publish(std::string_view event, std::string data);
    /// Sends a frame that is not journaled.
    void publish_transient(std::string_view event, const std::string& data);
    void rest_runs();
    void release();

    Status readiness() const override { return ready; }
    codec::Json status_view() const override { return codec::Json::object({{"ready", true}}); }
    codec::Json capabilities_view() const override {
        return codec::Json::object({{"approvals", true}});
    }
    Result<Principal> session_owner(const SessionId&) const override { return Principal::user(1); }
    Result<Principal> run_owner(RunId) const override { return Principal::user(1); }
    Result<Principal> approval_owner(const ApprovalId&) const override {
        return Principal::user(1);
    }
    Result<Principal> question_owner(const QuestionId&) const override {
        return Principal::user(1);
    }
    Result<codec::Json>
    questions_view(const control::Caller&, const std::optional<SessionId>&) const override {
        return codec::Json::array();
    }
    Result<codec::Json> question_view(const control::Caller&, const QuestionId&) const override {
        return fail(Errc::question_not_found, "no questions here");
    }
    Result<control::QuestionSummary> question_summary(const QuestionId&) const override {
        return control::QuestionSummary{};
    }
    std::vector<QuestionId> pending_questions(std::size_t) const override { return {}; }
    void resolve_question(
        const control::Caller&, RunId, control::ResolveQuestion, Responder<codec::Json>) override;
    void resolve_session_question(
        const control::Caller&,
        SessionId,
        control::ResolveQuestion,
        Responder<codec::Json>) override;
    void cancel_question(
        const control::Caller&, RunId, control::CancelQuestion, Responder<codec::Json>) override;
    void note_authentication_failure(control::AuthenticationFailure failure) override {
        failures.push_back(
            failure.reason + " " + failure.peer + (failure.limited ? " limited" : ""));
    }
    std::vector<std::string> failures;
    Result<codec::Json> permission_view(
        const control::Caller& caller, const control::CheckPermission& request) const override {
        last_caller = caller;
        return codec::Json::object({{"tool_name", request.tool}, {"decision", "ask"}});
    }
    Result<codec::Json>
    permissions_view(const control::Caller&, const control::DescribeMatrix&) const override {
        return codec::Json::object({{"modes", codec::Json::array()}});
    }
    Result<Principal> grant_owner(const std::string&) const override {
        return Principal::user(1000);
    }
    Result<codec::Json>
    grants_view(const control::Caller&, const control::ListGrants& request) const override {
        return codec::Json::array({codec::Json::object(
            {{"id", "grant-1-1"}, {"asked", request.session ? request.session->value : ""}})});
    }
    void revoke_grant(
        const control::Caller& caller,
        control::RevokeGrant request,
        Responder<codec::Json> responder) override {
        responder.answer(codec::Json::object(
            {{"id", request.grant},
             {"reason", request.reason},
             {"by", caller.principal.to_string()}}));
    }
    Result<codec::Json>
    subject_view(const control::Caller& caller, const std::string& name) const override {
        return secret_view(caller, name);
    }
    Result<codec::Json>
    lease_view(const control::Caller& caller, const std::string& name) const override {
        return secret_view(caller, name);
    }
    void revoke_subject(
        const control::Caller& caller,
        control::NamedRequest request,
        Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, request.name));
    }
    void restore_subject(
        const control::Caller& caller,
        control::NamedRequest request,
        Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, request.name));
    }
    void revoke_lease(
        const control::Caller& caller,
        control::NamedRequest request,
        Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, request.name));
    }
    void revoke_slot(
        const control::Caller& caller,
        control::NamedRequest request,
        Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, request.name));
    }
    Result<codec::Json> external_actions_view(const control::Caller&, RunId) const override {
        return codec::Json::array();
    }
    Result<codec::Json> secrets_view(const control::Caller& caller) const override {
        if (!caller.acts_for_others)
            return fail(Errc::forbidden, "not you");
        return codec::Json::array({codec::Json::object({{"slot_id", "claude"}})});
    }
    Result<codec::Json>
    secret_view(const control::Caller& caller, const std::string& name) const override {
        if (!caller.acts_for_others)
            return fail(Errc::forbidden, "not you");
        return codec::Json::object({{"slot_id", name}});
    }
    void set_secret(
        const control::Caller& caller,
        control::SetSecret request,
        Responder<codec::Json> responder) override {
        last_secret = request.value.reveal();
        responder.answer(secret_view(caller, request.name));
    }
    void import_secret(
        const control::Caller& caller,
        control::ImportSecret request,
        Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, request.name + " from " + request.credential));
    }
    void revoke_secret(
        const control::Caller& caller,
        control::NameSecret request,
        Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, request.name));
    }
    void delete_secret(
        const control::Caller& caller,
        control::NameSecret request,
        Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, request.name));
    }
    void
    rotate_master_key(const control::Caller& caller, Responder<codec::Json> responder) override {
        responder.answer(secret_view(caller, "all"));
    }
    std::string last_secret;
    Result<codec::Json> tokens_view(const control::Caller&) const override {
        return codec::Json::array();
    }
    // Not over HTTP.
    void create_token(
        const control::Caller&, control::CreateToken, Responder<codec::Json> responder) override {
        responder.fail(Errc::forbidden, "not here");
    }
    void rotate_token(
        const control::Caller&, control::RotateToken, Responder<codec::Json> responder) override {
        responder.fail(Errc::forbidden, "not here");
    }
    void revoke_token(
        const control::Caller&, control::RevokeToken, Responder<codec::Json> responder) override {
        responder.fail(Errc::forbidden, "not here");
    }
    Result<codec::Json> session_view(const control::Caller&, const SessionId&) const override;
    Result<codec::Json>
    sessions_view(const control::Caller&, const control::ListSessions&) const override {
        return codec::Json::array();
    }
    Result<codec::Json>
    session_events_view(const control::Caller&, const SessionId&) const override;
    Result<codec::Json> run_view(const control::Caller&, RunId) const override;
    Result<codec::Json> runs_view(const control::Caller&, const control::ListRuns&) const override {
        return codec::Json::array({view_of_run(1)});
    }
    Result<codec::Json> run_events_view(const control::Caller&, RunId) const override;
    Result<codec::Json>
    approvals_view(const control::Caller&, const std::optional<SessionId>&) const override {
        return codec::Json::array();
    }
    Result<codec::Json> approval_view(const control::Caller&, const ApprovalId&) const override {
        return fail(Errc::approval_not_found, "no approvals here");
    }
    Result<control::SessionSummary> session_summary(const SessionId&) const override {
        return control::SessionSummary{};
    }
    Result<control::RunSummary> run_summary(RunId) const override { return control::RunSummary{}; }
    Result<control::ApprovalSummary> approval_summary(const ApprovalId&) const override {
        return control::ApprovalSummary{};
    }
    std::vector<SessionId> live_sessions(std::size_t) const override { return {}; }
    std::vector<RunId> live_runs(std::size_t) const override { return {}; }
    std::vector<ApprovalId> pending_approvals(std::size_t) const override { return {}; }

    Result<std::unique_ptr<control::Subscription>> subscribe(
        const control::Caller&,
        const control::StreamFilter&,
        std::optional<EventSeq> cursor,
        control::SubscriptionHandlers) override;
    void set_change_listener(control::ChangeListener*) override {}

    void create_session(
        const control::Caller&,
        control::CreateSession,
        Responder<control::CreatedSession>) override;
    void submit(
        const control::Caller&,
        SessionId,
        control::SubmitInput,
        Responder<control::SubmittedRun>) override;
    void submit_to_idle(
        const control::Caller&,
        SessionId,
        control::SubmitInput,
        Responder<control::SubmittedRun>) override;
    void interrupt_session(
        const control::Caller&, SessionId, control::EndRequest, Responder<codec::Json>) override;
    void end_session(
        const control::Caller&, SessionId, control::EndRequest, Responder<codec::Json>) override;
    void
    cancel_run(const control::Caller&, RunId, control::EndRequest, Responder<codec::Json>) override;
    void resolve_approvals(
        const control::Caller&, RunId, control::ResolveApprovals, Responder<codec::Json>) override;
    void resolve_session_approvals(
        const control::Caller&,
        SessionId,
        control::ResolveApprovals,
        Responder<codec::Json>) override;
    void resolve_approval(
        const control::Caller&, control::ResolveApprovals, Responder<codec::Json>) override {}
    void when_at_rest(RunId, UniqueFunction<void()> done) override;

  private:
    template <class T>
    void answer(Responder<T> responder, Result<T> result);
    Status known(const SessionId& session) const;
    Result<codec::Json> run_in(const SessionId& session) const;
};

/// A position in the fake journal.
class FakeService::Reader final : public control::Subscription {
  public:
    Reader(FakeService& service, EventSeq position, control::SubscriptionHandlers handlers)
        : service_(service), position_(position), handlers_(std::move(handlers)) {
        service_.readers.insert(this);
    }
    ~Reader() override { service_.readers.erase(this); }

    std::vector<control::Frame> read(std::size_t limit_bytes) override {
        std::vector<control::Frame> frames;
        std::size_t bytes = 0;
        while (static_cast<std::size_t>(position_) < service_.journal.size()) {
            const control::Frame& next = service_.journal[static_cast<std::size_t>(position_)];
            if (!frames.empty() && bytes + next.data.size() > limit_bytes)
                break;
            bytes += next.data.size();
            frames.push_back(next);
            ++position_;
        }
        waiting_ = frames.empty();
        return frames;
    }
    EventSeq position() const override { return position_; }
    void on_publish() {
        if (std::exchange(waiting_, false))
            handlers_.on_available();
    }
    void on_transient(const control::Frame& frame) { handlers_.on_transient(frame); }

  private:
    FakeService& service_;
    EventSeq position_;
    control::SubscriptionHandlers handlers_;
    bool waiting_ = false;
};

} // namespace kheish::http
