#include "bus/administration.hpp"
#include "bus/dictionary.hpp"
#include "bus/edge.hpp"
#include "bus/error_reply.hpp"
#include "bus/follow_call.hpp"
#include "bus/interface.hpp"
#include "bus/method.hpp"
#include "bus/object_path.hpp"
#include "codec/object_reader.hpp"

namespace kheish::bus {

namespace {

using codec::Json;
using control::Caller;
using control::Operation;

Result<Plan> plan_status(BusEdge& edge, sd_bus_message*) {
    return Plan{{.operation = Operation::status}, [&edge](const Caller&, const BusMessage& call) {
                    reply_json(call.get(), edge.service().status_view());
                }};
}

Result<Plan> plan_capabilities(BusEdge& edge, sd_bus_message*) {
    return Plan{
        {.operation = Operation::capabilities}, [&edge](const Caller&, const BusMessage& call) {
            reply_json(call.get(), edge.service().capabilities_view());
        }};
}

void answer_created(sd_bus_message* call, const Result<control::CreatedSession>& created) {
    if (!created)
        return reply_error(call, created.error());
    (void)sd_bus_reply_method_return(call, "o", object_path(created->session).c_str());
}

Result<Plan> plan_create_session(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(Json options, read_dictionary(call));
    for (const std::string_view key :
         {"permission_rules", "credential_scope", "capability_scope"}) {
        KHEISH_TRY(options, with_json_text(options, key, control::kSmallBodyLimitBytes));
    }
    KHEISH_TRY(control::CreateSession request, control::parse_create_session(options));
    AccessRequest access{.operation = Operation::sessions_create};
    if (request.session)
        if (const Result<Principal> owner = edge.service().session_owner(*request.session))
            access.owner = *owner;
    return Plan{
        std::move(access),
        [&edge, request = std::move(request)](const Caller& caller, BusMessage message) mutable {
            edge.service().create_session(
                caller,
                std::move(request),
                Responder<control::CreatedSession>(
                    [message = std::move(message)](const Result<control::CreatedSession>& created) {
                        answer_created(message.get(), created);
                    }));
        }};
}

Result<Plan> plan_list_sessions(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(control::ListSessions request, control::parse_list_sessions(options));
    return Plan{
        {.operation = Operation::sessions_list, .listing = true},
        [&edge, request = std::move(request)](const Caller& caller, const BusMessage& message) {
            reply_json(message.get(), edge.service().sessions_view(caller, request));
        }};
}

/// What is about a session is its owner's to ask for.
Result<AccessRequest>
session_access(BusEdge& edge, Operation operation, const std::optional<SessionId>& session) {
    AccessRequest access{.operation = operation};
    if (session) {
        KHEISH_TRY(access.owner, edge.service().session_owner(*session));
    }
    return access;
}

/// A list of one session's things is that session's owner's, any other a list of everything.
Result<AccessRequest>
list_access(BusEdge& edge, Operation operation, const std::optional<SessionId>& session) {
    KHEISH_TRY(AccessRequest access, session_access(edge, operation, session));
    access.listing = !session;
    return access;
}

Result<Plan> plan_list_runs(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(control::ListRuns request, control::parse_list_runs(options));
    KHEISH_TRY(AccessRequest access, list_access(edge, Operation::runs_list, request.session));
    return Plan{
        std::move(access),
        [&edge, request = std::move(request)](const Caller& caller, const BusMessage& message) {
            reply_json(message.get(), edge.service().runs_view(caller, request));
        }};
}

Result<std::optional<SessionId>> read_session(codec::ObjectReader& reader, std::string_view key) {
    const std::optional<std::string> text = reader.optional_string(key);
    if (!text)
        return std::optional<SessionId>();
    KHEISH_TRY(SessionId session, parse_session_id(*text));
    return std::optional(std::move(session));
}

/// What waits for people, of one session where the call names one.
using GatesView =
    Result<Json> (control::Service::*)(const Caller&, const std::optional<SessionId>&) const;

Result<Plan>
plan_list_gates(BusEdge& edge, sd_bus_message* call, Operation operation, GatesView view) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    codec::ObjectReader reader(options, "options");
    KHEISH_TRY(std::optional<SessionId> session, read_session(reader, "session_id"));
    KHEISH_CHECK(reader.finish());
    KHEISH_TRY(AccessRequest access, list_access(edge, operation, session));
    return Plan{
        std::move(access),
        [&edge, view, session = std::move(session)](
            const Caller& caller, const BusMessage& message) {
            reply_json(message.get(), (edge.service().*view)(caller, session));
        }};
}

Result<Plan> plan_list_approvals(BusEdge& edge, sd_bus_message* call) {
    return plan_list_gates(
        edge, call, Operation::approvals_list, &control::Service::approvals_view);
}

Result<Plan> plan_list_questions(BusEdge& edge, sd_bus_message* call) {
    return plan_list_gates(
        edge, call, Operation::questions_list, &control::Service::questions_view);
}

Result<Plan> plan_list_grants(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(control::ListGrants request, control::parse_list_grants(options));
    KHEISH_TRY(AccessRequest access, list_access(edge, Operation::grants_list, request.session));
    return Plan{
        std::move(access),
        [&edge, request = std::move(request)](const Caller& caller, const BusMessage& message) {
            reply_json(message.get(), edge.service().grants_view(caller, request));
        }};
}

Result<Plan> plan_revoke_grant(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(control::RevokeGrant request, control::parse_revoke_grant(options));
    AccessRequest access{.operation = Operation::grants_revoke};
    KHEISH_TRY(access.owner, edge.service().grant_owner(request.grant));
    return Plan{
        std::move(access),
        [&edge, request = std::move(request)](const Caller& caller, BusMessage message) mutable {
            edge.service().revoke_grant(
                caller, std::move(request), json_responder(std::move(message)));
        }};
}

Result<Plan> plan_follow(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    codec::ObjectReader reader(options, "options");
    control::StreamFilter filter;
    KHEISH_TRY(filter.session, read_session(reader, "session"));
    if (const std::optional<std::string> run = reader.optional_string("run")) {
        filter.run = RunId::parse(*run);
        if (!filter.run)
            reader.reject("run", "must be a run id such as run-17");
    }
    KHEISH_TRY(const std::optional<EventSeq> cursor, read_cursor(reader));
    KHEISH_CHECK(reader.finish());
    return follow_plan(edge, Operation::events_follow, std::move(filter), cursor);
}

Result<Plan> plan_permission(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(Json options, read_dictionary(call));
    KHEISH_TRY(options, with_json_text(options, "input", control::kSmallBodyLimitBytes));
    KHEISH_TRY(control::CheckPermission request, control::parse_check_permission(options));
    KHEISH_TRY(
        AccessRequest access, session_access(edge, Operation::permissions_check, request.session));
    return Plan{
        std::move(access),
        [&edge, request = std::move(request)](const Caller& caller, const BusMessage& message) {
            reply_json(message.get(), edge.service().permission_view(caller, request));
        }};
}

Result<Plan> plan_permission_matrix(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(control::DescribeMatrix request, control::parse_describe_matrix(options));
    KHEISH_TRY(
        AccessRequest access, session_access(edge, Operation::permissions_matrix, request.session));
    return Plan{
        std::move(access),
        [&edge, request = std::move(request)](const Caller& caller, const BusMessage& message) {
            reply_json(message.get(), edge.service().permissions_view(caller, request));
        }};
}

int get_version(
    sd_bus*, const char*, const char*, const char*, sd_bus_message* reply, void*, sd_bus_error*) {
    return sd_bus_message_append(reply, "s", KHEISH_VERSION);
}

constexpr std::uint64_t kOpen = SD_BUS_VTABLE_UNPRIVILEGED; // polkit decides, not the bus library

const sd_bus_vtable kVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
    SD_BUS_METHOD_WITH_ARGS(
        "DescribeStatus", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", view), handle<plan_status>, kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "DescribeCapabilities",
        SD_BUS_NO_ARGS,
        SD_BUS_RESULT("s", view),
        handle<plan_capabilities>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "CreateSession",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("o", session),
        handle<plan_create_session>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "ListSessions",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_list_sessions>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "ListRuns",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_list_runs>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "ListApprovals",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_list_approvals>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "ListGrants",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_list_grants>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "RevokeGrant",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_revoke_grant>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "ListQuestions",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_list_questions>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "Follow",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("h", stream),
        handle<plan_follow>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "ListTokens",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_list_tokens>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "CreateToken",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_create_token>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "RotateToken",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_rotate_token>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "RevokeToken",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_revoke_token>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "ListSecrets",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_list_secrets>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "DescribeSecret",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_describe_secret>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "SetSecret",
        SD_BUS_ARGS("a{sv}", options, "h", value),
        SD_BUS_RESULT("s", view),
        handle<plan_set_secret>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "ImportSecret",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_import_secret>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "RevokeSecret",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_revoke_secret>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "DeleteSecret",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_delete_secret>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "RotateMasterKey",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_rotate_master_key>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "DescribeSubject",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_describe_subject>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "RevokeSubject",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_revoke_subject>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "RestoreSubject",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_restore_subject>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "DescribeLease",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_describe_lease>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "RevokeLease",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_revoke_lease>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "RevokeSlot",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_revoke_slot>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "DescribePermission",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_permission>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "DescribePermissionMatrix",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_permission_matrix>,
        kOpen),
    SD_BUS_VTABLE_END,
};

} // namespace

const sd_bus_vtable* manager_vtable() {
    return kVtable;
}

} // namespace kheish::bus
