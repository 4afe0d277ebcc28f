#pragma once

#include "codec/json.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kheish::http {

struct Header {
    std::string name; ///< lower case
    std::string value;
};

/// One request as it came in. The head is checked, the body is not yet looked at.
struct Request {
    std::string_view method; ///< "GET"; static storage
    std::string target;      ///< as sent
    int minor_version = 1;   ///< of HTTP/1
    bool keep_alive = false;
    bool chunked = false;
    bool expects_continue = false;
    std::optional<std::uint64_t> content_length;
    std::vector<Header> headers;
    std::string body;

    /// The value of the first header of this (lower-case) name, or nullptr.
    const std::string* header(std::string_view name) const;
    bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

/// A request target taken apart: path segments percent-decoded one by one, so that an encoded
/// slash never makes a segment, and the query as a JSON object of strings.
struct Target {
    bool asterisk = false; ///< "*", for OPTIONS of the whole server
    std::vector<std::string> segments;
    codec::Json query = codec::Json::object();
};

/// Origin form or absolute form (RFC 9112 3.2). Errc::bad_request for broken escapes, encoded
/// slashes, control characters, dot segments, fragments and repeated query members;
/// Errc::invalid_utf8 for what decodes to something else than UTF-8.
Result<Target> parse_target(std::string_view text);

} // namespace kheish::http
