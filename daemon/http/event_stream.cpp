#include "http/event_stream.hpp"

#include "http/limits.hpp"

#include <utility>
#include <vector>

namespace kheish::http {

namespace {

/// Reconnect after a second; the comment makes proxies and clients see the stream at once.
constexpr std::string_view kPreamble = ": kheish event stream\nretry: 1000\n\n";
constexpr std::string_view kHeartbeat = "event: heartbeat\ndata: {\"type\":\"heartbeat\"}\n\n";

void append_frame(std::string& text, const control::Frame& frame) {
    if (frame.id > 0)
        text.append("id: ").append(std::to_string(frame.id)).append("\n");
    text.append("event: ").append(frame.event).append("\ndata: ");
    text.append(frame.data).append("\n\n");
}

} // namespace

Result<std::unique_ptr<EventStream>> EventStream::open(
    control::Service& service,
    const control::Caller& caller,
    const control::StreamFilter& filter,
    std::optional<EventSeq> cursor) {
    std::unique_ptr<EventStream> stream = std::make_unique<EventStream>(Private());
    EventStream* self = stream.get();
    control::SubscriptionHandlers handlers;
    handlers.on_available = [self] {
        self->pump();
    };
    handlers.on_transient = [self](const control::Frame& frame) {
        self->on_transient(frame);
    };
    KHEISH_TRY(
        stream->subscription_, service.subscribe(caller, filter, cursor, std::move(handlers)));
    return stream;
}

void EventStream::start(StreamSink& sink) {
    sink_ = &sink;
    write(kPreamble);
    pump();
}

void EventStream::pump() {
    if (sink_ == nullptr || ended_)
        return;
    // Bounded also where the socket takes everything at once, so that a long replay to one client
    // does not hold up the others.
    for (std::size_t written = 0; written < kStreamLowWaterBytes;) {
        if (sink_->pending_bytes() >= kStreamLowWaterBytes)
            return;
        const std::vector<control::Frame> frames = subscription_->read(kStreamPageBytes);
        caught_up_ = frames.empty();
        if (caught_up_)
            return;
        std::string page;
        for (const control::Frame& frame : frames)
            append_frame(page, frame);
        write(page);
        written += page.size();
    }
    sink_->pump_later();
}

void EventStream::on_transient(const control::Frame& frame) {
    if (sink_ == nullptr || ended_ || !caught_up_ || sink_->pending_bytes() >= kStreamLowWaterBytes)
        return;
    std::string text;
    append_frame(text, frame);
    write(text);
}

void EventStream::on_tick(std::chrono::seconds heartbeat) {
    if (++silent_ticks_ * kTick < heartbeat || ended_ || sink_->pending_bytes() > 0)
        return;
    write(kHeartbeat);
}

void EventStream::overflow() {
    if (ended_)
        return;
    write(
        "event: overflow\ndata: {\"type\":\"overflow\",\"resume_after_id\":\"" +
        std::to_string(subscription_->position()) + "\"}\n\n");
    ended_ = true;
}

void EventStream::write(std::string_view frames) {
    silent_ticks_ = 0;
    sink_->write_stream(frames);
}

} // namespace kheish::http
