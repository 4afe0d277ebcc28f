#pragma once

#include "http/body_reader.hpp"
#include "http/request.hpp"
#include "http/response.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace kheish::http {

/// Reads HTTP/1 requests (RFC 9112), strictly: what two readers could understand differently is
/// refused, not repaired. On top of what the library behind it refuses (repeated or malformed
/// Content-Length, Content-Length beside Transfer-Encoding), that is bare line feeds, folded lines,
/// whitespace before a colon, control characters in values, repeated headers that have one value,
/// a missing Host, and any transfer coding but a single "chunked".
///
/// One request at a time: feed() stops behind the head, so that its owner can look at the head and
/// say how long a body may be, and again behind the body.
class RequestParser {
  public:
    enum class State {
        head,       ///< reading request line and headers
        head_ready, ///< accept_body() or nothing
        body,
        complete, ///< reset() for the next one
        failed,   ///< problem() says why; the rest of the input has no meaning
    };

    RequestParser() = default;
    RequestParser(const RequestParser&) = delete;
    RequestParser& operator=(const RequestParser&) = delete;

    /// Takes bytes from the front of `bytes` and returns how many it took: all of them in states
    /// head and body, fewer where the state changes on the way, none in the other states.
    std::size_t feed(std::string_view bytes);
    /// From head_ready to body, or at once to complete where the request has none. A body of more
    /// than `limit_bytes` fails with 413.
    void accept_body(std::size_t limit_bytes);
    /// Back to head, for the next request on the connection.
    void reset();

    State state() const { return state_; }
    /// True between requests: not a byte of the next one has come.
    bool is_idle() const { return state_ == State::head && head_.empty(); }
    Request& request() { return request_; }
    const Request& request() const { return request_; }
    const Problem& problem() const { return problem_; }

  private:
    std::size_t feed_head(std::string_view bytes);
    std::size_t feed_body(std::string_view bytes);
    bool take_line(std::string_view line);
    bool take_header(std::string_view line);
    bool check_head();
    bool check_framing();
    void follow_body();
    void finish_head();
    void fail(int status, std::string_view detail);

    State state_ = State::head;
    Request request_;
    Problem problem_;
    std::string head_;             ///< what has been read of it
    std::size_t line_start_ = 0;   ///< of the line that is being read
    std::size_t request_line_ = 0; ///< its length with the line end; 0: not yet complete
    std::size_t empty_lines_ = 0;  ///< before the request line
    std::size_t body_limit_ = 0;
    BodyReader body_reader_;
};

} // namespace kheish::http
