#pragma once

#include "control/service.hpp"
#include "control/stream.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kheish::http {

/// Where an event stream writes. Outlives the stream.
class StreamSink {
  public:
    StreamSink() = default;
    StreamSink(const StreamSink&) = delete;
    StreamSink& operator=(const StreamSink&) = delete;
    virtual ~StreamSink() = default;

    /// Whole frames only.
    virtual void write_stream(std::string_view frames) = 0;
    /// What the client has not taken yet.
    virtual std::size_t pending_bytes() const = 0;
    /// Asks for pump() in a later turn of the loop.
    virtual void pump_later() = 0;
};

/// One client of the journal as Server-Sent Events: `id:`, `event:` and `data:` of each frame, ids
/// being journal sequence numbers. It reads the journal only while its client keeps up, so it holds
/// no more than kStreamBufferLimitBytes for it, whatever happens.
///
/// Frames without an id: `heartbeat` {"type":"heartbeat"} after `heartbeat` of silence,
/// frames that are not journaled (dropped when the client lags), and, as the last one to a client
/// that has taken nothing for kWriteStallTimeout, `overflow`
/// {"type":"overflow","resume_after_id":"<id>"}: reconnect with that id and nothing is lost.
class EventStream {
    struct Private {};

  public:
    explicit EventStream(Private /*only open() has one*/) {}
    static Result<std::unique_ptr<EventStream>> open(
        control::Service& service,
        const control::Caller& caller,
        const control::StreamFilter& filter,
        std::optional<EventSeq> cursor);
    ~EventStream() = default;
    EventStream(const EventStream&) = delete;
    EventStream& operator=(const EventStream&) = delete;

    /// Writes the preamble and what there is.
    void start(StreamSink& sink);
    /// The client has taken enough for more, or it is a later turn.
    void pump();
    /// Once per kTick.
    void on_tick(std::chrono::seconds heartbeat);
    /// Writes the overflow frame and nothing after it.
    void overflow();

  private:
    void on_transient(const control::Frame& frame);
    void write(std::string_view frames);

    StreamSink* sink_ = nullptr;
    std::unique_ptr<control::Subscription> subscription_;
    bool caught_up_ = false; ///< the last read came back empty
    bool ended_ = false;
    int silent_ticks_ = 0;
};

} // namespace kheish::http
