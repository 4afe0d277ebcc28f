#include "codec/sse_parser.hpp"

#include "base/text.hpp"

namespace kheish::codec {

namespace {
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
} // namespace

Status SseParser::feed(std::string_view bytes, std::vector<SseEvent>& events) {
    if (failed_)
        return refuse();
    while (!bytes.empty()) {
        if (skip_line_feed_) {
            skip_line_feed_ = false;
            if (bytes.front() == '\n') {
                bytes.remove_prefix(1);
                continue;
            }
        }
        const std::size_t end = bytes.find_first_of("\r\n");
        KHEISH_CHECK(append_to_line(bytes.substr(0, end)));
        if (end == std::string_view::npos)
            return {};
        skip_line_feed_ = bytes[end] == '\r';
        bytes.remove_prefix(end + 1);
        KHEISH_CHECK(end_line(events));
    }
    return {};
}

Status SseParser::append_to_line(std::string_view bytes) {
    if (line_.size() + bytes.size() > kEventLimitBytes)
        return refuse();
    line_ += bytes;
    return {};
}

Status SseParser::end_line(std::vector<SseEvent>& events) {
    std::string_view line = line_;
    if (first_line_ && line.starts_with(kByteOrderMark))
        line.remove_prefix(kByteOrderMark.size());
    first_line_ = false;
    if (line.empty()) {
        if (!data_.empty()) {
            data_.pop_back();
            events.push_back({to_valid_utf8(type_), to_valid_utf8(data_), to_valid_utf8(last_id_)});
        }
        data_.clear();
        type_.clear();
    } else if (line.front() != ':') {
        const std::size_t colon = line.find(':');
        const std::string_view name = line.substr(0, colon);
        std::string_view value;
        if (colon != std::string_view::npos)
            value = line.substr(colon + 1);
        if (value.starts_with(' '))
            value.remove_prefix(1);
        KHEISH_CHECK(take_field(name, value));
    }
    line_.clear();
    return {};
}

Status SseParser::take_field(std::string_view name, std::string_view value) {
    if (name == "data") {
        if (data_.size() + value.size() > kEventLimitBytes)
            return refuse();
        data_.append(value).push_back('\n');
    } else if (name == "event") {
        type_ = value;
    } else if (name == "id" && value.find('\0') == std::string_view::npos) {
        last_id_ = value;
    }
    return {};
}

Status SseParser::refuse() {
    failed_ = true;
    return fail(
        Errc::payload_too_large,
        "an event of the stream is longer than " + std::to_string(kEventLimitBytes) + " bytes");
}

} // namespace kheish::codec
