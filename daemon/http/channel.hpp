#pragma once

#include "base/fd.hpp"
#include "http/handles.hpp"
#include "http/tls.hpp"
#include "loop/loop.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace kheish::http {

/// What a channel tells its owner, from the loop. None of them may destroy the channel.
class ChannelListener {
  public:
    ChannelListener() = default;
    ChannelListener(const ChannelListener&) = delete;
    ChannelListener& operator=(const ChannelListener&) = delete;
    virtual ~ChannelListener() = default;

    /// There is input that has not been drained.
    virtual void on_input() = 0;
    /// The pending output fell to the low-water mark or below.
    virtual void on_drained() = 0;
    /// The peer sends no more; it may still read.
    virtual void on_end_of_input() = 0;
    /// The connection is gone.
    virtual void on_broken() = 0;
};

/// The byte stream of one connection, on a bufferevent. Output goes straight to the socket while
/// nothing is queued, which saves two system calls of every three; what the socket does not take is
/// queued. The process ignores SIGPIPE. With `tls`, input and output are what is said inside of it.
class Channel {
  public:
    Channel(
        loop::Loop& loop,
        Fd fd,
        ChannelListener& listener,
        std::shared_ptr<const TlsCredentials> tls = nullptr);
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    /// Some input, contiguous, not necessarily all; empty where there is none.
    std::string_view input() const;
    void drain_input(std::size_t bytes);

    void write(std::string_view bytes);
    std::size_t pending_bytes() const;
    void set_low_water(std::size_t bytes);
    /// Ends the output side once it is empty; not before.
    void shutdown_output();

    /// Once per kTick. Returns for how many ticks in a row output has been pending of which the
    /// client took nothing.
    int on_tick();

  private:
    static void on_read(bufferevent* event, void* self) noexcept;
    static void on_write(bufferevent* event, void* self) noexcept;
    static void on_event(bufferevent* event, short what, void* self) noexcept;
    void receive();
    void send_raw(std::string_view bytes);
    void flush_tls();
    evbuffer* plain_input() const;
    void pause_input_if_full();
    std::size_t input_bytes() const;
    std::size_t send_now(std::string_view bytes);

    loop::Loop& loop_;
    ChannelListener& listener_;
    Fd fd_;
    BufferEvent event_;
    Buffer plain_;    ///< what has come in inside of TLS
    Buffer ciphered_; ///< what TLS has made, on its way to the socket
    std::unique_ptr<TlsSession> tls_;
    std::size_t queued_bytes_ = 0; ///< ever
    std::size_t taken_bytes_ = 0;  ///< of the queued ones, at the last tick
    int stalled_ticks_ = 0;
    bool input_paused_ = false;
};

} // namespace kheish::http
