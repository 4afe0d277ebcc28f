#include "http/request_schemas.hpp"

#include "codec/runner_message.hpp"
#include "control/question_requests.hpp"
#include "control/requests.hpp"
#include "control/secret_requests.hpp"
#include "govern/path_pattern.hpp"
#include "govern/scope.hpp"

#include <initializer_list>
#include <vector>

namespace kheish::http {

namespace {

using codec::Json;

Json text(std::size_t limit_bytes) {
    return Json::object(
        {{"type", "string"}, {"maxLength", static_cast<std::int64_t>(limit_bytes)}});
}

Json words(std::initializer_list<std::string_view> values) {
    Json list = Json::array();
    for (const std::string_view value : values)
        list.append(value);
    return Json::object({{"type", "string"}, {"enum", list}});
}

/// An object that has no members but these.
Json closed_object(Json properties, std::initializer_list<std::string_view> required = {}) {
    Json schema = Json::object(
        {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}});
    Json names = Json::array();
    for (const std::string_view name : required)
        names.append(name);
    if (names.size() > 0)
        schema.set("required", names);
    return schema;
}

Json list_of(const Json& item) {
    return Json::object({{"type", "array"}, {"items", item}});
}

Json permission_rule() {
    return closed_object(
        Json::object({
            {"pattern", text(govern::kPatternLimitBytes)},
            {"behavior", words({"ask", "deny"})},
            {"reason", Json::object({{"type", "string"}})},
            {"command", text(govern::kPatternLimitBytes)},
            {"path", text(govern::kPatternLimitBytes)},
            {"host", text(codec::kHostPatternBytes)},
        }),
        {"pattern", "behavior"});
}

template <class Scope>
Json scope() {
    Json members = Json::object();
    for (const govern::ScopeKind<Scope>& kind : Scope::kKinds)
        for (const std::string_view list : {"_allow", "_deny"})
            members.set(
                std::string(kind.name) + std::string(list),
                list_of(text(govern::kScopeNameLimitBytes)));
    return closed_object(members);
}

Json create_session() {
    return closed_object(Json::object({
        {"session_id", text(kSessionIdLimitBytes)},
        {"thread_id", text(control::kLabelLimitBytes)},
        {"workspace", text(control::kPathLimitBytes)},
        {"permission_rules", list_of(permission_rule())},
        {"credential_scope", scope<govern::CredentialScope>()},
        {"capability_scope", scope<govern::CapabilityScope>()},
        {"idempotency_key", text(control::kIdempotencyKeyLimitBytes)},
    }));
}

Json end_request() {
    return closed_object(Json::object({
        {"reason", text(control::kReasonLimitBytes)},
        {"idempotency_key", text(control::kIdempotencyKeyLimitBytes)},
    }));
}

Json check_permission() {
    return closed_object(
        Json::object({
            {"tool_name", text(control::kLabelLimitBytes)},
            {"input", Json::object({{"type", "object"}})},
            {"session_id", text(kSessionIdLimitBytes)},
            {"mode_override",
             words({"default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"})},
            {"project_permissions", text(codec::runner::kPayloadBytes)},
            {"tool_call_id", text(control::kLabelLimitBytes)},
        }),
        {"tool_name"});
}

Json describe_matrix() {
    return closed_object(Json::object({
        {"session_id", text(kSessionIdLimitBytes)},
        {"project_permissions", text(codec::runner::kPayloadBytes)},
    }));
}

Json submit_input() {
    const Json item = closed_object(
        Json::object({{"type", words({"text"})}, {"text", Json::object({{"type", "string"}})}}),
        {"type", "text"});
    const Json generation = closed_object(Json::object({
        {"model", text(control::kLabelLimitBytes)},
        {"max_output_tokens", Json::object({{"type", "integer"}, {"minimum", 1}})},
    }));
    return closed_object(Json::object({
        {"content", Json::object({{"type", "string"}})},
        {"input_items", list_of(item)},
        {"provider", text(control::kLabelLimitBytes)},
        {"route_id", text(control::kLabelLimitBytes)},
        {"source_plugin", text(control::kLabelLimitBytes)},
        {"source_kind", text(control::kLabelLimitBytes)},
        {"actor_id", text(control::kLabelLimitBytes)},
        {"generation", generation},
        {"permission_mode",
         words({"default", "acceptEdits", "plan", "dontAsk", "bypassPermissions"})},
        {"metadata", Json::object({{"type", "object"}})},
        {"idempotency_key", text(control::kIdempotencyKeyLimitBytes)},
    }));
}

/// The members of every resolution.
Json resolution(std::string_view behavior) {
    return Json::object({
        {"request_id", text(control::kLabelLimitBytes)},
        {"behavior", words({behavior})},
        {"justification", text(control::kReasonLimitBytes)},
        {"reason", text(control::kReasonLimitBytes)},
        {"digest", Json::object({{"type", "string"}, {"pattern", "^[0-9a-f]{64}$"}})},
    });
}

/// A pattern goes with what is no exact action, days with what has an end.
Json remember_shape(bool exact, bool for_days) {
    Json members = Json::object({
        {"match", exact ? words({"exact"}) : words({"command", "path", "host"})},
        {"for", for_days ? words({"days"}) : words({"run", "session"})},
    });
    Json required = Json::array({"match"});
    if (!exact) {
        members.set("pattern", text(govern::kPathPatternLimitBytes));
        required.append("pattern");
    }
    if (for_days) {
        members.set(
            "days",
            Json::object(
                {{"type", "integer"}, {"minimum", 1}, {"maximum", govern::kGrantDaysMax}}));
        required.append("days");
        required.append("for");
    }
    return closed_object(members).set("required", required);
}

Json remember() {
    return Json::object(
        {{"oneOf",
          Json::array(
              {remember_shape(true, false),
               remember_shape(true, true),
               remember_shape(false, false),
               remember_shape(false, true)})}});
}

Json revoke_request() {
    return closed_object(Json::object({{"reason", text(control::kReasonLimitBytes)}}));
}

Json set_secret() {
    return closed_object(
        Json::object({
            {"slot_id", text(control::kSecretNameLimitBytes)},
            {"provider", text(control::kLabelLimitBytes)},
            {"mode", words({"api_key", "opaque_secret"})},
            {"state",
             closed_object(Json::object({{"value", text(control::kSecretLimitBytes)}}), {"value"})},
            {"updated_at_ms", Json::object({{"type", "integer"}, {"minimum", 0}})},
        }),
        {"slot_id", "state"});
}

Json resolve_approvals() {
    Json allow = resolution("allow");
    allow.set("updated_input", Json::object({{"type", "object"}}));
    allow.set("remember", remember());
    Json supply = resolution("supply");
    supply.set("result", text(control::kSuppliedResultLimitBytes));
    Json resolutions = list_of(Json::object(
        {{"oneOf",
          Json::array(
              {closed_object(allow, {"request_id", "behavior"}),
               closed_object(resolution("deny"), {"request_id", "behavior"}),
               closed_object(supply, {"request_id", "behavior", "result"})})}}));
    resolutions.set("minItems", 1);
    resolutions.set("maxItems", static_cast<std::int64_t>(control::kResolutionLimit));
    return closed_object(
        Json::object({
            {"resolutions", resolutions},
            {"idempotency_key", text(control::kIdempotencyKeyLimitBytes)},
        }),
        {"resolutions"});
}

Json resolve_question() {
    const Json given = closed_object(
        Json::object({
            {"question_id", text(control::kLabelLimitBytes)},
            {"selected_option_ids", list_of(text(control::kLabelLimitBytes))},
            {"freeform_answer", text(control::kFreeformAnswerLimitBytes)},
        }),
        {"question_id"});
    const Json resolution = closed_object(
        Json::object({
            {"request_id", text(control::kLabelLimitBytes)},
            {"answers", list_of(given)},
            {"declined", Json::object({{"type", "boolean"}})},
            {"justification", text(control::kReasonLimitBytes)},
        }),
        {"request_id"});
    return closed_object(
        Json::object({
            {"resolution", resolution},
            {"idempotency_key", text(control::kIdempotencyKeyLimitBytes)},
        }),
        {"resolution"});
}

Json cancel_question() {
    return closed_object(Json::object({
        {"justification", text(control::kReasonLimitBytes)},
        {"idempotency_key", text(control::kIdempotencyKeyLimitBytes)},
    }));
}

Json problem() {
    const Json string = Json::object({{"type", "string"}});
    return closed_object(
        Json::object({
            {"type", string},
            {"title", string},
            {"status", Json::object({{"type", "integer"}})},
            {"detail", string},
            {"code", string},
            {"domain", string},
        }),
        {"type", "title", "status", "detail", "code"});
}

} // namespace

