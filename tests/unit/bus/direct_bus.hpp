#pragma once

#include "loop_fixture.hpp"

#include "base/handle.hpp"
#include "loop/bus_pump.hpp"

#include <array>
#include <memory>

#include <sys/socket.h>

namespace kheish::bus {

using BusReference = Handle<sd_bus, sd_bus_unref>;

inline BusReference open_direct(int fd, bool server) {
    sd_bus* bus = nullptr;
    KHEISH_ASSERT(sd_bus_new(&bus) >= 0);
    BusReference owned(bus);
    KHEISH_ASSERT(sd_bus_set_fd(bus, fd, fd) >= 0);
    if (server) {
        sd_id128_t id{};
        KHEISH_ASSERT(sd_id128_randomize(&id) >= 0 && sd_bus_set_server(bus, 1, id) >= 0);
    }
    KHEISH_ASSERT(sd_bus_negotiate_fds(bus, 1) >= 0);
    KHEISH_ASSERT(sd_bus_set_anonymous(bus, 1) >= 0 && sd_bus_start(bus) >= 0);
    return owned;
}

/// Two ends of a socket pair, both pumped by one loop; no bus daemon.
struct DirectBus {
    explicit DirectBus(loop::Loop& loop) {
        std::array<int, 2> fds{};
        KHEISH_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()) == 0);
        server = open_direct(fds[0], true);
        client = open_direct(fds[1], false);
        server_pump = std::make_unique<loop::BusPump>(loop, server.get(), [](const Error&) {});
        client_pump = std::make_unique<loop::BusPump>(loop, client.get(), [](const Error&) {});
    }

    BusReference server;
    BusReference client;
    std::unique_ptr<loop::BusPump> server_pump;
    std::unique_ptr<loop::BusPump> client_pump;
};

} // namespace kheish::bus
