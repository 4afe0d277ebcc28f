#pragma once

#include "http/request.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kheish::http {

/// Reads one request body, by its length or in chunks (RFC 9112 6 and 7.1). Strict: chunk lines end
/// in CRLF, sizes are hexadecimal digits, nothing stands between the data and its CRLF. Extensions
/// and trailers are read and dropped.
class BodyReader {
  public:
    enum class State { reading, complete, malformed, too_large };

    /// For the body of `request`, which must be of at most `limit_bytes`.
    void start(const Request& request, std::size_t limit_bytes);
    /// Appends to `body` from the front of `bytes`; returns how many it took: all of them while
    /// reading, fewer where the body ends on the way.
    std::size_t feed(std::string_view bytes, std::string& body);
    State state() const { return state_; }

  private:
    enum class Part { data, data_end, size_line, trailer_line };

    std::size_t take_data(std::string_view bytes, std::string& body);
    std::size_t take_line(std::string_view bytes);
    void on_line();
    void on_size_line();

    State state_ = State::complete;
    Part part_ = Part::data;
    bool chunked_ = false;
    std::uint64_t left_ = 0; ///< of the chunk, or of the body
    std::size_t limit_ = 0;
    std::size_t overhead_ = 0; ///< bytes that are not data
    std::string line_;
};

} // namespace kheish::http
