#pragma once

#include "base/fd.hpp"
#include "base/timers.hpp"
#include "control/stream.hpp"
#include "loop/fd_watch.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace kheish::bus {

/// Writes an event stream to a descriptor that somebody else reads: one JSON object a line,
/// {"id":17,"event":"run_updated","data":{...}}, without "id" where the frame is not journaled.
/// It reads from the subscription only what the reader takes, so that a slow reader costs one
/// buffer; one that takes nothing for kStallTimeout while something waits is dropped, and so is one
/// that writes.
class EventPipe {
  public:
    static constexpr std::size_t kReadBytes = std::size_t{64} << 10;
    static constexpr int kReadsPerTurn = 4;
    static constexpr std::chrono::seconds kStallTimeout{60};
    /// The stream is over: the pipe may be destroyed later, but not from within this.
    using OnDone = UniqueFunction<void()>;

    /// `socket`: a non-blocking stream socket. Loop and timers outlive the pipe.
    EventPipe(loop::Loop& loop, Timers& timers, Fd socket, OnDone on_done);
    EventPipe(const EventPipe&) = delete;
    EventPipe& operator=(const EventPipe&) = delete;

    /// The handlers to subscribe with.
    control::SubscriptionHandlers handlers();
    void start(std::unique_ptr<control::Subscription> subscription);
    bool done() const { return done_; }

  private:
    void on_ready(loop::Interest ready);
    void on_transient(const control::Frame& frame);
    void pump();
    bool flush();
    void append(const control::Frame& frame);
    void check_progress();
    void watch_progress();
    void finish();

    Timers& timers_;
    Fd socket_;
    OnDone on_done_;
    std::string buffer_;
    std::size_t sent_ = 0;
    std::uint64_t taken_bytes_ = 0;
    std::uint64_t taken_bytes_before_ = 0;
    bool idle_ = false; ///< the last read came back empty
    bool done_ = false;
    std::unique_ptr<Timer> stall_;
    std::unique_ptr<control::Subscription> subscription_;
    loop::FdWatch watch_;
};

} // namespace kheish::bus
