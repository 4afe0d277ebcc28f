/// The HTTP edge over a fake service, on the sockets named "http" that systemd hands over: for
/// clients of other people's making. SIGTERM drains it. With arguments (certificate, key, and maybe
/// the authority of client certificates) the sockets are those of callers with tokens, over TLS.
///
/// Its journal is the same after each start, as that of a daemon is: kFrames frames.

#include "fake_service.hpp"

#include "base/log.hpp"
#include "http/bearer_tokens.hpp"
#include "http/server.hpp"
#include "loop/loop_timers.hpp"
#include "loop/signal_watch.hpp"

#include <csignal>
#include <cstdlib>
#include <span>

#include <systemd/sd-daemon.h>

namespace {

using namespace kheish;

constexpr int kFrames = 500;
constexpr std::size_t kPaddingBytes = 2000;

constexpr const char* kToken = "kheish_token";

/// The listener of PEM files, or of everybody on this host.
Result<std::unique_ptr<http::Identity>>
identity_of(std::span<char*> files, const Clock& clock, http::FakeService& service) {
    if (files.empty())
        return std::make_unique<http::PeerCredentials>();
    KHEISH_TRY(
        std::shared_ptr<const http::TlsCredentials> tls,
        http::TlsCredentials::load(
            {.certificate = files[0],
             .key = files.size() > 1 ? files[1] : "",
             .client_ca = files.size() > 2 ? files[2] : ""}));
    return std::make_unique<http::BearerTokens>(
        http::BrowserGuard({}),
        [](std::string_view secret) -> Result<control::Caller> {
            if (secret == kToken)
                return control::Caller::token("tests", control::Role::operate);
            return fail(Errc::invalid_token, "nobody's token");
        },
        http::Failures(
            clock,
            [&service](control::AuthenticationFailure failure) {
                service.note_authentication_failure(std::move(failure));
            }),
        std::move(tls));
}

Status listen_on_inherited(
    http::Server& server, std::span<char*> files, const Clock& clock, http::FakeService& service) {
    const int count = sd_listen_fds(1);
    if (count < 1)
        return fail(Errc::invalid_configuration, "no socket was handed over");
    for (int i = 0; i < count; ++i) {
        KHEISH_TRY(std::unique_ptr<http::Identity> identity, identity_of(files, clock, service));
        KHEISH_CHECK(server.listen(Fd(SD_LISTEN_FDS_START + i), std::move(identity)));
    }
    return {};
}

Status serve(std::span<char*> files) {
    (void)std::signal(SIGPIPE, SIG_IGN);
    KHEISH_TRY(const std::unique_ptr<loop::Loop> events, loop::Loop::open());
    KHEISH_TRY(const std::unique_ptr<loop::LoopTimers> timers, loop::LoopTimers::open(*events));
    const SystemClock clock;
    http::FakeService service;
    for (int i = 0; i < kFrames; ++i)
        service.publish(
            "trace", R"({"type":"trace","pad":")" + std::string(kPaddingBytes, 'x') + R"("})");
    http::Server server(*events, *timers, clock, service);
    KHEISH_CHECK(listen_on_inherited(server, files, clock, service));
    KHEISH_TRY(
        const std::unique_ptr<loop::SignalWatch> signals,
        loop::SignalWatch::open(*events, {SIGTERM}, [&server, &events](int) {
            server.drain(std::chrono::seconds(5), [&events] { events->exit(0); });
        }));
    (void)events->run();
    return {};
}

} // namespace

int main(int count, char** words) {
    const kheish::Status served =
        serve(std::span(words, static_cast<std::size_t>(count)).subspan(1));
    if (!served)
        kheish::log(kheish::Level::error, served.error().to_string());
    return served ? EXIT_SUCCESS : EXIT_FAILURE;
}
