#include "event_stream.hpp"

#include "output.hpp"

#include <array>
#include <cerrno>
#include <poll.h>
#include <unistd.h>

namespace kheish::ctl {

bool may_come_back(const Error& error) {
    switch (error.code) {
    case Errc::daemon_unreachable:
    case Errc::daemon_draining:
    case Errc::service_unavailable:
    case Errc::timeout:
        return true;
    default:
        return false;
    }
}

EventStream::EventStream(Session& session, Call follow, std::optional<std::string> cursor)
    : session_(session), follow_(std::move(follow)), cursor_(std::move(cursor)) {}

Status EventStream::open() {
    Call call = follow_;
    // A copy of a Json shares its value.
    codec::Json options = codec::Json::object();
    if (follow_.options)
        for (const std::string& key : follow_.options->keys())
            options.set(key, *follow_.options->find(key));
    options.set_optional("cursor", cursor_);
    call.options = options;
    KHEISH_TRY(stream_, session_.call_fd(call));
    buffer_.clear();
    return {};
}

Status EventStream::reopen() {
    if (is_terminal(STDERR_FILENO))
        print_message("kheishd went away; following again when it is back ...");
    const std::chrono::steady_clock::time_point limit =
        std::chrono::steady_clock::now() + kReconnectPatience;
    int delay_ms = kFirstRetryMs;
    for (;;) {
        session_.disconnect();
        Status opened = open();
        if (opened) {
            reopened_ = true;
            return {};
        }
        if (!may_come_back(opened.error()) || std::chrono::steady_clock::now() > limit)
            return opened;
        (void)poll(nullptr, 0, delay_ms); // an interrupted wait is a shorter one
        delay_ms = std::min(2 * delay_ms, kLongestRetryMs);
    }
}

Result<std::optional<StreamFrame>> EventStream::take_line() {
    const std::size_t end = buffer_.find('\n');
    if (end == std::string::npos && buffer_.size() > kLineLimitBytes)
        return fail(Errc::schema_mismatch, "a frame of the stream is too long");
    if (end == std::string::npos)
        return std::optional<StreamFrame>();
    const std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    const Result<codec::Json> parsed = codec::parse_json(line, {.bytes = kLineLimitBytes});
    if (!parsed || !parsed->is_object())
        return fail(Errc::schema_mismatch, "a frame of the stream is no JSON object");
    StreamFrame frame;
    frame.id = number_at(*parsed, "id");
    frame.event = text_at(*parsed, "event");
    frame.data = object_at(*parsed, "data");
    if (frame.id != 0)
        cursor_ = std::to_string(frame.id);
    return std::optional(std::move(frame));
}

/// True when there was something to read.
Result<bool> EventStream::fill(int patience_ms) {
    pollfd ready{.fd = stream_.get(), .events = POLLIN, .revents = 0};
    const int polled = poll(&ready, 1, patience_ms);
    if (polled < 0 && errno != EINTR)
        return fail_errno("waiting for the stream", errno);
    if (polled <= 0)
        return false;
    std::array<char, 65536> bytes{};
    const ssize_t count = read(stream_.get(), bytes.data(), bytes.size());
    if (count <= 0) {
        KHEISH_CHECK(reopen());
        return true;
    }
    buffer_.append(bytes.data(), static_cast<std::size_t>(count));
    return true;
}

Result<std::optional<StreamFrame>> EventStream::next(int patience_ms) {
    for (;;) {
        KHEISH_TRY(std::optional<StreamFrame> frame, take_line());
        if (frame || reopened_)
            return frame;
        KHEISH_TRY(const bool filled, fill(patience_ms));
        if (!filled)
            return std::optional<StreamFrame>();
    }
}

} // namespace kheish::ctl
