// How a connection ends: behind its last output, for taking too long, at a stop of kheishd.

#include "http/connection.hpp"

namespace kheish::http {

namespace {

std::int64_t ticks(std::chrono::seconds time) {
    return time / kTick;
}

} // namespace

/// Ends the connection behind what has been written. Ending the output first and reading on for a
/// moment lets a client that is still sending see the reply.
void Connection::finish() {
    if (phase_ != Phase::flushing)
        enter(Phase::flushing);
    channel_.set_low_water(0);
    if (pending_bytes() > 0)
        return;
    channel_.shutdown_output();
    if (input_ended_ || host_.draining)
        return close();
    enter(Phase::lingering);
    discard_input();
}

void Connection::close() {
    if (phase_ == Phase::closed)
        return;
    phase_ = Phase::closed;
    host_.on_closed(*this);
}

void Connection::on_tick() {
    const int stalled = channel_.on_tick();
    switch (phase_) {
    case Phase::streaming:
        if (stalled < ticks(kWriteStallTimeout))
            return stream_->on_tick(host_.heartbeat);
        stream_->overflow();
        overflowed_ = true;
        return end_stream();
    case Phase::lingering:
        return ticks_in_phase() > ticks(kLingerTimeout) ? close() : void();
    case Phase::flushing:
        if (stalled >=
            ticks(overflowed_ ? kWriteStallTimeout + kOverflowGrace : kWriteStallTimeout))
            close();
        return;
    case Phase::reading:
        return stalled >= ticks(kWriteStallTimeout) ? close() : on_reading_tick();
    case Phase::answering:
    case Phase::closed:
        return;
    }
}

void Connection::on_reading_tick() {
    if (parser_.is_idle() && host_.draining)
        return expects_first_request() ? void() : finish();
    if (parser_.is_idle())
        return ticks_in_phase() > ticks(kIdleTimeout) ? close() : void();
    const bool body = parser_.state() == RequestParser::State::body;
    if (ticks_in_phase() > ticks(body ? kBodyTimeout : kHeaderTimeout))
        refuse(problem_response(Problem::of_status(
            408, body ? "the body took too long" : "the head of the request took too long")));
}

void Connection::drain() {
    if (phase_ == Phase::streaming)
        end_stream();
    else if (phase_ == Phase::lingering)
        close();
    else if (phase_ == Phase::reading && parser_.is_idle() && !expects_first_request())
        finish();
}

/// Whoever has just connected sends its request any moment now: it is answered, not cut off.
bool Connection::expects_first_request() const {
    return request_number_ == 0 && ticks_in_phase() <= ticks(kFirstRequestGrace);
}

void Connection::abort(const Problem& problem) {
    if (phase_ == Phase::answering || (phase_ == Phase::reading && !parser_.is_idle())) {
        keep_alive_ = false;
        reply(problem_response(problem));
    }
    if (phase_ != Phase::lingering)
        channel_.shutdown_output();
    close();
}

void Connection::withdraw(const Principal& principal) {
    const bool answers = phase_ == Phase::answering && exchange_.caller.principal == principal;
    const bool streams = phase_ == Phase::streaming && stream_principal_ == principal;
    if (answers || streams)
        abort(Problem::of(
            Error{.code = Errc::invalid_token, .message = "the token was revoked, or is another"}));
}

} // namespace kheish::http
