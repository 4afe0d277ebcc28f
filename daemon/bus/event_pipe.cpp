#include "bus/event_pipe.hpp"

#include <array>
#include <cerrno>
#include <sys/socket.h>

namespace kheish::bus {

EventPipe::EventPipe(loop::Loop& loop, Timers& timers, Fd socket, OnDone on_done)
    : timers_(timers), socket_(std::move(socket)), on_done_(std::move(on_done)),
      watch_(loop, socket_.get(), {.read = true, .write = false}, [this](loop::Interest ready) {
          on_ready(ready);
      }) {}

control::SubscriptionHandlers EventPipe::handlers() {
    return {
        .on_available = [this] { pump(); },
        .on_transient = [this](const control::Frame& frame) { on_transient(frame); },
    };
}

void EventPipe::start(std::unique_ptr<control::Subscription> subscription) {
    subscription_ = std::move(subscription);
    pump();
}

void EventPipe::on_ready(loop::Interest ready) {
    if (done_)
        return;
    if (ready.read) {
        std::array<char, 16> bytes{};
        const ssize_t received = recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
        const bool nothing_yet = received < 0 && (errno == EAGAIN || errno == EINTR);
        if (!nothing_yet)
            return finish();
    }
    if (ready.write)
        pump();
}

void EventPipe::on_transient(const control::Frame& frame) {
    // Only a reader that keeps up sees what is not kept.
    if (done_ || !idle_ || !buffer_.empty())
        return;
    append(frame);
    pump();
}

void EventPipe::pump() {
    if (done_ || !subscription_)
        return;
    for (int reads = 0; reads < kReadsPerTurn; ++reads) {
        if (!flush())
            return;
        const std::vector<control::Frame> frames = subscription_->read(kReadBytes);
        idle_ = frames.empty();
        if (idle_) {
            watch_.set_interest({.read = true, .write = false});
            stall_.reset();
            return;
        }
        for (const control::Frame& frame : frames)
            append(frame);
    }
    // The rest comes in the next turn, so that one reader cannot hold up the others.
    watch_.set_interest({.read = true, .write = true});
}

/// True when nothing is left to send.
bool EventPipe::flush() {
    while (sent_ < buffer_.size()) {
        const ssize_t written = send(
            socket_.get(),
            buffer_.data() + sent_,
            buffer_.size() - sent_,
            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0 && errno == EAGAIN) {
            watch_.set_interest({.read = true, .write = true});
            watch_progress();
            return false;
        }
        if (written < 0) {
            finish();
            return false;
        }
        sent_ += static_cast<std::size_t>(written);
        taken_bytes_ += static_cast<std::uint64_t>(written);
    }
    buffer_.clear();
    sent_ = 0;
    return true;
}

void EventPipe::append(const control::Frame& frame) {
    buffer_ += '{';
    if (frame.id != 0)
        buffer_.append("\"id\":").append(std::to_string(frame.id)).append(",");
    buffer_.append("\"event\":\"").append(frame.event).append("\",\"data\":");
    buffer_.append(frame.data).append("}\n");
}

void EventPipe::watch_progress() {
    if (stall_)
        return;
    taken_bytes_before_ = taken_bytes_;
    stall_ = timers_.start(kStallTimeout, [this] { check_progress(); });
}

void EventPipe::check_progress() {
    stall_.reset();
    if (taken_bytes_ == taken_bytes_before_)
        finish();
    else if (!buffer_.empty())
        watch_progress();
}

void EventPipe::finish() {
    done_ = true;
    watch_.set_interest({});
    stall_.reset();
    (void)shutdown(socket_.get(), SHUT_RDWR); // the reader sees the end before the sweep
    on_done_();
}

} // namespace kheish::bus
