#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "codec/runner_message.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace kheish::codec::runner {

/// A sealed memfd with an input that is too long for a payload.
Result<Fd> sealed_input(std::string_view input);

/// A message as it came, with the descriptors that belong to it (descriptor_count()).
struct Received {
    Message message;
    std::vector<Fd> descriptors;
};

/// One connection of a runner channel: packets, descriptors and sequence numbers. Never waits.
/// Any error ends the connection; there is nothing to resume on it.
class PacketSocket {
  public:
    /// `socket` is a connected SOCK_SEQPACKET socket.
    explicit PacketSocket(Fd socket) : socket_(std::move(socket)) {}

    int fd() const { return socket_.get(); }

    /// The next message, or nothing where none is there yet. Errc::runner_lost at the end of the
    /// connection, Errc::protocol_error for what decode() refuses and for a gap in the numbers.
    Result<std::optional<Received>> receive();

    /// Sends, or keeps the message until flush() where the socket has no room. Takes over the
    /// descriptors. Errc::rate_limited where kQueuedMessages are kept already,
    /// Errc::payload_too_large for what encode() refuses, Errc::runner_lost at the end.
    Status send(const Message& message, std::vector<Fd> descriptors = {});
    /// Sends what is kept, as far as there is room.
    Status flush();
    /// True while something is kept: wait until the socket is writable.
    bool wants_to_write() const { return !queue_.empty(); }

    static constexpr std::size_t kQueuedMessages = 1024;

  private:
    struct Packet {
        std::string bytes;
        std::vector<Fd> descriptors;
    };
    /// False where the socket has no room.
    Result<bool> write(const Packet& packet) const;

    Fd socket_;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
    std::deque<Packet> queue_;
};

} // namespace kheish::codec::runner
