#include "fake_service.hpp"

namespace kheish::http {

using codec::Json;
using control::Caller;

void FakeService::publish(std::string_view event, std::string data) {
    journal.push_back(
        {.id = static_cast<EventSeq>(journal.size()) + 1, .event = event, .data = std::move(data)});
    for (Reader* reader : std::set<Reader*>(readers))
        reader->on_publish();
}

void FakeService::publish_transient(std::string_view event, const std::string& data) {
    for (Reader* reader : std::set<Reader*>(readers))
        reader->on_transient({.id = 0, .event = event, .data = data});
}

void FakeService::rest_runs() {
    for (UniqueFunction<void()>& done : std::exchange(waiting_for_rest, {}))
        done();
}

void FakeService::release() {
    for (const std::function<void()>& answer : std::exchange(held, {}))
        answer();
}

Status FakeService::known(const SessionId& session) const {
    if (sessions.find(session) == sessions.end())
        return fail(Errc::session_not_found, "there is no session " + session.value);
    return {};
}

Result<Json> FakeService::run_in(const SessionId& session) const {
    KHEISH_CHECK(known(session));
    return view_of_run(1);
}

Result<Json> FakeService::session_view(const Caller& caller, const SessionId& session) const {
    last_caller = caller;
    KHEISH_CHECK(known(session));
    return sessions.at(session);
}

Result<Json>
FakeService::session_events_view(const Caller& /*caller*/, const SessionId& session) const {
    KHEISH_CHECK(known(session));
    return Json::object({{"run_events", Json::array()}});
}

Result<Json> FakeService::run_view(const Caller& caller, RunId run) const {
    last_caller = caller;
    const auto found = runs.find(run);
    if (found == runs.end())
        return fail(Errc::run_not_found, "there is no " + run.to_string());
    return found->second;
}

Result<Json> FakeService::run_events_view(const Caller& caller, RunId run) const {
    KHEISH_CHECK(run_view(caller, run));
    return Json::array();
}

Result<std::unique_ptr<control::Subscription>> FakeService::subscribe(
    const Caller& caller,
    const control::StreamFilter& filter,
    std::optional<EventSeq> cursor,
    control::SubscriptionHandlers handlers) {
    last_filter = filter;
    last_cursor = cursor;
    if (filter.session)
        KHEISH_CHECK(known(*filter.session));
    if (filter.run)
        KHEISH_CHECK(run_view(caller, *filter.run));
    const EventSeq newest = static_cast<EventSeq>(journal.size());
    return std::make_unique<Reader>(
        *this, std::min(cursor.value_or(newest), newest), std::move(handlers));
}

template <class T>
void FakeService::answer(Responder<T> responder, Result<T> result) {
    if (!hold)
        return responder.answer(std::move(result));
    const auto kept = std::make_shared<Responder<T>>(std::move(responder));
    held.emplace_back([kept, result] { kept->answer(result); });
}

void FakeService::create_session(
    const Caller& caller,
    control::CreateSession request,
    Responder<control::CreatedSession> responder) {
    last_caller = caller;
    last_session = request;
    const SessionId id = request.session.value_or(SessionId{"session-7"});
    changes.push_back("create " + id.value);
    sessions.emplace(id, view_of_session(id.value));
    answer<control::CreatedSession>(
        std::move(responder), control::CreatedSession{id, sessions.at(id), true});
}

void FakeService::submit(
    const Caller& caller,
    SessionId session,
    control::SubmitInput input,
    Responder<control::SubmittedRun> responder) {
    last_caller = caller;
    last_input = std::move(input);
    Result<Json> view = run_in(session);
    if (!view)
        return responder.fail(view.error());
    changes.push_back("submit " + last_input.content);
    answer<control::SubmittedRun>(
        std::move(responder), control::SubmittedRun{RunId{1}, *view, true});
}

void FakeService::submit_to_idle(
    const Caller& caller,
    SessionId session,
    control::SubmitInput input,
    Responder<control::SubmittedRun> responder) {
    if (!waiting_for_rest.empty())
        return responder.fail(Errc::session_busy, "the session has an active run");
    submit(caller, std::move(session), std::move(input), std::move(responder));
}

void FakeService::interrupt_session(
    const Caller& /*caller*/,
    SessionId session,
    control::EndRequest request,
    Responder<Json> responder) {
    changes.push_back("interrupt " + session.value + " " + request.reason);
    answer<Json>(std::move(responder), Json::object({{"interrupted", true}}));
}

void FakeService::end_session(
    const Caller& /*caller*/,
    SessionId session,
    control::EndRequest request,
    Responder<Json> responder) {
    changes.push_back("end " + session.value + " " + request.reason);
    answer<Json>(std::move(responder), Json::object({{"ended", true}}));
}

void FakeService::cancel_run(
    const Caller& caller, RunId run, control::EndRequest request, Responder<Json> responder) {
    changes.push_back("cancel " + run.to_string() + " " + request.reason);
    answer<Json>(std::move(responder), run_view(caller, run));
}

void FakeService::resolve_approvals(
    const Caller& caller, RunId run, control::ResolveApprovals request, Responder<Json> responder) {
    changes.push_back("resolve " + request.resolutions.front().approval.value);
    answer<Json>(std::move(responder), run_view(caller, run));
}

void FakeService::resolve_session_approvals(
    const Caller& /*caller*/,
    SessionId session,
    control::ResolveApprovals request,
    Responder<Json> responder) {
    changes.push_back("resolve " + request.resolutions.front().approval.value);
    answer<Json>(std::move(responder), run_in(session));
}

void FakeService::resolve_question(
    const Caller& caller, RunId run, control::ResolveQuestion request, Responder<Json> responder) {
    changes.push_back("answer " + request.question.value);
    answer<Json>(std::move(responder), run_view(caller, run));
}

void FakeService::resolve_session_question(
    const Caller& /*caller*/,
    SessionId session,
    control::ResolveQuestion request,
    Responder<Json> responder) {
    changes.push_back("answer " + request.question.value);
    answer<Json>(std::move(responder), run_in(session));
}

void FakeService::cancel_question(
    const Caller& caller, RunId run, control::CancelQuestion request, Responder<Json> responder) {
    changes.push_back("cancel " + request.question.value);
    answer<Json>(std::move(responder), run_view(caller, run));
}

void FakeService::when_at_rest(RunId /*run*/, UniqueFunction<void()> done) {
    waiting_for_rest.push_back(std::move(done));
}

} // namespace kheish::http
