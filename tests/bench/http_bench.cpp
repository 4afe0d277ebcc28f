/// Two ratios of the HTTP edge against what the machine does at best, measured in one run:
///   get     requests a second for a run at 32 connections / those of a bare libevent server that
///           answers the same bytes without looking at the request
///   fan-out bytes a second to 1,000 event streams / those of plain send(2) of the same bytes
/// A forked client drives each server over an AF_UNIX socket; the fake service answers from memory.

#include "bench_client.hpp"
#include "fake_service.hpp"

#include "base/assert.hpp"
#include "http/server.hpp"
#include "loop/loop_timers.hpp"
#include "loop/signal_watch.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace kheish;

constexpr int kRounds = 5;
constexpr int kStreams = 1000;
constexpr int kFrames = 300;
constexpr std::size_t kPaddingBytes = 300;

const std::string kRequest = "GET /v1/runs/run-1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
const std::string kFollow = "GET /v1/events/stream HTTP/1.0\r\nHost: localhost\r\n\r\n";

Fd listen_at(const std::string& path) {
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    KHEISH_ASSERT(path.size() < sizeof address.sun_path);
    path.copy(static_cast<char*>(address.sun_path), path.size());
    (void)unlink(path.c_str());
    const void* plain = &address;
    KHEISH_ASSERT(bind(fd.get(), static_cast<const sockaddr*>(plain), sizeof address) == 0);
    KHEISH_ASSERT(listen(fd.get(), 2048) == 0);
    return fd;
}

std::string frame_data() {
    return R"({"type":"trace","pad":")" + std::string(kPaddingBytes, 'x') + R"("})";
}

/// Runs `client` in a child and `serve` here until the child is done; the child's figure.
double against(
    const std::string& path,
    const std::function<double(const std::string&)>& client,
    const std::function<void(Fd listener, int until)>& serve) {
    Fd listener = listen_at(path);
    std::array<int, 2> ends{};
    KHEISH_ASSERT(pipe2(ends.data(), O_CLOEXEC) == 0);
    const pid_t child = fork();
    KHEISH_ASSERT(child >= 0);
    if (child == 0) {
        const double figure = client(path);
        (void)!write(ends[1], &figure, sizeof figure);
        _exit(0);
    }
    const Fd result(ends[0]);
    Fd(ends[1]).reset();
    serve(std::move(listener), result.get());
    double figure = 0;
    KHEISH_ASSERT(read(result.get(), &figure, sizeof figure) == sizeof figure);
    KHEISH_ASSERT(waitpid(child, nullptr, 0) == child);
    return figure;
}

class EdgeServer {
  public:
    explicit EdgeServer(Fd listener)
        : events(*loop::Loop::open()), timers(*loop::LoopTimers::open(*events)),
          server(*events, *timers, clock, service) {
        KHEISH_ASSERT(
            server.listen(std::move(listener), std::make_unique<http::PeerCredentials>()));
    }
    void run_until_readable(int fd) {
        const loop::FdWatch watch(
            *events, fd, {.read = true}, [this](loop::Interest) { events->exit(0); });
        (void)events->run();
    }
    SystemClock clock;
    http::FakeService service;
    std::unique_ptr<loop::Loop> events;
    std::unique_ptr<loop::LoopTimers> timers;
    http::Server server;
};

void serve_edge(Fd listener, int until) {
    EdgeServer(std::move(listener)).run_until_readable(until);
}

/// Publishes one frame a turn once all streams are there.
void serve_edge_streams(Fd listener, int until) {
    EdgeServer edge(std::move(listener));
    int published = 0;
    const std::unique_ptr<loop::Loop::Hook> hook =
        edge.events->add_hook(loop::Loop::Stage::work, [&edge, &published] {
            if (edge.service.readers.size() < kStreams || published == kFrames)
                return false;
            edge.service.publish("trace", frame_data());
            return ++published < kFrames;
        });
    edge.run_until_readable(until);
}

/// The least that libevent can do for a request: any input is one, the answer is ready.
struct BareServer {
    std::string response;
    std::map<bufferevent*, std::pair<Fd, http::BufferEvent>> connections;

