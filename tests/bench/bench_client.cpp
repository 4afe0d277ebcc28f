#include "bench_client.hpp"

#include "base/assert.hpp"
#include "base/fd.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace bench {

namespace {

using kheish::Fd;
using Clock = std::chrono::steady_clock;

constexpr int kConnections = 32;
constexpr std::chrono::milliseconds kDuration{1500};

Fd connect_to(const std::string& path) {
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(static_cast<char*>(address.sun_path), path.size());
    const void* plain = &address;
    KHEISH_ASSERT(connect(fd.get(), static_cast<const sockaddr*>(plain), sizeof address) == 0);
    return fd;
}

void send_all(const Fd& fd, const std::string& text) {
    KHEISH_ASSERT(kheish::write_all(fd.get(), text));
}

double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Connections that have all sent `request`, and an epoll descriptor with their indexes.
struct Connections {
    Connections(const std::string& path, const std::string& request, int count)
        : poll(epoll_create1(EPOLL_CLOEXEC)) {
        for (int i = 0; i < count; ++i) {
            clients.push_back(connect_to(path));
            send_all(clients.back(), request);
            epoll_event event{};
            event.events = EPOLLIN;
            event.data.u32 = static_cast<std::uint32_t>(i);
            KHEISH_ASSERT(epoll_ctl(poll.get(), EPOLL_CTL_ADD, clients.back().get(), &event) == 0);
        }
    }
    int wait() { return epoll_wait(poll.get(), ready.data(), static_cast<int>(ready.size()), -1); }
    std::size_t index(int i) const { return ready.at(static_cast<std::size_t>(i)).data.u32; }
    ssize_t read_from(std::size_t client) {
        return recv(clients[client].get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    }
    Fd poll;
    std::vector<Fd> clients;
    std::array<epoll_event, 64> ready{};
    std::array<char, 65536> buffer{};
};

/// The response to one `request`, which comes in one piece.
std::string fetch(const std::string& path, const std::string& request) {
    const Fd fd = connect_to(path);
    send_all(fd, request);
    std::array<char, 65536> buffer{};
    const ssize_t size = recv(fd.get(), buffer.data(), buffer.size(), 0);
    KHEISH_ASSERT(size > 0);
    return {buffer.data(), static_cast<std::size_t>(size)};
}

} // namespace

std::string socket_path() {
    static const std::string kPath = "/tmp/kheish-http-bench-" + std::to_string(getpid()) + ".sock";
    return kPath;
}

double requests_per_second(const std::string& path, const std::string& request) {
    const std::size_t size = fetch(path, request).size();
    Connections connections(path, request, kConnections);
    std::vector<std::size_t> received(kConnections, 0);
    std::int64_t answers = 0;
    const Clock::time_point start = Clock::now();
    while (Clock::now() - start < kDuration) {
        const int count = connections.wait();
        for (int i = 0; i < count; ++i) {
            const std::size_t client = connections.index(i);
            const ssize_t bytes = connections.read_from(client);
            KHEISH_ASSERT(bytes > 0);
            received[client] += static_cast<std::size_t>(bytes);
            if (received[client] < size)
                continue;
            received[client] = 0;
            ++answers;
            send_all(connections.clients[client], request);
        }
    }
    return static_cast<double>(answers) / seconds_since(start);
}

double stream_bytes_per_second(
    const std::string& path, const std::string& request, int streams, int frames) {
    Connections connections(path, request, streams);
    const std::string last = "id: " + std::to_string(frames) + "\n";
    std::vector<std::string> tails(static_cast<std::size_t>(streams));
    int unfinished = streams;
    std::size_t total = 0;
    Clock::time_point start;
    while (unfinished > 0) {
        const int count = connections.wait();
        for (int i = 0; i < count; ++i) {
            const std::size_t client = connections.index(i);
            const ssize_t bytes = connections.read_from(client);
            KHEISH_ASSERT(bytes > 0);
            const std::string_view data(connections.buffer.data(), static_cast<std::size_t>(bytes));
            std::string& tail = tails[client];
            tail.append(data.substr(data.size() - std::min<std::size_t>(data.size(), 1000)));
            if (total == 0 && data.find("event: trace") == std::string_view::npos)
                continue;
            if (total == 0)
                start = Clock::now();
            total += data.size();
            if (tail.find(last) != std::string::npos && tail.ends_with("\n\n"))
                --unfinished;
            tail.erase(0, tail.size() - std::min<std::size_t>(tail.size(), 1000));
        }
    }
    return static_cast<double>(total) / seconds_since(start);
}

} // namespace bench
