#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

/// THE operations table: everything that can be asked of kheishd, by which door, and who may.
/// D-Bus vtables, HTTP routes, the polkit policy, the bus policy and the man pages are tested
/// against it.
namespace kheish::control {

enum class Operation {
    health,
    readiness,
    status,
    capabilities,
    openapi,
    events_follow,
    sessions_create,
    sessions_list,
    sessions_get,
    sessions_events,
    sessions_follow,
    sessions_submit,
    sessions_input,
    sessions_interrupt,
    sessions_end,
    sessions_resolve,
    sessions_resolve_detached,
    runs_list,
    runs_get,
    runs_events,
    runs_follow,
    runs_external_actions,
    runs_cancel,
    runs_resolve,
    approvals_list,
    approvals_get,
    approvals_allow,
    approvals_deny,
    approvals_supply,
    grants_list,
    grants_revoke,
    questions_list,
    sessions_questions,
    questions_get,
    questions_answer,
    sessions_answer,
    runs_answer,
    questions_cancel,
    tokens_list,
    tokens_create,
    tokens_rotate,
    tokens_revoke,
    secrets_list,
    secrets_get,
    secrets_set,
    secrets_import,
    secrets_revoke,
    secrets_delete,
    secrets_rotate_master_key,
    auth_subject,
    auth_revoke_subject,
    auth_restore_subject,
    auth_lease,
    auth_revoke_lease,
    auth_revoke_slot,
    permissions_check,
    permissions_matrix,
};

/// What a caller needs to be for the operation; each may do what the ones before it may. A reader
/// sees everything and changes nothing, an operator has what is its own, an admin everything.
enum class Role { anyone, reader, operate, admin };

/// "reader", "operator", "admin".
std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view text);

/// What the operation's audit record is about.
enum class AuditClass { none, read, submit, control, approve, answer, administer };

struct OperationInfo {
    Operation operation;
    std::string_view name; ///< "runs.cancel", also the KHEISH_OPERATION field of the log

    std::string_view dbus_interface; ///< last part: Manager, Session, Run, Approval, Question;
                                     ///< empty: not on D-Bus
    std::string_view dbus_member;
    std::string_view http_method; ///< empty: not over HTTP
    std::string_view http_path;   ///< {sid}, {rid}, {qid} and {name} stand for ids
    std::string_view command;     ///< kheishctl's words; empty: none

    /// polkit action for one's own sessions and runs; that for somebody else's is the same with
    /// "-others" at its end. kActionAdminister is about nobody's and stands alone. Empty: no check
    /// (D-Bus policy is the only gate).
    std::string_view polkit_action;
    Role role;
    AuditClass audit;
    std::size_t body_limit_bytes; ///< 0: takes no body
    bool changes_state;
    bool idempotency_key; ///< takes one
};

/// In the order of Operation.
std::span<const OperationInfo> operations();
const OperationInfo& info(Operation operation);

inline constexpr std::size_t kInputLimitBytes = std::size_t{16} << 20;
inline constexpr std::size_t kSmallBodyLimitBytes = std::size_t{64} << 10;
inline constexpr std::size_t kResolutionLimitBytes = std::size_t{1} << 20;

inline constexpr std::string_view kActionRead = "ai.kheish.daemon1.read";
inline constexpr std::string_view kActionSubmit = "ai.kheish.daemon1.submit";
inline constexpr std::string_view kActionControl = "ai.kheish.daemon1.control";
inline constexpr std::string_view kActionApprove = "ai.kheish.daemon1.approve";
inline constexpr std::string_view kActionAnswer = "ai.kheish.daemon1.answer";
inline constexpr std::string_view kActionAdminister = "ai.kheish.daemon1.administer";

} // namespace kheish::control