Json request_schemas() {
    return Json::object({
        {"CreateSession", create_session()},
        {"SubmitInput", submit_input()},
        {"ResolveApprovals", resolve_approvals()},
        {"ResolveQuestion", resolve_question()},
        {"CancelQuestion", cancel_question()},
        {"EndRequest", end_request()},
        {"RevokeRequest", revoke_request()},
        {"SetSecret", set_secret()},
        {"CheckPermission", check_permission()},
        {"DescribeMatrix", describe_matrix()},
        {"Problem", problem()},
    });
}

std::string_view request_schema(const control::OperationInfo& operation) {
    using enum control::AuditClass;
    if (operation.operation == control::Operation::permissions_check)
        return "CheckPermission";
    if (operation.operation == control::Operation::permissions_matrix)
        return "DescribeMatrix";
    if (operation.operation == control::Operation::grants_revoke)
        return "RevokeRequest";
    if (operation.operation == control::Operation::secrets_set)
        return "SetSecret";
    if (operation.audit == administer && operation.body_limit_bytes > 0)
        return "RevokeRequest"; // a reason and nothing else
    switch (operation.audit) {
    case submit:
        return operation.operation == control::Operation::sessions_create ? "CreateSession"
                                                                          : "SubmitInput";
    case approve:
        return "ResolveApprovals";
    case control::AuditClass::answer:
        return "ResolveQuestion";
    case control::AuditClass::control:
        return operation.operation == control::Operation::questions_cancel ? "CancelQuestion"
                                                                           : "EndRequest";
    case none:
    case read:
    case administer: // not over HTTP
        break;
    }
    return {};
}

} // namespace kheish::http
