#include "control/operations.hpp"

#include <array>

namespace kheish::control {

namespace {

using enum Operation;
using enum AuditClass;

constexpr std::array<std::string_view, 4> kRoles{"anyone", "reader", "operator", "admin"};
constexpr std::size_t kSmall = kSmallBodyLimitBytes;
constexpr std::size_t kInput = kInputLimitBytes;
constexpr std::size_t kResolve = kResolutionLimitBytes;

// clang-format off
constexpr std::array kTable{
    OperationInfo{health, "health", "", "", "GET", "/healthz", "", "", Role::anyone, none, 0, false, false},
    OperationInfo{readiness, "readiness", "", "", "GET", "/readyz", "", "", Role::anyone, none, 0, false, false},
    OperationInfo{Operation::status, "status", "Manager", "DescribeStatus", "GET", "/v1/status", "status", "", Role::reader, none, 0, false, false},
    OperationInfo{capabilities, "capabilities", "Manager", "DescribeCapabilities", "GET", "/v1/capabilities", "capabilities", "", Role::reader, none, 0, false, false},
    OperationInfo{openapi, "openapi", "", "", "GET", "/v1/openapi.json", "", "", Role::reader, none, 0, false, false},
    OperationInfo{events_follow, "events.stream", "Manager", "Follow", "GET", "/v1/events/stream", "events stream", kActionRead, Role::reader, read, 0, false, false},

    OperationInfo{sessions_create, "sessions.create", "Manager", "CreateSession", "POST", "/v1/sessions", "sessions create", kActionSubmit, Role::operate, submit, kSmall, true, true},
    OperationInfo{sessions_list, "sessions.list", "Manager", "ListSessions", "GET", "/v1/sessions", "sessions list", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{sessions_get, "sessions.get", "Session", "Describe", "GET", "/v1/sessions/{sid}", "sessions get", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{sessions_events, "sessions.events", "Session", "Events", "GET", "/v1/sessions/{sid}/events", "sessions events", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{sessions_follow, "sessions.stream", "Session", "Follow", "GET", "/v1/sessions/{sid}/stream", "sessions stream", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{sessions_submit, "sessions.submit", "Session", "SubmitInput", "POST", "/v1/sessions/{sid}/runs", "sessions input", kActionSubmit, Role::operate, submit, kInput, true, true},
    OperationInfo{sessions_input, "sessions.input", "", "", "POST", "/v1/sessions/{sid}/input", "", kActionSubmit, Role::operate, submit, kInput, true, true},
    OperationInfo{sessions_interrupt, "sessions.interrupt", "Session", "Interrupt", "POST", "/v1/sessions/{sid}/interrupt", "sessions interrupt", kActionControl, Role::operate, AuditClass::control, kSmall, true, true},
    OperationInfo{sessions_end, "sessions.end", "Session", "End", "POST", "/v1/sessions/{sid}/end", "sessions end", kActionControl, Role::operate, AuditClass::control, kSmall, true, true},
    OperationInfo{sessions_resolve, "sessions.approvals", "", "", "POST", "/v1/sessions/{sid}/approvals", "", kActionApprove, Role::operate, approve, kResolve, true, true},
    OperationInfo{sessions_resolve_detached, "sessions.approval-runs", "", "", "POST", "/v1/sessions/{sid}/approval-runs", "", kActionApprove, Role::operate, approve, kResolve, true, true},

    OperationInfo{runs_list, "runs.list", "Manager", "ListRuns", "GET", "/v1/runs", "runs list", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{runs_get, "runs.get", "Run", "Describe", "GET", "/v1/runs/{rid}", "runs get", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{runs_events, "runs.events", "Run", "Events", "GET", "/v1/runs/{rid}/events", "runs events", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{runs_follow, "runs.stream", "Run", "Follow", "GET", "/v1/runs/{rid}/stream", "runs stream", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{runs_external_actions, "runs.external-actions", "Run", "ExternalActions", "GET", "/v1/runs/{rid}/external-actions", "runs external-actions", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{runs_cancel, "runs.cancel", "Run", "Cancel", "POST", "/v1/runs/{rid}/cancel", "runs cancel", kActionControl, Role::operate, AuditClass::control, kSmall, true, true},
    OperationInfo{runs_resolve, "runs.approvals", "Run", "ResolveApprovals", "POST", "/v1/runs/{rid}/approvals", "", kActionApprove, Role::operate, approve, kResolve, true, true},

    OperationInfo{approvals_list, "approvals.list", "Manager", "ListApprovals", "", "", "approvals list", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{approvals_get, "approvals.get", "Approval", "Describe", "", "", "approvals show", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{approvals_allow, "approvals.allow", "Approval", "Allow", "", "", "approvals allow", kActionApprove, Role::operate, approve, kSmall, true, true},
    OperationInfo{approvals_deny, "approvals.deny", "Approval", "Deny", "", "", "approvals deny", kActionApprove, Role::operate, approve, kSmall, true, true},
    OperationInfo{approvals_supply, "approvals.supply", "Approval", "Supply", "", "", "approvals supply", kActionApprove, Role::operate, approve, kResolve, true, true},

    OperationInfo{grants_list, "grants.list", "Manager", "ListGrants", "GET", "/v1/grants", "grants list", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{grants_revoke, "grants.revoke", "Manager", "RevokeGrant", "POST", "/v1/grants/{name}/revoke", "grants revoke", kActionControl, Role::operate, AuditClass::control, kSmall, true, false},

    OperationInfo{questions_list, "questions.list", "Manager", "ListQuestions", "GET", "/v1/questions", "questions list", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{sessions_questions, "sessions.questions", "", "", "GET", "/v1/sessions/{sid}/questions", "", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{questions_get, "questions.get", "Question", "Describe", "", "", "questions show", kActionRead, Role::reader, read, 0, false, false},
    OperationInfo{questions_answer, "questions.answer", "Question", "Answer", "", "", "questions answer", kActionAnswer, Role::operate, answer, kResolve, true, true},
    OperationInfo{sessions_answer, "sessions.answer", "", "", "POST", "/v1/sessions/{sid}/questions", "", kActionAnswer, Role::operate, answer, kResolve, true, true},
    OperationInfo{runs_answer, "runs.answer", "", "", "POST", "/v1/runs/{rid}/questions", "", kActionAnswer, Role::operate, answer, kResolve, true, true},
    OperationInfo{questions_cancel, "questions.cancel", "Question", "Cancel", "POST", "/v1/runs/{rid}/questions/{qid}/cancel", "questions cancel", kActionControl, Role::operate, AuditClass::control, kSmall, true, true},

    OperationInfo{tokens_list, "tokens.list", "Manager", "ListTokens", "", "", "tokens list", kActionAdminister, Role::admin, administer, 0, false, false},
    // The name is what tells one of these requests from another; a receipt would have to keep the secret.
    OperationInfo{tokens_create, "tokens.create", "Manager", "CreateToken", "", "", "tokens create", kActionAdminister, Role::admin, administer, kSmall, true, false},
    OperationInfo{tokens_rotate, "tokens.rotate", "Manager", "RotateToken", "", "", "tokens rotate", kActionAdminister, Role::admin, administer, kSmall, true, false},
    OperationInfo{tokens_revoke, "tokens.revoke", "Manager", "RevokeToken", "", "", "tokens revoke", kActionAdminister, Role::admin, administer, kSmall, true, false},

    OperationInfo{secrets_list, "secrets.list", "Manager", "ListSecrets", "GET", "/v1/runtime/secrets", "secrets list", kActionAdminister, Role::admin, administer, 0, false, false},
    OperationInfo{secrets_get, "secrets.get", "Manager", "DescribeSecret", "GET", "/v1/runtime/secrets/{name}", "secrets get", kActionAdminister, Role::admin, administer, 0, false, false},
    // The same secret under the same key would have to be told from another one by something that is kept.
    OperationInfo{secrets_set, "secrets.set", "Manager", "SetSecret", "POST", "/v1/runtime/secrets", "secrets set", kActionAdminister, Role::admin, administer, kSmall, true, false},
    OperationInfo{secrets_import, "secrets.import", "Manager", "ImportSecret", "", "", "secrets import-credential", kActionAdminister, Role::admin, administer, kSmall, true, false},
    OperationInfo{secrets_revoke, "secrets.revoke", "Manager", "RevokeSecret", "", "", "secrets revoke", kActionAdminister, Role::admin, administer, kSmall, true, false},
    OperationInfo{secrets_delete, "secrets.delete", "Manager", "DeleteSecret", "DELETE", "/v1/runtime/secrets/{name}", "secrets delete", kActionAdminister, Role::admin, administer, kSmall, true, false},
    OperationInfo{secrets_rotate_master_key, "secrets.rotate-master-key", "Manager", "RotateMasterKey", "", "", "secrets rotate-master-key", kActionAdminister, Role::admin, administer, kSmall, true, false},

    OperationInfo{auth_subject, "auth.subject", "Manager", "DescribeSubject", "GET", "/v1/runtime/auth/subjects/{name}", "auth subject", kActionAdminister, Role::admin, administer, 0, false, false},
    OperationInfo{auth_revoke_subject, "auth.revoke-subject", "Manager", "RevokeSubject", "POST", "/v1/runtime/auth/subjects/{name}/revoke", "auth revoke-subject", kActionAdminister, Role::admin, administer, kSmall, true, false},
    OperationInfo{auth_restore_subject, "auth.restore-subject", "Manager", "RestoreSubject", "POST", "/v1/runtime/auth/subjects/{name}/restore", "auth restore-subject", kActionAdminister, Role::admin, administer, kSmall, true, false},
    OperationInfo{auth_lease, "auth.lease", "Manager", "DescribeLease", "GET", "/v1/runtime/auth/leases/{name}", "auth lease", kActionAdminister, Role::admin, administer, 0, false, false},
    OperationInfo{auth_revoke_lease, "auth.revoke-lease", "Manager", "RevokeLease", "POST", "/v1/runtime/auth/leases/{name}/revoke", "auth revoke-lease", kActionAdminister, Role::admin, administer, kSmall, true, false},
    OperationInfo{auth_revoke_slot, "auth.revoke-slot", "Manager", "RevokeSlot", "POST", "/v1/runtime/auth/slots/{name}/revoke", "auth revoke-slot", kActionAdminister, Role::admin, administer, kSmall, true, false},

    OperationInfo{permissions_check, "permissions.check", "Manager", "DescribePermission", "POST", "/v1/runtime/permissions/check", "permissions check", kActionRead, Role::reader, read, kSmall, false, false},
    OperationInfo{permissions_matrix, "permissions.matrix", "Manager", "DescribePermissionMatrix", "POST", "/v1/runtime/permissions/matrix", "permissions matrix", kActionRead, Role::reader, read, kSmall, false, false},
};
// clang-format on

constexpr bool rows_follow_the_enum() {
    for (std::size_t i = 0; i < kTable.size(); ++i)
        if (kTable[i].operation != static_cast<Operation>(i))
            return false;
    return kTable.size() == static_cast<std::size_t>(permissions_matrix) + 1;
}
static_assert(rows_follow_the_enum(), "one row per Operation, in its order");

} // namespace

std::string_view to_string(Role role) {
    return kRoles.at(static_cast<std::size_t>(role));
}

std::optional<Role> parse_role(std::string_view text) {
    for (const Role role : {Role::reader, Role::operate, Role::admin})
        if (to_string(role) == text)
            return role;
    return std::nullopt;
}

std::span<const OperationInfo> operations() {
    return kTable;
}

const OperationInfo& info(Operation operation) {
    return kTable[static_cast<std::size_t>(operation)];
}

} // namespace kheish::control
