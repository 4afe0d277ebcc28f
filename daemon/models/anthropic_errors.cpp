#include "models/anthropic_errors.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <limits>
#include <utility>

namespace kheish::models {

namespace {

using codec::Json;
using Kind = CallError::Kind;

constexpr std::int64_t kMicrosecondsPerSecond = 1'000'000;
/// No provider means more; what is longer is cut to it.
constexpr std::int64_t kRetryAfterLimitSeconds = 31'622'400;

constexpr std::pair<std::string_view, Kind> kTypes[] = {
    {"api_error", Kind::server},
    {"authentication_error", Kind::authentication},
    {"billing_error", Kind::invalid_request},
    {"invalid_request_error", Kind::invalid_request},
    {"not_found_error", Kind::invalid_request},
    {"overloaded_error", Kind::overloaded},
    {"permission_error", Kind::authentication},
    {"rate_limit_error", Kind::rate_limited},
    {"request_too_large", Kind::context_overflow},
    {"timeout_error", Kind::timeout},
};

constexpr std::string_view kOverflowPhrases[] = {
    "prompt is too long", "exceed context limit", "exceeds the context window", "context window"};

/// What the API says of an error: {"type":"error","error":{"type":...,"message":...}}.
struct Stated {
    std::string type;
    std::string message;
};

std::optional<Stated> read_stated(std::string_view text) {
    const Result<Json> parsed = codec::parse_json(text);
    const std::optional<Json> error = parsed ? parsed->find("error") : std::nullopt;
    if (!error || !error->is_object())
        return std::nullopt;
    return Stated{
        error->find("type").value_or(Json("")).string(),
        error->find("message").value_or(Json("")).string()};
}

Kind kind_of_status(int status) {
    switch (status) {
    case 401:
    case 403:
        return Kind::authentication;
    case 408:
        return Kind::timeout;
    case 413:
        return Kind::context_overflow;
    case 429:
        return Kind::rate_limited;
    case 503:
    case 529:
        return Kind::overloaded;
    default:
        break;
    }
    if (status >= 500)
        return Kind::server;
    // A redirect or an interim answer is not what was asked for.
    return status >= 400 ? Kind::invalid_request : Kind::protocol;
}

std::optional<Kind> kind_of_type(const Stated& stated) {
    const bool overflows = std::any_of(
        std::begin(kOverflowPhrases),
        std::end(kOverflowPhrases),
        [&stated](std::string_view phrase) {
            return stated.message.find(phrase) != std::string::npos;
        });
    if (stated.type == "invalid_request_error" && overflows)
        return Kind::context_overflow;
    for (const auto& [type, kind] : kTypes) {
        if (type == stated.type)
            return kind;
    }
    return std::nullopt;
}

std::string bounded(std::string_view text) {
    return std::string(truncate_utf8(to_valid_utf8(text), kErrorMessageLimitBytes));
}

/// Days since 1970-01-01 and the time of day of "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<std::int64_t> parse_http_date(std::string_view text) {
    constexpr std::array<std::string_view, 12> kMonths{
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (text.size() != 29 || text[3] != ',' || !text.ends_with(" GMT") || text[19] != ':' ||
        text[22] != ':')
        return std::nullopt;
    const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
    const std::optional<int> day = parse_number<int>(text.substr(5, 2));
    const std::optional<int> year = parse_number<int>(text.substr(12, 4));
    const std::optional<int> hour = parse_number<int>(text.substr(17, 2));
    const std::optional<int> minute = parse_number<int>(text.substr(20, 2));
    const std::optional<int> second = parse_number<int>(text.substr(23, 2));
    if (month == kMonths.end() || !day || !year || !hour || !minute || !second)
        return std::nullopt;
    std::tm date{};
    date.tm_year = *year - 1900;
    date.tm_mon = static_cast<int>(month - kMonths.begin());
    date.tm_mday = *day;
    date.tm_hour = *hour;
    date.tm_min = *minute;
    date.tm_sec = *second;
    return timegm(&date);
}

} // namespace

std::optional<std::chrono::microseconds>
parse_retry_after(std::string_view text, std::int64_t wall_now_us) {
    std::int64_t wait_us = 0;
    if (const std::optional<std::int64_t> seconds = parse_number<std::int64_t>(text)) {
        if (*seconds < 0)
            return std::nullopt;
        wait_us = std::min(*seconds, kRetryAfterLimitSeconds) * kMicrosecondsPerSecond;
    } else if (const std::optional<std::int64_t> date = parse_http_date(text)) {
        wait_us = std::clamp<std::int64_t>(
            *date * kMicrosecondsPerSecond - wall_now_us,
            0,
            kRetryAfterLimitSeconds * kMicrosecondsPerSecond);
    } else {
        return std::nullopt;
    }
    return std::chrono::microseconds(wait_us);
}

CallError anthropic_http_error(
    const outbound::HttpHead& head, std::string_view body, std::int64_t wall_now_us) {
    CallError error;
    error.http_status = head.status;
    error.kind = kind_of_status(head.status);
    const std::optional<Stated> stated = read_stated(body);
    // The status speaks for itself, except that 400 covers what must be told apart, and that some
    // proxies keep the type and lose the status.
    if (stated && (error.kind == Kind::invalid_request || error.kind == Kind::server))
        error.kind = kind_of_type(*stated).value_or(error.kind);
    error.message = bounded(
        "HTTP " + std::to_string(head.status) + ": " +
        (stated ? stated->type + ": " + stated->message
                : escape_for_display(
                      to_valid_utf8(truncate_utf8(to_valid_utf8(body), kErrorMessageLimitBytes)))));
    if (const std::optional<std::string> after = head.header("retry-after"))
        error.retry_after = parse_retry_after(*after, wall_now_us);
    return error;
}

CallError anthropic_stream_error(std::string_view data) {
    CallError error;
    const std::optional<Stated> stated = read_stated(data);
    if (!stated) {
        error.kind = Kind::protocol;
        error.message = "the stream has an error event that cannot be read";
        return error;
    }
    error.kind = kind_of_type(*stated).value_or(Kind::server);
    error.message = bounded(stated->type + ": " + stated->message);
    return error;
}

CallError call_error_of(const outbound::TransportError& failure) {
    CallError error;
    error.message = bounded(failure.message);
    switch (failure.kind) {
    case outbound::TransportError::Kind::refused:
        error.kind = Kind::invalid_request;
        break;
    case outbound::TransportError::Kind::unrecorded:
        error.kind = Kind::unrecorded;
        break;
    case outbound::TransportError::Kind::timeout:
        error.kind = Kind::timeout;
        break;
    case outbound::TransportError::Kind::resolve:
    case outbound::TransportError::Kind::connect:
    case outbound::TransportError::Kind::tls:
    case outbound::TransportError::Kind::cut:
        error.kind = Kind::network;
        break;
    case outbound::TransportError::Kind::too_large:
    case outbound::TransportError::Kind::protocol:
        error.kind = Kind::protocol;
        break;
    }
    return error;
}

} // namespace kheish::models
