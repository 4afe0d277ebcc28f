#include "loop/route_watch.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace kheish::loop {

namespace {

constexpr std::size_t kDatagramBytes = 32768; ///< what netlink(7) advises at least

/// Whether one of the messages in a datagram is about a new route.
bool announces_route(const char* bytes, std::size_t size) {
    while (size >= sizeof(nlmsghdr)) {
        nlmsghdr header{};
        std::memcpy(&header, bytes, sizeof header);
        if (header.nlmsg_len < sizeof header || header.nlmsg_len > size)
            return false;
        if (header.nlmsg_type == RTM_NEWROUTE)
            return true;
        const std::size_t step = std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), size);
        bytes += step;
        size -= step;
    }
    return false;
}

/// Anybody may send to a netlink socket; the kernel is port 0.
bool is_from_kernel(const sockaddr_nl& sender, socklen_t length) {
    return length != sizeof sender || sender.nl_pid == 0;
}

} // namespace

Result<std::unique_ptr<RouteWatch>>
RouteWatch::open(Loop& loop, Timers& timers, Callback callback) {
    Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
    if (!socket)
        return fail_errno("making a route socket", errno);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail_errno("listening for routes", errno);
    return std::make_unique<RouteWatch>(loop, timers, std::move(socket), std::move(callback));
}

RouteWatch::RouteWatch(Loop& loop, Timers& timers, Fd socket, Callback callback)
    : timers_(timers), socket_(std::move(socket)), callback_(std::move(callback)),
      watch_(loop, socket_.get(), {.read = true}, [this](Interest) { on_readable(); }) {}

/// One datagram a turn: the descriptor stays readable while there are more.
void RouteWatch::on_readable() {
    std::array<char, kDatagramBytes> datagram{};
    sockaddr_nl sender{};
    socklen_t length = sizeof sender;
    const ssize_t count = ::recvfrom(
        socket_.get(),
        datagram.data(),
        datagram.size(),
        MSG_DONTWAIT,
        reinterpret_cast<sockaddr*>(&sender),
        &length);
    if (count < 0 && errno == ENOBUFS)
        return note_change(); // there were more than fit
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0)
        return watch_.set_interest({}); // it says nothing any more
    if (is_from_kernel(sender, length) &&
        announces_route(datagram.data(), static_cast<std::size_t>(count)))
        note_change();
}

void RouteWatch::note_change() {
    if (pause_ != nullptr)
        changed_meanwhile_ = true;
    else if (settling_ == nullptr)
        settling_ = timers_.start(kSettleTime, [this] { fire(); });
}

void RouteWatch::fire() {
    settling_.reset();
    changed_meanwhile_ = false;
    pause_ = timers_.start(kShortestInterval - kSettleTime, [this] {
        pause_.reset();
        if (changed_meanwhile_)
            note_change();
    });
    callback_();
}

} // namespace kheish::loop
