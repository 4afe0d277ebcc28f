#include "http/channel.hpp"

#include "base/assert.hpp"
#include "http/limits.hpp"

#include <sys/socket.h>

namespace kheish::http {

Channel::Channel(
    loop::Loop& loop, Fd fd, ChannelListener& listener, std::shared_ptr<const TlsCredentials> tls)
    : loop_(loop), listener_(listener), fd_(std::move(fd)),
      event_(bufferevent_socket_new(loop.base(), fd_.get(), 0)) {
    KHEISH_ASSERT(event_ != nullptr);
    bufferevent_setcb(event_.get(), on_read, on_write, on_event, this);
    KHEISH_ASSERT(bufferevent_enable(event_.get(), EV_READ | EV_WRITE) == 0);
    if (tls == nullptr)
        return;
    plain_.reset(evbuffer_new());
    ciphered_.reset(evbuffer_new());
    KHEISH_ASSERT(plain_ != nullptr && ciphered_ != nullptr);
    tls_ = std::make_unique<TlsSession>(
        std::move(tls), bufferevent_get_input(event_.get()), ciphered_.get());
}

Channel::~Channel() = default;

evbuffer* Channel::plain_input() const {
    return tls_ ? plain_.get() : bufferevent_get_input(event_.get());
}

std::string_view Channel::input() const {
    evbuffer_iovec extent{};
    if (evbuffer_peek(plain_input(), -1, nullptr, &extent, 1) < 1)
        return {};
    return {static_cast<const char*>(extent.iov_base), extent.iov_len};
}

void Channel::drain_input(std::size_t bytes) {
    (void)evbuffer_drain(plain_input(), bytes);
    if (input_paused_ && input_bytes() < kInputBufferLimitBytes) {
        input_paused_ = false;
        KHEISH_ASSERT(bufferevent_enable(event_.get(), EV_READ) == 0);
    }
}

std::size_t Channel::input_bytes() const {
    return evbuffer_get_length(plain_input());
}

void Channel::write(std::string_view bytes) {
    if (!tls_)
        return send_raw(bytes);
    tls_->send(bytes);
    flush_tls();
}

void Channel::flush_tls() {
    const std::size_t size = evbuffer_get_length(ciphered_.get());
    if (size == 0)
        return;
    const unsigned char* bytes = evbuffer_pullup(ciphered_.get(), -1);
    send_raw({reinterpret_cast<const char*>(bytes), size});
    (void)evbuffer_drain(ciphered_.get(), size);
}

void Channel::send_raw(std::string_view bytes) {
    if (pending_bytes() == 0)
        bytes.remove_prefix(send_now(bytes));
    if (bytes.empty())
        return;
    KHEISH_ASSERT(bufferevent_write(event_.get(), bytes.data(), bytes.size()) == 0);
    queued_bytes_ += bytes.size();
}

/// Errors are left to the bufferevent, which meets them again and reports them from the loop.
std::size_t Channel::send_now(std::string_view bytes) {
    const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

std::size_t Channel::pending_bytes() const {
    return evbuffer_get_length(bufferevent_get_output(event_.get()));
}

void Channel::set_low_water(std::size_t bytes) {
    bufferevent_setwatermark(event_.get(), EV_WRITE, bytes, 0);
}

void Channel::shutdown_output() {
    if (tls_) {
        tls_->end();
        flush_tls();
    }
    // ENOTCONN: the peer is already gone, which the next read reports.
    (void)shutdown(fd_.get(), SHUT_WR);
}

int Channel::on_tick() {
    const std::size_t taken = queued_bytes_ - pending_bytes();
    const bool stalled = pending_bytes() > 0 && taken == taken_bytes_;
    taken_bytes_ = taken;
    stalled_ticks_ = stalled ? stalled_ticks_ + 1 : 0;
    return stalled_ticks_;
}

void Channel::on_read(bufferevent* /*event*/, void* self) noexcept {
    Channel& channel = *static_cast<Channel*>(self);
    channel.loop_.woke();
    if (channel.tls_)
        return channel.receive();
    channel.listener_.on_input();
    channel.pause_input_if_full();
}

void Channel::receive() {
    const std::size_t before = input_bytes();
    const TlsSession::State state = tls_->receive(plain_.get());
    flush_tls();
    if (input_bytes() > before)
        listener_.on_input();
    pause_input_if_full();
    if (state == TlsSession::State::ended)
        listener_.on_end_of_input();
    else if (state == TlsSession::State::failed)
        listener_.on_broken();
}

/// By hand: with a high watermark, libevent 2.1.12 calls back without end once input that nobody
/// takes has reached it.
void Channel::pause_input_if_full() {
    if (input_bytes() < kInputBufferLimitBytes)
        return;
    input_paused_ = true;
    (void)bufferevent_disable(event_.get(), EV_READ);
}

void Channel::on_write(bufferevent* /*event*/, void* self) noexcept {
    Channel& channel = *static_cast<Channel*>(self);
    channel.loop_.woke();
    channel.listener_.on_drained();
}

void Channel::on_event(bufferevent* /*event*/, short what, void* self) noexcept {
    Channel& channel = *static_cast<Channel*>(self);
    channel.loop_.woke();
    const bool at_end = (what & BEV_EVENT_EOF) != 0 && (what & BEV_EVENT_READING) != 0;
    if (at_end)
        channel.listener_.on_end_of_input();
    else
        channel.listener_.on_broken();
}

} // namespace kheish::http
