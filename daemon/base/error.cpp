#include "base/error.hpp"

#include <array>
#include <cerrno>
#include <system_error>

namespace kheish {

namespace {

constexpr std::array kTable{
    ErrorInfo{Errc::bad_request, "", "bad_request", "BadRequest", 400, 2, EINVAL},
    ErrorInfo{Errc::unknown_field, "", "unknown_field", "UnknownField", 400, 2, EINVAL},
    ErrorInfo{Errc::invalid_json, "", "invalid_json", "InvalidJson", 400, 2, EBADMSG},
    ErrorInfo{Errc::invalid_utf8, "", "invalid_utf8", "InvalidUtf8", 400, 2, EILSEQ},
    ErrorInfo{Errc::invalid_argument, "", "invalid_argument", "InvalidArgument", 400, 2, EINVAL},
    ErrorInfo{
        Errc::payload_too_large, "", "payload_too_large", "PayloadTooLarge", 413, 2, EMSGSIZE},
    ErrorInfo{
        Errc::unsupported_media_type,
        "",
        "unsupported_media_type",
        "UnsupportedMediaType",
        415,
        2,
        EINVAL},
    ErrorInfo{Errc::unauthorized, "auth", "unauthorized", "Unauthorized", 401, 4, EACCES},
    ErrorInfo{Errc::missing_token, "auth", "missing_token", "MissingToken", 401, 4, EACCES},
    ErrorInfo{Errc::malformed_token, "auth", "malformed_token", "MalformedToken", 401, 4, EACCES},
    ErrorInfo{Errc::invalid_token, "auth", "invalid_token", "InvalidToken", 401, 4, EACCES},
    ErrorInfo{
        Errc::authentication_rate_limited,
        "auth",
        "rate_limited",
        "AuthenticationRateLimited",
        429,
        7,
        EAGAIN},
    ErrorInfo{Errc::forbidden, "auth", "insufficient_access", "Forbidden", 403, 4, EPERM},
    ErrorInfo{Errc::host_not_allowed, "auth", "host_not_allowed", "HostNotAllowed", 403, 4, EPERM},
    ErrorInfo{
        Errc::origin_not_allowed, "cors", "origin_not_allowed", "OriginNotAllowed", 403, 4, EPERM},
    ErrorInfo{Errc::not_found, "", "not_found", "NotFound", 404, 5, ENOENT},
    ErrorInfo{Errc::route_not_found, "api", "route_not_found", "RouteNotFound", 404, 5, ENOENT},
    ErrorInfo{
        Errc::method_not_allowed, "", "method_not_allowed", "MethodNotAllowed", 405, 2, EOPNOTSUPP},
    ErrorInfo{Errc::conflict, "", "conflict", "Conflict", 409, 6, EEXIST},
    ErrorInfo{Errc::rate_limited, "", "rate_limited", "RateLimited", 429, 7, EAGAIN},
    ErrorInfo{
        Errc::service_unavailable, "", "service_unavailable", "ServiceUnavailable", 503, 7, EAGAIN},
    ErrorInfo{Errc::timeout, "", "timeout", "Timeout", 504, 7, ETIMEDOUT},
    ErrorInfo{Errc::cancelled, "", "cancelled", "Cancelled", 409, 6, ECANCELED},
    ErrorInfo{Errc::internal, "", "internal_error", "Internal", 500, 1, EIO},

    ErrorInfo{
        Errc::invalid_session_id,
        "sessions",
        "invalid_session_id",
        "InvalidSessionId",
        400,
        2,
        EINVAL},
    ErrorInfo{
        Errc::session_not_found,
        "sessions",
        "session_not_found",
        "SessionNotFound",
        404,
        5,
        ENOENT},
    ErrorInfo{Errc::session_busy, "sessions", "session_busy", "SessionBusy", 409, 6, EBUSY},
    ErrorInfo{Errc::session_ended, "sessions", "session_ended", "SessionEnded", 409, 6, ESHUTDOWN},
    ErrorInfo{
        Errc::session_conflict, "sessions", "session_conflict", "SessionConflict", 409, 6, EEXIST},
    ErrorInfo{Errc::run_not_found, "runs", "run_not_found", "RunNotFound", 404, 5, ENOENT},
    ErrorInfo{
        Errc::run_state_conflict, "runs", "run_state_conflict", "RunStateConflict", 409, 6, EBUSY},
    ErrorInfo{Errc::run_queue_full, "runs", "run_queue_full", "RunQueueFull", 429, 7, EAGAIN},

    ErrorInfo{
        Errc::approval_not_found,
        "approvals",
        "approval_not_found",
        "ApprovalNotFound",
        404,
        5,
        ENOENT},
    ErrorInfo{
        Errc::approval_state_conflict,
        "approvals",
        "approval_state_conflict",
        "ApprovalStateConflict",
        409,
        6,
        EBUSY},
    ErrorInfo{
        Errc::approval_batch_empty,
        "approvals",
        "approval_batch_empty",
        "ApprovalBatchEmpty",
        400,
        2,
        EINVAL},
    ErrorInfo{
        Errc::approval_duplicate_resolution,
        "approvals",
        "approval_duplicate_resolution",
        "ApprovalDuplicateResolution",
        400,
        2,
        EINVAL},
    ErrorInfo{
        Errc::approval_request_not_pending,
        "approvals",
        "approval_request_not_pending",
        "ApprovalRequestNotPending",
        400,
        2,
        EINVAL},
    ErrorInfo{
        Errc::approval_digest_mismatch,
        "approvals",
        "approval_digest_mismatch",
        "ApprovalDigestMismatch",
        409,
        6,
        ESTALE},

    ErrorInfo{
        Errc::question_not_found,
        "questions",
        "question_not_found",
        "QuestionNotFound",
        404,
        5,
        ENOENT},
    ErrorInfo{
        Errc::question_request_mismatch,
        "questions",
        "question_request_mismatch",
        "QuestionRequestMismatch",
        400,
        2,
        EINVAL},
    ErrorInfo{
        Errc::question_option_not_found,
        "questions",
        "question_option_not_found",
        "QuestionOptionNotFound",
        400,
        2,
        EINVAL},
    ErrorInfo{
        Errc::question_answer_missing,
        "questions",
        "question_answer_missing",
        "QuestionAnswerMissing",
        400,
        2,
        EINVAL},
    ErrorInfo{
        Errc::question_duplicate_answer,
        "questions",
        "question_duplicate_answer",
        "QuestionDuplicateAnswer",
        400,
        2,
        EINVAL},
    ErrorInfo{
        Errc::question_duplicate_option,
        "questions",
        "question_duplicate_option",
        "QuestionDuplicateOption",
        400,
        2,
        EINVAL},
    ErrorInfo{
        Errc::question_declined_with_answers,
        "questions",
        "question_declined_with_answers",
        "QuestionDeclinedWithAnswers",
        400,
        2,
        EINVAL},
    ErrorInfo{
        Errc::question_single_select_violation,
        "questions",
        "question_single_select_violation",
        "QuestionSingleSelectViolation",
        400,
        2,
        EINVAL},
    ErrorInfo{
        Errc::question_answer_empty,
        "questions",
        "question_answer_empty",
        "QuestionAnswerEmpty",
        400,
        2,
        EINVAL},
    ErrorInfo{
        Errc::question_unknown_answer,
        "questions",
        "question_unknown_answer",
        "QuestionUnknownAnswer",
        400,
        2,
        EINVAL},
    ErrorInfo{
        Errc::question_state_conflict,
        "questions",
        "question_state_conflict",
        "QuestionStateConflict",
        409,
        6,
        EBUSY},
    ErrorInfo{
        Errc::question_expired, "questions", "question_expired", "QuestionExpired", 409, 6, ESTALE},
    ErrorInfo{
        Errc::question_resolution_conflict,
        "questions",
        "question_resolution_conflict",
        "QuestionResolutionConflict",
        409,
        6,
        EEXIST},

    ErrorInfo{
        Errc::invalid_idempotency_key,
        "idempotency",
        "invalid_idempotency_key",
        "InvalidIdempotencyKey",
        400,
        2,
        EINVAL},
    ErrorInfo{
        Errc::idempotency_conflict,
        "idempotency",
        "idempotency_conflict",
        "IdempotencyConflict",
        409,
        6,
        EEXIST},
    ErrorInfo{
        Errc::invalid_event_cursor,
        "events",
        "invalid_event_cursor",
        "InvalidEventCursor",
        400,
        2,
        EINVAL},
    ErrorInfo{Errc::invalid_limit, "pagination", "invalid_limit", "InvalidLimit", 400, 2, EINVAL},
    ErrorInfo{
        Errc::invalid_cursor, "pagination", "invalid_cursor", "InvalidCursor", 400, 2, EINVAL},

    ErrorInfo{Errc::route_not_ready, "routes", "route_not_ready", "RouteNotReady", 409, 6, ENOENT},

    ErrorInfo{
        Errc::daemon_draining, "readiness", "daemon_draining", "DaemonDraining", 503, 7, EAGAIN},
    ErrorInfo{
        Errc::journal_unavailable,
        "journal",
        "journal_unavailable",
        "JournalUnavailable",
        503,
        7,
        EIO},
    ErrorInfo{
        Errc::journal_corrupt, "journal", "journal_corrupt", "JournalCorrupt", 500, 1, EUCLEAN},
    ErrorInfo{
        Errc::journal_newer_schema,
        "journal",
        "journal_newer_schema",
        "JournalNewerSchema",
        503,
        8,
        EPROTO},
    ErrorInfo{Errc::storage_full, "journal", "storage_full", "StorageFull", 503, 7, ENOSPC},

    ErrorInfo{Errc::launch_refused, "execution", "launch_refused", "LaunchRefused", 503, 1, EPERM},
    ErrorInfo{
        Errc::sandbox_unavailable,
        "execution",
        "sandbox_unavailable",
        "SandboxUnavailable",
        503,
        1,
        EOPNOTSUPP},
    ErrorInfo{Errc::runner_lost, "execution", "runner_lost", "RunnerLost", 503, 7, ECONNRESET},
    ErrorInfo{Errc::protocol_error, "execution", "protocol_error", "ProtocolError", 500, 1, EPROTO},

    ErrorInfo{
        Errc::invalid_configuration,
        "configuration",
        "invalid_configuration",
        "InvalidConfiguration",
        400,
        2,
        EINVAL},

    ErrorInfo{
        Errc::daemon_unreachable,
        "client",
        "daemon_unreachable",
        "DaemonUnreachable",
        503,
        3,
        ECONNREFUSED},
    ErrorInfo{Errc::schema_mismatch, "client", "schema_mismatch", "SchemaMismatch", 500, 8, EPROTO},
};

constexpr bool rows_follow_the_enum() {
    for (std::size_t i = 0; i < kTable.size(); ++i)
        if (kTable[i].code != static_cast<Errc>(i))
            return false;
    return kTable.size() == static_cast<std::size_t>(Errc::schema_mismatch) + 1;
}
static_assert(rows_follow_the_enum(), "one row per Errc, in its order");

} // namespace

std::span<const ErrorInfo> error_table() {
    return kTable;
}

const ErrorInfo& error_info(Errc code) {
    return kTable[static_cast<std::size_t>(code)];
}

std::optional<Errc> error_from_dbus_name(std::string_view name) {
    if (!name.starts_with(kDbusErrorPrefix))
        return std::nullopt;
    name.remove_prefix(kDbusErrorPrefix.size());
    for (const ErrorInfo& row : kTable)
        if (row.dbus == name)
            return row.code;
    return std::nullopt;
}

std::optional<Errc> error_from_name(std::string_view domain, std::string_view name) {
    for (const ErrorInfo& row : kTable)
        if (row.domain == domain && row.name == name)
            return row.code;
    return std::nullopt;
}

Error Error::wrap(std::string_view context) && {
    message.insert(0, std::string(context) + ": ");
    return std::move(*this);
}

std::string Error::to_string() const {
    const ErrorInfo& row = error_info(code);
    std::string text;
    if (!row.domain.empty())
        text.append(row.domain).append("/");
    return text.append(row.name).append(": ").append(message);
}

Error system_error(std::string_view context, int sys_errno, Errc code) {
    std::string message(context);
    message += ": ";
    message += std::generic_category().message(sys_errno);
    return Error{.code = code, .message = std::move(message), .sys_errno = sys_errno};
}

} // namespace kheish
