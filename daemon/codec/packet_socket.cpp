#include "codec/packet_socket.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

namespace kheish::codec::runner {
namespace {

constexpr std::size_t kDescriptors = 4; // more than any message has, to tell "too many"

struct Control {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kDescriptors)> bytes{};
};

std::vector<Fd> take_descriptors(msghdr& header) {
    std::vector<Fd> descriptors;
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
            descriptors.emplace_back(fd);
        }
    }
    return descriptors;
}

tl::unexpected<Error> lost(int sys_errno) {
    if (sys_errno == 0)
        return fail(Errc::runner_lost, "the other side closed the connection");
    return fail_errno("runner channel", sys_errno, Errc::runner_lost);
}

} // namespace

Result<Fd> sealed_input(std::string_view input) {
    Fd file(::memfd_create("kheish-input", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file)
        return fail_errno("making an unnamed file", errno);
    KHEISH_CHECK(write_all(file.get(), input));
    constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    if (::fcntl(file.get(), F_ADD_SEALS, kSeals) != 0)
        return fail_errno("sealing an unnamed file", errno);
    return file;
}

Result<std::optional<Received>> PacketSocket::receive() {
    std::string bytes(kMessageBytes, '\0');
    iovec vector{bytes.data(), bytes.size()};
    Control control;
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    header.msg_control = control.bytes.data();
    header.msg_controllen = control.bytes.size();
    ssize_t size = 0;
    do
        size = ::recvmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return std::nullopt;
    if (size <= 0)
        return lost(size < 0 ? errno : 0);
    std::vector<Fd> descriptors = take_descriptors(header);
    if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return fail(Errc::protocol_error, "runner channel: a packet is larger than any message");
    bytes.resize(static_cast<std::size_t>(size));
    KHEISH_TRY(Decoded decoded, decode(bytes, descriptors.size()));
    if (decoded.sequence != ++received_)
        return fail(
            Errc::protocol_error,
            "runner channel: message " + std::to_string(decoded.sequence) + " came where " +
                std::to_string(received_) + " was due");
    return Received{std::move(decoded.message), std::move(descriptors)};
}

Result<bool> PacketSocket::write(const Packet& packet) const {
    iovec vector{const_cast<char*>(packet.bytes.data()), packet.bytes.size()};
    Control control;
    msghdr header{};
    header.msg_iov = &vector;
    header.msg_iovlen = 1;
    if (!packet.descriptors.empty()) {
        header.msg_control = control.bytes.data();
        header.msg_controllen = CMSG_SPACE(sizeof(int) * packet.descriptors.size());
        cmsghdr* part = CMSG_FIRSTHDR(&header);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int) * packet.descriptors.size());
        for (std::size_t i = 0; i < packet.descriptors.size(); ++i) {
            const int fd = packet.descriptors[i].get();
            std::memcpy(CMSG_DATA(part) + i * sizeof(int), &fd, sizeof fd);
        }
    }
    ssize_t size = 0;
    do
        size = ::sendmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (size < 0 && errno == EINTR);
    if (size >= 0)
        return true;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
        return false;
    return lost(errno);
}

Status PacketSocket::send(const Message& message, std::vector<Fd> descriptors) {
    if (queue_.size() >= kQueuedMessages)
        return fail(Errc::rate_limited, "runner channel: the other side does not read");
    if (descriptors.size() != descriptor_count(message))
        return fail(Errc::internal, "runner channel: a message has other descriptors than it says");
    KHEISH_TRY(std::string bytes, encode(message, sent_ + 1));
    ++sent_;
    queue_.push_back({std::move(bytes), std::move(descriptors)});
    return flush();
}

Status PacketSocket::flush() {
    while (!queue_.empty()) {
        KHEISH_TRY(const bool written, write(queue_.front()));
        if (!written)
            return {};
        queue_.pop_front();
    }
    return {};
}

} // namespace kheish::codec::runner
