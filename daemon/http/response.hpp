#pragma once

#include "base/responder.hpp"
#include "codec/json.hpp"
#include "http/browser_guard.hpp"
#include "http/event_stream.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kheish::http {

inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kProblemType = "application/problem+json";
inline constexpr std::string_view kTextType = "text/plain; charset=utf-8";
inline constexpr std::string_view kEventStreamType = "text/event-stream";

/// What a handler answers: a whole body, or an event stream.
struct Response {
    int status = 200;
    std::string_view content_type = kJsonType; ///< static storage
    std::string body;
    std::vector<std::pair<std::string_view, std::string>> headers; ///< besides those of the framing
    std::unique_ptr<EventStream> stream;                           ///< instead of a body

    static Response json(int status, const codec::Json& view);
    static Response text(std::string_view text);
};

/// A handler's one way out; errors become problems.
using Reply = Responder<Response>;

/// An error as HTTP shows it (RFC 9457). `domain` may be empty.
struct Problem {
    int status = 500;
    std::string_view domain; ///< static storage
    std::string_view code;   ///< static storage
    std::string detail;
    std::chrono::seconds retry_after = {}; ///< zero: kRetryAfter, where it is to be said

    /// By the error table.
    static Problem of(const Error& error);
    /// Problems that only HTTP has: 408, 414, 431, 501, 505.
    static Problem of_status(int status, std::string_view detail);
};

/// application/problem+json {type, title, status, detail, code, domain?}, with Retry-After on 429
/// and 503, and WWW-Authenticate on 401.
Response problem_response(const Problem& problem);

/// What the head of a response says besides the response itself.
struct Framing {
    std::int64_t date_us = 0; ///< since the epoch
    int minor_version = 1;    ///< of the request's HTTP/1
    bool keep_alive = true;
    const HeaderFields& fields; ///< of the listener
};
/// Status line and header lines, with the empty line behind them.
std::string response_head(const Response& response, const Framing& framing);

/// The reason phrase; "Daemon Error" for a status that kheish does not send.
std::string_view reason_phrase(int status);

} // namespace kheish::http
