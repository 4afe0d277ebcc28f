#include "http/body_reader.hpp"

#include "http/limits.hpp"

#include <algorithm>
#include <charconv>

namespace kheish::http {

void BodyReader::start(const Request& request, std::size_t limit_bytes) {
    chunked_ = request.chunked;
    limit_ = limit_bytes;
    overhead_ = 0;
    line_.clear();
    left_ = chunked_ ? 0 : request.content_length.value_or(0);
    part_ = chunked_ ? Part::size_line : Part::data;
    state_ = !chunked_ && left_ == 0 ? State::complete : State::reading;
    if (left_ > limit_)
        state_ = State::too_large;
}

std::size_t BodyReader::feed(std::string_view bytes, std::string& body) {
    std::size_t taken = 0;
    while (taken < bytes.size() && state_ == State::reading) {
        const std::string_view rest = bytes.substr(taken);
        taken += part_ == Part::data ? take_data(rest, body) : take_line(rest);
    }
    return taken;
}

std::size_t BodyReader::take_data(std::string_view bytes, std::string& body) {
    if (left_ > limit_ - body.size()) {
        state_ = State::too_large;
        return 0;
    }
    const std::size_t size = std::min<std::uint64_t>(left_, bytes.size());
    body.append(bytes.substr(0, size));
    left_ -= size;
    if (left_ == 0 && chunked_)
        part_ = Part::data_end;
    else if (left_ == 0)
        state_ = State::complete;
    return size;
}

std::size_t BodyReader::take_line(std::string_view bytes) {
    const std::size_t end = bytes.find('\n');
    const std::size_t size = end == std::string_view::npos ? bytes.size() : end + 1;
    overhead_ += size;
    line_.append(bytes.substr(0, size));
    if (overhead_ > chunk_overhead_limit_bytes(limit_))
        state_ = State::too_large;
    else if (
        line_.size() > kChunkLineLimitBytes ||
        (part_ == Part::data_end && !std::string_view("\r\n").starts_with(line_)))
        state_ = State::malformed;
    else if (end != std::string_view::npos)
        on_line();
    return size;
}

void BodyReader::on_line() {
    if (!line_.ends_with("\r\n")) {
        state_ = State::malformed;
        return;
    }
    line_.resize(line_.size() - 2);
    if (part_ == Part::size_line)
        on_size_line();
    else if (part_ == Part::trailer_line)
        state_ = line_.empty() ? State::complete : State::reading;
    else if (line_.empty())
        part_ = Part::size_line;
    else
        state_ = State::malformed;
    line_.clear();
}

void BodyReader::on_size_line() {
    const std::size_t digits = std::min(line_.find_first_of(" \t;"), line_.size());
    const std::from_chars_result parsed =
        std::from_chars(line_.data(), line_.data() + digits, left_, 16);
    if (digits == 0 || parsed.ec != std::errc() || parsed.ptr != line_.data() + digits ||
        line_.find('\r') != std::string::npos)
        state_ = State::malformed;
    else
        part_ = left_ == 0 ? Part::trailer_line : Part::data;
}

} // namespace kheish::http