    static void on_read(bufferevent* event, void* self) {
        evbuffer* input = bufferevent_get_input(event);
        (void)evbuffer_drain(input, evbuffer_get_length(input));
        const std::string& response = static_cast<BareServer*>(self)->response;
        (void)bufferevent_write(event, response.data(), response.size());
    }
    static void on_event(bufferevent* event, short, void* self) {
        static_cast<BareServer*>(self)->connections.erase(event);
    }
    void accept_from(loop::Loop& events, int listener) {
        Fd fd(accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd)
            return;
        http::BufferEvent event(bufferevent_socket_new(events.base(), fd.get(), 0));
        bufferevent* const raw = event.get();
        bufferevent_setcb(raw, on_read, nullptr, on_event, this);
        (void)bufferevent_enable(raw, EV_READ | EV_WRITE);
        connections.emplace(raw, std::pair(std::move(fd), std::move(event)));
    }
};

void serve_bare(const std::string& response, Fd listener, int until) {
    const std::unique_ptr<loop::Loop> events = *loop::Loop::open();
    BareServer server{response, {}};
    const loop::FdWatch accepting(
        *events, listener.get(), {.read = true}, [&server, &events, &listener](loop::Interest) {
            server.accept_from(*events, listener.get());
        });
    const loop::FdWatch watch(
        *events, until, {.read = true}, [&events](loop::Interest) { events->exit(0); });
    (void)events->run();
}

/// Accepts all streams, then sends each frame to each with one blocking call.
void serve_raw_streams(Fd listener, int until) {
    KHEISH_ASSERT(set_nonblocking(listener.get(), false));
    std::vector<Fd> clients;
    while (clients.size() < kStreams)
        clients.emplace_back(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    for (int i = 1; i <= kFrames; ++i) {
        const std::string frame =
            "id: " + std::to_string(i) + "\nevent: trace\ndata: " + frame_data() + "\n\n";
        for (const Fd& client : clients)
            KHEISH_ASSERT(
                send(client.get(), frame.data(), frame.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(frame.size()));
    }
    pollfd done{until, POLLIN, 0};
    KHEISH_ASSERT(poll(&done, 1, -1) == 1);
}

/// What the edge answers to kRequest, asked over a socketpair.
std::string response_of_edge() {
    std::array<int, 2> ends{};
    KHEISH_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const Fd client(ends[1]);
    http::PeerCredentials identity;
    EdgeServer edge(listen_at(bench::socket_path()));
    KHEISH_ASSERT(edge.server.adopt(Fd(ends[0]), identity));
    KHEISH_ASSERT(write_all(client.get(), kRequest));
    edge.run_until_readable(client.get());
    std::array<char, 4096> buffer{};
    const ssize_t size = recv(client.get(), buffer.data(), buffer.size(), 0);
    KHEISH_ASSERT(size > 0);
    return {buffer.data(), static_cast<std::size_t>(size)};
}

double median(std::vector<double> figures) {
    std::sort(figures.begin(), figures.end());
    return figures[figures.size() / 2];
}

void report(
    const char* name, const char* unit, std::vector<double> ours, std::vector<double> best) {
    (void)std::printf(
        "%-8s %.0f %s, at best %.0f, ratio %.2f\n",
        name,
        median(ours),
        unit,
        median(best),
        median(ours) / median(best));
}

} // namespace

int main() {
    (void)std::signal(SIGPIPE, SIG_IGN);
    const std::string path = bench::socket_path();
    std::vector<double> ours;
    std::vector<double> best;
    const auto ask = [](const std::string& at) {
        return bench::requests_per_second(at, kRequest);
    };
    const std::string response = response_of_edge();
    for (int round = 0; round < kRounds; ++round) {
        ours.push_back(against(path, ask, serve_edge));
        best.push_back(against(path, ask, [&response](Fd listener, int until) {
            serve_bare(response, std::move(listener), until);
        }));
    }
    report("get", "requests/s", ours, best);
    ours.clear();
    best.clear();
    const auto follow = [](const std::string& at) {
        return bench::stream_bytes_per_second(at, kFollow, kStreams, kFrames);
    };
    for (int round = 0; round < kRounds; ++round) {
        ours.push_back(against(path, follow, serve_edge_streams));
        best.push_back(against(path, follow, serve_raw_streams));
    }
    report("fan-out", "bytes/s", ours, best);
    (void)unlink(path.c_str());
    return 0;
}
