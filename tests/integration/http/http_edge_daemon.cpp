/// The HTTP edge over a fake service, on the sockets named "http" that systemd hands over: for
/// clients of other people's making. SIGTERM drains it.
///
/// Its journal is the same after each start, as that of a daemon is: kFrames frames.

#include "fake_service.hpp"

#include "base/log.hpp"
#include "http/server.hpp"
#include "loop/loop_timers.hpp"
#include "loop/signal_watch.hpp"

#include <csignal>
#include <cstdlib>

#include <systemd/sd-daemon.h>

namespace {

using namespace kheish;

constexpr int kFrames = 500;
constexpr std::size_t kPaddingBytes = 2000;

Status listen_on_inherited(http::Server& server) {
    const int count = sd_listen_fds(1);
    if (count < 1)
        return fail(Errc::invalid_configuration, "no socket was handed over");
    for (int i = 0; i < count; ++i) {
        KHEISH_CHECK(
            server.listen(Fd(SD_LISTEN_FDS_START + i), std::make_unique<http::PeerCredentials>()));
    }
    return {};
}

Status serve() {
    (void)std::signal(SIGPIPE, SIG_IGN);
    KHEISH_TRY(const std::unique_ptr<loop::Loop> events, loop::Loop::open());
    KHEISH_TRY(const std::unique_ptr<loop::LoopTimers> timers, loop::LoopTimers::open(*events));
    const SystemClock clock;
    http::FakeService service;
    for (int i = 0; i < kFrames; ++i)
        service.publish(
            "trace", R"({"type":"trace","pad":")" + std::string(kPaddingBytes, 'x') + R"("})");
    http::Server server(*events, *timers, clock, service);
    KHEISH_CHECK(listen_on_inherited(server));
    KHEISH_TRY(
        const std::unique_ptr<loop::SignalWatch> signals,
        loop::SignalWatch::open(*events, {SIGTERM}, [&server, &events](int) {
            server.drain(std::chrono::seconds(5), [&events] { events->exit(0); });
        }));
    (void)events->run();
    return {};
}

} // namespace

int main() {
    const kheish::Status served = serve();
    if (!served)
        kheish::log(kheish::Level::error, served.error().to_string());
    return served ? EXIT_SUCCESS : EXIT_FAILURE;
}
