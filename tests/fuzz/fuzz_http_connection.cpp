#include "fake_service.hpp"

#include "base/assert.hpp"
#include "http/server.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>

#include <sys/socket.h>

// What a client may send, against the whole connection. The first byte is the size of the pieces.
// Whatever comes in, what goes out is nothing or begins as a response of HTTP/1.1, and the
// connection is forgotten once its client is gone.

namespace {

using namespace kheish;

class NoTimers final : public Timers {
  public:
    std::unique_ptr<Timer> start(std::chrono::microseconds, UniqueFunction<void()>) override {
        return std::make_unique<Timer>();
    }
    std::unique_ptr<Timer> start_at_wall(std::int64_t, UniqueFunction<void()>) override {
        KHEISH_ASSERT(false); // nobody here waits for the calendar
    }
};

constexpr int kTurns = 8;
constexpr std::size_t kInputLimitBytes = 64 * 1024;

void run(std::string_view input, std::size_t piece_bytes) {
    (void)std::signal(SIGPIPE, SIG_IGN);
    const std::unique_ptr<loop::Loop> events = *loop::Loop::open();
    NoTimers timers;
    const SystemClock clock;
    http::FakeService service;
    service.publish("trace", R"({"type":"trace"})");
    http::PeerCredentials identity;
    http::Server server(*events, timers, clock, service);
    std::array<int, 2> ends{};
    KHEISH_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    Fd client(ends[1]);
    KHEISH_ASSERT(server.adopt(Fd(ends[0]), identity));
    std::string output;
    std::array<char, 4096> buffer{};
    while (!input.empty()) {
        const std::string_view piece = input.substr(0, piece_bytes);
        if (send(client.get(), piece.data(), piece.size(), MSG_NOSIGNAL) < 0)
            break;
        input.remove_prefix(piece.size());
        events->turn(false);
        const ssize_t size = recv(client.get(), buffer.data(), buffer.size(), 0);
        if (size > 0)
            output.append(buffer.data(), static_cast<std::size_t>(size));
    }
    constexpr std::string_view kStart = "HTTP/1.1 ";
    KHEISH_ASSERT(output.substr(0, kStart.size()) == kStart.substr(0, output.size()));
    client.reset();
    for (int turn = 0; turn < kTurns; ++turn)
        events->turn(false);
    service.rest_runs();
    for (int turn = 0; turn < kTurns && server.connections() > 0; ++turn)
        events->turn(false);
    KHEISH_ASSERT(server.connections() == 0 && server.streams() == 0 && service.readers.empty());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2 || size > kInputLimitBytes)
        return 0;
    run({reinterpret_cast<const char*>(data) + 1, size - 1}, std::size_t{data[0]} + 1);
    return 0;
}
