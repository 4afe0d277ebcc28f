#include "http/handlers.hpp"

#include "base/text.hpp"
#include "control/requests.hpp"
#include "http/handling.hpp"
#include "http/openapi.hpp"

#include <algorithm>
#include <utility>

namespace kheish::http::handle {

namespace {

using codec::Json;
using control::CreatedSession;
using control::SubmittedRun;

/// Replies with the view that a created session or run came with.
template <class Answer>
Responder<Answer> view_in(const Call& call, Reply reply) {
    return Responder<Answer>(
        [status = call.status, reply = std::move(reply)](Result<Answer> made) mutable {
            if (!made)
                return reply.fail(std::move(made).error());
            reply.answer(Response::json(status, made->view));
        });
}

/// A reply with the session's view, which waits for something else to happen first.
struct SessionReply {
    control::Service& service;
    control::Caller caller;
    SessionId session;
    int status;
    Reply reply;

    SessionReply(const Call& call, Reply waiting)
        : service(call.service), caller(call.caller), session(call.session), status(call.status),
          reply(std::move(waiting)) {}
    /// It has happened.
    void operator()() { answer(status, std::move(reply), service.session_view(caller, session)); }
};

Responder<Json> session_when_resolved(const Call& call, Reply reply) {
    return Responder<Json>(
        [waiting = SessionReply(call, std::move(reply))](Result<Json> resolved) mutable {
            if (!resolved)
                return waiting.reply.fail(std::move(resolved).error());
            waiting();
        });
}

Responder<SubmittedRun> session_when_at_rest(const Call& call, Reply reply) {
    return Responder<SubmittedRun>(
        [waiting = SessionReply(call, std::move(reply))](Result<SubmittedRun> run) mutable {
            if (!run)
                return waiting.reply.fail(std::move(run).error());
            control::Service& service = waiting.service;
            service.when_at_rest(run->run, std::move(waiting));
        });
}

Result<std::optional<std::string>> idempotency_key(const Call& call) {
    const std::string* key = call.request.header("idempotency-key");
    if (key == nullptr)
        return std::optional<std::string>();
    if (!is_valid_utf8(*key))
        return fail(Errc::invalid_idempotency_key, "the Idempotency-Key is not valid UTF-8");
    return std::optional<std::string>(*key);
}

Result<control::SubmitInput> parse_submit(const Call& call) {
    KHEISH_TRY(const Json body, parse_body(call));
    KHEISH_TRY(std::optional<std::string> key, idempotency_key(call));
    return control::parse_submit_input(body, std::move(key));
}

Result<control::ResolveApprovals> parse_resolve(const Call& call) {
    KHEISH_TRY(const Json body, parse_body(call));
    KHEISH_TRY(std::optional<std::string> key, idempotency_key(call));
    return control::parse_resolve_approvals(body, std::move(key));
}

Result<control::ResolveQuestion> parse_answer(const Call& call) {
    KHEISH_TRY(const Json body, parse_body(call));
    KHEISH_TRY(std::optional<std::string> key, idempotency_key(call));
    return control::parse_resolve_question(body, std::move(key));
}

Result<control::CancelQuestion> parse_cancel(const Call& call) {
    KHEISH_TRY(const Json body, parse_body(call));
    KHEISH_TRY(std::optional<std::string> key, idempotency_key(call));
    return control::parse_cancel_question(call.question, body, std::move(key));
}

Result<control::EndRequest> parse_end(const Call& call) {
    KHEISH_TRY(const Json body, parse_body(call));
    KHEISH_TRY(std::optional<std::string> key, idempotency_key(call));
    return control::parse_end(body, std::move(key));
}

Result<control::CreateSession> parse_create(const Call& call) {
    KHEISH_TRY(const Json body, parse_body(call));
    KHEISH_TRY(std::optional<std::string> key, idempotency_key(call));
    return control::parse_create_session(body, std::move(key));
}

Result<control::StreamFilter> parse_filter(const Call& call) {
    control::StreamFilter filter;
    if (!call.session.empty())
        filter.session = call.session;
    if (call.run)
        filter.run = call.run;
    if (const std::optional<Json> session = call.query.find("session_id")) {
        KHEISH_TRY(filter.session, parse_session_id(session->string()));
    }
    if (const std::optional<Json> run = call.query.find("run_id")) {
        filter.run = RunId::parse(run->string());
        if (!filter.run)
            return fail(Errc::run_not_found, "no run has that id; ids of runs look like run-17");
    }
    return filter;
}

Result<std::optional<EventSeq>> parse_cursor(const Call& call) {
    std::optional<EventSeq> cursor;
    if (const std::optional<Json> member = call.query.find("cursor")) {
        KHEISH_TRY(cursor, control::parse_event_cursor(member->string()));
    }
    if (const std::string* header = call.request.header("last-event-id")) {
        KHEISH_TRY(const EventSeq last, control::parse_event_cursor(*header));
        cursor = std::max(cursor.value_or(0), last);
    }
    return cursor;
}

Result<std::unique_ptr<EventStream>> open_stream(const Call& call) {
    KHEISH_TRY(const control::StreamFilter filter, parse_filter(call));
    KHEISH_TRY(const std::optional<EventSeq> cursor, parse_cursor(call));
    return EventStream::open(call.service, call.caller, filter, cursor);
}

} // namespace

void health(Call& /*call*/, Reply reply) {
    reply.answer(Response::text("ok\n"));
}

void readiness(Call& call, Reply reply) {
    if (const Status ready = call.service.readiness(); !ready) {
        // Whatever it is: who balances load asks for nothing but this.
        Problem problem = Problem::of(ready.error());
        problem.status = 503;
        return reply.answer(problem_response(problem));
    }
    reply.answer(Response::text("ready\n"));
}

void status(Call& call, Reply reply) {
    answer(call.status, std::move(reply), call.service.status_view());
}

void capabilities(Call& call, Reply reply) {
    answer(call.status, std::move(reply), call.service.capabilities_view());
}

void openapi(Call& call, Reply reply) {
    answer(call.status, std::move(reply), openapi_document());
}

void follow(Call& call, Reply reply) {
    Result<std::unique_ptr<EventStream>> stream = open_stream(call);
    if (!stream)
        return reply.fail(std::move(stream).error());
    Response response;
    response.content_type = kEventStreamType;
    response.stream = *std::move(stream);
    reply.answer(std::move(response));
}

void create_session(Call& call, Reply reply) {
    Result<control::CreateSession> request = parse_create(call);
    if (!request)
        return reply.fail(std::move(request).error());
    call.service.create_session(
        call.caller, *std::move(request), view_in<CreatedSession>(call, std::move(reply)));
}

void list_sessions(Call& call, Reply reply) {
    const Result<control::ListSessions> request = control::parse_list_sessions(call.query);
    if (!request)
        return reply.fail(request.error());
    answer(call.status, std::move(reply), call.service.sessions_view(call.caller, *request));
}

void get_session(Call& call, Reply reply) {
    answer(call.status, std::move(reply), call.service.session_view(call.caller, call.session));
}

void session_events(Call& call, Reply reply) {
    answer(
        call.status, std::move(reply), call.service.session_events_view(call.caller, call.session));
}

void submit(Call& call, Reply reply) {
    Result<control::SubmitInput> request = parse_submit(call);
    if (!request)
        return reply.fail(std::move(request).error());
    call.service.submit(
        call.caller,
        call.session,
        *std::move(request),
        view_in<SubmittedRun>(call, std::move(reply)));
}

void input(Call& call, Reply reply) {
    Result<control::SubmitInput> request = parse_submit(call);
    if (!request)
        return reply.fail(std::move(request).error());
    call.service.submit_to_idle(
        call.caller,
        call.session,
        *std::move(request),
        session_when_at_rest(call, std::move(reply)));
}

void interrupt_session(Call& call, Reply reply) {
    Result<control::EndRequest> request = parse_end(call);
    if (!request)
        return reply.fail(std::move(request).error());
    call.service.interrupt_session(
        call.caller, call.session, *std::move(request), view_of(call, std::move(reply)));
}

void end_session(Call& call, Reply reply) {
    Result<control::EndRequest> request = parse_end(call);
    if (!request)
        return reply.fail(std::move(request).error());
    call.service.end_session(
        call.caller, call.session, *std::move(request), view_of(call, std::move(reply)));
}

void resolve_session(Call& call, Reply reply) {
    Result<control::ResolveApprovals> request = parse_resolve(call);
    if (!request)
        return reply.fail(std::move(request).error());
    call.service.resolve_session_approvals(
        call.caller,
        call.session,
        *std::move(request),
        session_when_resolved(call, std::move(reply)));
}

void resolve_session_detached(Call& call, Reply reply) {
    Result<control::ResolveApprovals> request = parse_resolve(call);
    if (!request)
        return reply.fail(std::move(request).error());
    call.service.resolve_session_approvals(
        call.caller, call.session, *std::move(request), view_of(call, std::move(reply)));
}

void list_runs(Call& call, Reply reply) {
    const Result<control::ListRuns> request = control::parse_list_runs(call.query);
    if (!request)
        return reply.fail(request.error());
    answer(call.status, std::move(reply), call.service.runs_view(call.caller, *request));
}

void get_run(Call& call, Reply reply) {
    answer(call.status, std::move(reply), call.service.run_view(call.caller, call.run));
}

void run_events(Call& call, Reply reply) {
    answer(call.status, std::move(reply), call.service.run_events_view(call.caller, call.run));
}

void external_actions(Call& call, Reply reply) {
    answer(
        call.status, std::move(reply), call.service.external_actions_view(call.caller, call.run));
}

void cancel_run(Call& call, Reply reply) {
    Result<control::EndRequest> request = parse_end(call);
    if (!request)
        return reply.fail(std::move(request).error());
    call.service.cancel_run(
        call.caller, call.run, *std::move(request), view_of(call, std::move(reply)));
}

void resolve_run(Call& call, Reply reply) {
    Result<control::ResolveApprovals> request = parse_resolve(call);
    if (!request)
        return reply.fail(std::move(request).error());
    call.service.resolve_approvals(
        call.caller, call.run, *std::move(request), view_of(call, std::move(reply)));
}

void list_grants(Call& call, Reply reply) {
    const Result<control::ListGrants> request = control::parse_list_grants(call.query);
    if (!request)
        return reply.fail(request.error());
    answer(call.status, std::move(reply), call.service.grants_view(call.caller, *request));
}

void revoke_grant(Call& call, Reply reply) {
    const Result<Json> body = parse_body(call);
    Result<control::RevokeGrant> request =
        body ? control::parse_revoke_grant(call.name, *body) : fail(body.error());
    if (!request)
        return reply.fail(request.error());
    call.service.revoke_grant(call.caller, *std::move(request), view_of(call, std::move(reply)));
}

void list_questions(Call& call, Reply reply) {
    std::optional<SessionId> session;
    if (const std::optional<Json> member = call.query.find("session_id")) {
        Result<SessionId> parsed = parse_session_id(member->string());
        if (!parsed)
            return reply.fail(std::move(parsed).error());
        session = *std::move(parsed);
    }
    answer(call.status, std::move(reply), call.service.questions_view(call.caller, session));
}

void session_questions(Call& call, Reply reply) {
    answer(call.status, std::move(reply), call.service.questions_view(call.caller, call.session));
}

void answer_session(Call& call, Reply reply) {
    Result<control::ResolveQuestion> request = parse_answer(call);
    if (!request)
        return reply.fail(std::move(request).error());
    call.service.resolve_session_question(
        call.caller,
        call.session,
        *std::move(request),
        session_when_resolved(call, std::move(reply)));
}

void answer_run(Call& call, Reply reply) {
    Result<control::ResolveQuestion> request = parse_answer(call);
    if (!request)
        return reply.fail(std::move(request).error());
    call.service.resolve_question(
        call.caller, call.run, *std::move(request), view_of(call, std::move(reply)));
}

void cancel_question(Call& call, Reply reply) {
    Result<control::CancelQuestion> request = parse_cancel(call);
    if (!request)
        return reply.fail(std::move(request).error());
    call.service.cancel_question(
        call.caller, call.run, *std::move(request), view_of(call, std::move(reply)));
}

void check_permission(Call& call, Reply reply) {
    const Result<Json> body = parse_body(call);
    const Result<control::CheckPermission> request =
        body ? control::parse_check_permission(*body) : fail(body.error());
    if (!request)
        return reply.fail(request.error());
    answer(call.status, std::move(reply), call.service.permission_view(call.caller, *request));
}

void permission_matrix(Call& call, Reply reply) {
    const Result<Json> body = parse_body(call);
    const Result<control::DescribeMatrix> request =
        body ? control::parse_describe_matrix(*body) : fail(body.error());
    if (!request)
        return reply.fail(request.error());
    answer(call.status, std::move(reply), call.service.permissions_view(call.caller, *request));
}

} // namespace kheish::http::handle
