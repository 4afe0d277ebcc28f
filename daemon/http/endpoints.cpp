#include "http/endpoints.hpp"

#include "base/assert.hpp"
#include "http/handlers.hpp"

#include <algorithm>
#include <array>

namespace kheish::http {

namespace {

using enum control::Operation;

constexpr std::array<std::string_view, 0> kNothing{};
constexpr std::array<std::string_view, 1> kStreamQuery{"cursor"};
constexpr std::array<std::string_view, 3> kEventsQuery{"cursor", "session_id", "run_id"};
constexpr std::array<std::string_view, 4> kSessionsQuery{"limit", "cursor", "page", "order"};
constexpr std::array<std::string_view, 6> kRunsQuery{
    "session_id", "live", "limit", "cursor", "page", "order"};
constexpr std::array<std::string_view, 1> kSessionQuery{"session_id"};

// clang-format off
constexpr std::array kEndpoints{
    Endpoint{health, handle::health, 200, Body::none, kNothing, kTextType},
    Endpoint{readiness, handle::readiness, 200, Body::none, kNothing, kTextType},
    Endpoint{status, handle::status, 200, Body::none, kNothing, kJsonType},
    Endpoint{capabilities, handle::capabilities, 200, Body::none, kNothing, kJsonType},
    Endpoint{openapi, handle::openapi, 200, Body::none, kNothing, kJsonType},
    Endpoint{events_follow, handle::follow, 200, Body::none, kEventsQuery, kEventStreamType},
    Endpoint{sessions_create, handle::create_session, 201, Body::optional, kNothing, kJsonType},
    Endpoint{sessions_list, handle::list_sessions, 200, Body::none, kSessionsQuery, kJsonType},
    Endpoint{sessions_get, handle::get_session, 200, Body::none, kNothing, kJsonType},
    Endpoint{sessions_events, handle::session_events, 200, Body::none, kNothing, kJsonType},
    Endpoint{sessions_follow, handle::follow, 200, Body::none, kStreamQuery, kEventStreamType},
    Endpoint{sessions_submit, handle::submit, 202, Body::required, kNothing, kJsonType},
    Endpoint{sessions_input, handle::input, 200, Body::required, kNothing, kJsonType},
    Endpoint{sessions_interrupt, handle::interrupt_session, 200, Body::optional, kNothing, kJsonType},
    Endpoint{sessions_end, handle::end_session, 200, Body::optional, kNothing, kJsonType},
    Endpoint{sessions_resolve, handle::resolve_session, 200, Body::required, kNothing, kJsonType},
    Endpoint{sessions_resolve_detached, handle::resolve_session_detached, 202, Body::required, kNothing, kJsonType},
    Endpoint{runs_list, handle::list_runs, 200, Body::none, kRunsQuery, kJsonType},
    Endpoint{runs_get, handle::get_run, 200, Body::none, kNothing, kJsonType},
    Endpoint{runs_events, handle::run_events, 200, Body::none, kNothing, kJsonType},
    Endpoint{runs_follow, handle::follow, 200, Body::none, kStreamQuery, kEventStreamType},
    Endpoint{runs_external_actions, handle::external_actions, 200, Body::none, kNothing, kJsonType},
    Endpoint{runs_cancel, handle::cancel_run, 200, Body::optional, kNothing, kJsonType},
    Endpoint{runs_resolve, handle::resolve_run, 202, Body::required, kNothing, kJsonType},
    Endpoint{grants_list, handle::list_grants, 200, Body::none, kSessionQuery, kJsonType},
    Endpoint{grants_revoke, handle::revoke_grant, 200, Body::optional, kNothing, kJsonType},
    Endpoint{questions_list, handle::list_questions, 200, Body::none, kSessionQuery, kJsonType},
    Endpoint{sessions_questions, handle::session_questions, 200, Body::none, kNothing, kJsonType},
    Endpoint{sessions_answer, handle::answer_session, 200, Body::required, kNothing, kJsonType},
    Endpoint{runs_answer, handle::answer_run, 202, Body::required, kNothing, kJsonType},
    Endpoint{questions_cancel, handle::cancel_question, 200, Body::optional, kNothing, kJsonType},
    Endpoint{secrets_list, handle::list_secrets, 200, Body::none, kNothing, kJsonType},
    Endpoint{secrets_get, handle::get_secret, 200, Body::none, kNothing, kJsonType},
    Endpoint{secrets_set, handle::set_secret, 200, Body::required, kNothing, kJsonType},
    Endpoint{secrets_delete, handle::delete_secret, 200, Body::optional, kNothing, kJsonType},
    Endpoint{auth_subject, handle::get_subject, 200, Body::none, kNothing, kJsonType},
    Endpoint{auth_revoke_subject, handle::revoke_subject, 200, Body::optional, kNothing, kJsonType},
    Endpoint{auth_restore_subject, handle::restore_subject, 200, Body::optional, kNothing, kJsonType},
    Endpoint{auth_lease, handle::get_lease, 200, Body::none, kNothing, kJsonType},
    Endpoint{auth_revoke_lease, handle::revoke_lease, 200, Body::optional, kNothing, kJsonType},
    Endpoint{auth_revoke_slot, handle::revoke_slot, 200, Body::optional, kNothing, kJsonType},
    Endpoint{permissions_check, handle::check_permission, 200, Body::required, kNothing, kJsonType},
    Endpoint{permissions_matrix, handle::permission_matrix, 200, Body::optional, kNothing, kJsonType},
};
// clang-format on

Status check_query(const Endpoint& endpoint, const codec::Json& query) {
    for (const std::string& name : query.keys())
        if (std::find(endpoint.query.begin(), endpoint.query.end(), name) == endpoint.query.end())
            return fail(Errc::unknown_field, "this path takes no query member \"" + name + "\"");
    return {};
}

} // namespace

std::span<const Endpoint> endpoints() {
    return kEndpoints;
}

const Endpoint& endpoint(control::Operation operation) {
    const auto found =
        std::find_if(kEndpoints.begin(), kEndpoints.end(), [operation](const Endpoint& row) {
            return row.operation == operation;
        });
    KHEISH_ASSERT(found != kEndpoints.end());
    return *found;
}

void dispatch(const Endpoint& endpoint, Call& call, const RouteMatch& match, Reply reply) {
    const std::string_view path = control::info(endpoint.operation).http_path;
    if (path.find("{sid}") != std::string_view::npos) {
        Result<SessionId> parsed = parse_session_id(match.session);
        if (!parsed)
            return reply.fail(std::move(parsed).error());
        call.session = *std::move(parsed);
    }
    if (path.find("{rid}") != std::string_view::npos) {
        const std::optional<RunId> parsed = RunId::parse(match.run);
        if (!parsed)
            return reply.fail(
                Errc::run_not_found, "no run has that id; ids of runs look like run-17");
        call.run = *parsed;
    }
    call.question.value = match.question;
    call.name = match.name;
    if (Status checked = check_query(endpoint, call.query); !checked)
        return reply.fail(std::move(checked).error());
    endpoint.handler(call, std::move(reply));
}

} // namespace kheish::http
