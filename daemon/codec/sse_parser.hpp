#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kheish::codec {

/// One dispatched event of a text/event-stream.
struct SseEvent {
    std::string type; ///< empty where the stream named none ("message" to browsers)
    std::string data; ///< lines joined by LF, without the last one
    std::string id;   ///< the last id seen so far

    friend bool operator==(const SseEvent&, const SseEvent&) = default;
};

/// Incremental parser of Server-Sent Events (WHATWG HTML, 9.2.6 "Interpreting an event stream").
/// Takes the bytes in any pieces; LF, CR and CRLF end lines; a leading byte order mark, comments
/// and unknown fields are skipped; malformed UTF-8 becomes U+FFFD; an event that the stream does
/// not finish with an empty line is discarded, as the standard wants.
class SseParser {
  public:
    static constexpr std::size_t kEventLimitBytes = std::size_t{1} << 20U;

    /// Appends the events that `bytes` completes to `events`. A line or an event above
    /// kEventLimitBytes is Errc::payload_too_large, and every later call fails the same way.
    Status feed(std::string_view bytes, std::vector<SseEvent>& events);

  private:
    Status append_to_line(std::string_view bytes);
    Status end_line(std::vector<SseEvent>& events);
    Status take_field(std::string_view name, std::string_view value);
    Status refuse();

    std::string line_;
    std::string type_;
    std::string data_; ///< each line with its LF
    std::string last_id_;
    bool first_line_ = true;
    bool skip_line_feed_ = false; ///< the last byte was the CR of what may be a CRLF
    bool failed_ = false;
};

} // namespace kheish::codec
