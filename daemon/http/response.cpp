#include "http/response.hpp"

#include "base/text.hpp"
#include "http/header_values.hpp"
#include "http/limits.hpp"

#include <algorithm>
#include <array>

namespace kheish::http {

namespace {

struct StatusRow {
    int status;
    std::string_view reason;
    std::string_view code; ///< of a problem that has no Errc
};

constexpr std::array kStatuses{
    StatusRow{200, "OK", ""},
    StatusRow{201, "Created", ""},
    StatusRow{202, "Accepted", ""},
    StatusRow{204, "No Content", ""},
    StatusRow{400, "Bad Request", "bad_request"},
    StatusRow{401, "Unauthorized", "unauthorized"},
    StatusRow{403, "Forbidden", "forbidden"},
    StatusRow{404, "Not Found", "not_found"},
    StatusRow{405, "Method Not Allowed", "method_not_allowed"},
    StatusRow{408, "Request Timeout", "request_timeout"},
    StatusRow{409, "Conflict", "conflict"},
    StatusRow{413, "Payload Too Large", "payload_too_large"},
    StatusRow{414, "URI Too Long", "uri_too_long"},
    StatusRow{415, "Unsupported Media Type", "unsupported_media_type"},
    StatusRow{422, "Unprocessable Entity", "unprocessable_entity"},
    StatusRow{429, "Too Many Requests", "rate_limited"},
    StatusRow{431, "Request Header Fields Too Large", "request_header_fields_too_large"},
    StatusRow{500, "Internal Server Error", "internal_error"},
    StatusRow{501, "Not Implemented", "not_implemented"},
    StatusRow{502, "Bad Gateway", "bad_gateway"},
    StatusRow{503, "Service Unavailable", "service_unavailable"},
    StatusRow{504, "Gateway Timeout", "timeout"},
    StatusRow{505, "HTTP Version Not Supported", "http_version_not_supported"},
};

const StatusRow* find_status(int status) {
    for (const StatusRow& row : kStatuses)
        if (row.status == status)
            return &row;
    return nullptr;
}

} // namespace

std::string_view reason_phrase(int status) {
    const StatusRow* row = find_status(status);
    return row != nullptr ? row->reason : "Daemon Error";
}

Response Response::json(int status, const codec::Json& view) {
    Response response;
    response.status = status;
    response.body = codec::canonical_json(view);
    return response;
}

Response Response::text(std::string_view text) {
    Response response;
    response.content_type = kTextType;
    response.body = text;
    return response;
}

Problem Problem::of(const Error& error) {
    const ErrorInfo& row = error_info(error.code);
    Problem problem{row.http_status, row.domain, row.name, error.message};
    if (error.code == Errc::authentication_rate_limited)
        problem.retry_after = kFailureRetryAfter;
    return problem;
}

Problem Problem::of_status(int status, std::string_view detail) {
    const StatusRow* row = find_status(status);
    return {status, "", row != nullptr ? row->code : "daemon_error", std::string(detail)};
}

Response problem_response(const Problem& problem) {
    codec::Json view = codec::Json::object({
        {"type", "urn:kheish:problem:" + std::string(problem.code)},
        {"title", reason_phrase(problem.status)},
        {"status", problem.status},
        {"detail", to_valid_utf8(problem.detail)},
        {"code", problem.code},
    });
    if (!problem.domain.empty())
        view.set("domain", problem.domain);
    Response response = Response::json(problem.status, view);
    response.content_type = kProblemType;
    if (problem.status == 429 || problem.status == 503)
        response.headers.emplace_back(
            "Retry-After", std::to_string(std::max(problem.retry_after, kRetryAfter).count()));
    if (problem.status == 401)
        response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"kheishd\"");
    return response;
}

std::string response_head(const Response& response, const Framing& framing) {
    std::string head = "HTTP/1.1 ";
    head.append(std::to_string(response.status)).append(" ");
    head.append(reason_phrase(response.status));
    head.append("\r\nDate: ").append(http_date(framing.date_us));
    head.append("\r\nCache-Control: no-store");
    for (const auto& [name, value] : framing.fields)
        head.append("\r\n").append(name).append(": ").append(value);
    for (const auto& [name, value] : response.headers)
        head.append("\r\n").append(name).append(": ").append(value);
    if (response.status != 204)
        head.append("\r\nContent-Type: ").append(response.content_type);
    if (response.stream)
        head.append("\r\nX-Accel-Buffering: no");
    else if (response.status != 204)
        head.append("\r\nContent-Length: ").append(std::to_string(response.body.size()));
    if (!framing.keep_alive)
        head.append("\r\nConnection: close");
    else if (framing.minor_version == 0)
        head.append("\r\nConnection: keep-alive");
    return head.append("\r\n\r\n");
}

} // namespace kheish::http
