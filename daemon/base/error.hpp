#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kheish {

/// Every way in which an operation of kheish can fail, as its callers can tell them apart.
/// A code that no caller treats differently from another does not belong here.
enum class Errc : std::uint8_t {
    // generic
    bad_request,
    unknown_field,
    invalid_json,
    invalid_utf8,
    invalid_argument,
    payload_too_large,
    unsupported_media_type,
    unauthorized,
    missing_token,
    malformed_token,
    invalid_token,
    authentication_rate_limited,
    forbidden,
    host_not_allowed,
    origin_not_allowed,
    not_found,
    route_not_found,
    method_not_allowed,
    conflict,
    rate_limited,
    service_unavailable,
    timeout,
    cancelled,
    internal,
    // sessions and runs
    invalid_session_id,
    session_not_found,
    session_busy,
    session_ended,
    session_conflict,
    run_not_found,
    run_state_conflict,
    run_queue_full,
    // approvals
    approval_not_found,
    approval_state_conflict,
    approval_batch_empty,
    approval_duplicate_resolution,
    approval_request_not_pending,
    approval_digest_mismatch,
    // questions
    question_not_found,
    question_request_mismatch,
    question_option_not_found,
    question_answer_missing,
    question_duplicate_answer,
    question_duplicate_option,
    question_declined_with_answers,
    question_single_select_violation,
    question_answer_empty,
    question_unknown_answer,
    question_state_conflict,
    question_expired,
    question_resolution_conflict,
    // idempotency, streams, pages
    invalid_idempotency_key,
    idempotency_conflict,
    invalid_event_cursor,
    invalid_limit,
    invalid_cursor,
    // model routes
    route_not_ready,
    // readiness and storage
    daemon_draining,
    journal_unavailable,
    journal_corrupt,
    journal_newer_schema,
    storage_full,
    // execution
    launch_refused,
    sandbox_unavailable,
    runner_lost,
    protocol_error,
    // configuration
    invalid_configuration,
    // clients
    daemon_unreachable,
    schema_mismatch,
};

/// One row of THE error table: how a code shows on every edge.
struct ErrorInfo {
    Errc code;
    std::string_view domain; ///< `domain` of problem+json; empty where the code stands alone
    std::string_view name;   ///< `code` of problem+json, and the log's word for it
    std::string_view dbus;   ///< D-Bus error name without the prefix kDbusErrorPrefix
    int http_status;         ///< RFC 9110 status
    int exit_code;           ///< exit status of kheishctl, 1 to 8
    int sys_errno;           ///< what sd-bus clients see through sd_bus_error_get_errno(3)
};

inline constexpr std::string_view kDbusErrorPrefix = "ai.kheish.Daemon1.Error.";

/// All rows, in the order of Errc; row i describes Errc(i).
std::span<const ErrorInfo> error_table();
const ErrorInfo& error_info(Errc code);
/// The row whose full D-Bus name is `name`, if it is one of ours.
std::optional<Errc> error_from_dbus_name(std::string_view name);
/// The row whose `domain` and `code` are these.
std::optional<Errc> error_from_name(std::string_view domain, std::string_view name);

/// A failure with what a person needs to mend it. Value type; never thrown.
struct Error {
    Errc code = Errc::internal;
    std::string message;    ///< a sentence that names what is wrong and, where known, what to do
    int sys_errno = 0;      ///< errno(3) of the failed system call, 0 where there was none
    bool transient = false; ///< true where the same call may succeed later without a change

    /// Puts `context` before the message while the error travels up: "opening journal: ...".
    Error wrap(std::string_view context) &&;
    /// "domain/name: message [errno text]", for logs and the command line.
    std::string to_string() const;
};

/// An Error of `code` whose message ends in strerror(sys_errno).
Error system_error(std::string_view context, int sys_errno, Errc code = Errc::internal);

} // namespace kheish
