#include "fake_service.hpp"

#include "base/log.hpp"
#include "bus/endpoint.hpp"
#include "loop/loop.hpp"
#include "loop/loop_timers.hpp"
#include "loop/signal_watch.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>

/// The bus edge over a service in memory, on the system bus of the environment, with a polkit of
/// its own. Says "ready" on standard output each time it has its name.
///
/// SIGUSR1 finishes all runs that hold. SIGHUP does what a restart does to clients: the name goes,
/// streams end, and after kAway it is back. SIGTERM ends it.
namespace kheish {

namespace {

constexpr std::chrono::milliseconds kAway{500};

/// Own things are allowed, decisions take a password, which the prompt gets at once; nothing of
/// others is allowed to anybody but root.
int on_check(sd_bus_message* call, void*, sd_bus_error*) noexcept {
    const char* action = nullptr;
    std::uint32_t flags = 0;
    if (sd_bus_message_skip(call, "(sa{sv})") < 0 || sd_bus_message_read(call, "s", &action) <= 0 ||
        sd_bus_message_skip(call, "a{ss}") < 0 || sd_bus_message_read(call, "u", &flags) <= 0)
        return -EBADMSG;
    const std::string name(action);
    const bool others = name.ends_with("-others");
    const bool password = name == "ai.kheish.daemon1.approve";
    const bool authorized = !others && (!password || flags != 0);
    return sd_bus_reply_method_return(
        call, "(bba{ss})", authorized ? 1 : 0, password && !authorized ? 1 : 0, 0);
}

int on_cancel(sd_bus_message* call, void*, sd_bus_error*) noexcept {
    return sd_bus_reply_method_return(call, "");
}

const sd_bus_vtable kPolkit[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD(
        "CheckAuthorization",
        "(sa{sv})sa{ss}us",
        "(bba{ss})",
        on_check,
        SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("CancelCheckAuthorization", "s", "", on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

class BusDaemon {
  public:
    BusDaemon(loop::Loop& loop, Timers& timers) : loop_(loop), timers_(timers) {}

    Status start() {
        sd_bus* raw = nullptr;
        int result = sd_bus_open_system(&raw);
        polkit_.reset(raw);
        if (result >= 0)
            result = sd_bus_add_object_vtable(
                raw,
                nullptr,
                "/org/freedesktop/PolicyKit1/Authority",
                "org.freedesktop.PolicyKit1.Authority",
                kPolkit,
                nullptr);
        if (result >= 0)
            result = sd_bus_request_name(raw, "org.freedesktop.PolicyKit1", 0);
        if (result < 0)
            return fail_errno("starting polkit", -result);
        polkit_pump_ =
            std::make_unique<loop::BusPump>(loop_, raw, [this](const Error&) { loop_.exit(1); });
        appear();
        return {};
    }

    void on_signal(int number) {
        if (number == SIGTERM)
            loop_.exit(0);
        else if (number == SIGUSR1)
            service_.finish_all();
        else
            restart();
    }

  private:
    void restart() {
        endpoint_.reset();
        back_ = timers_.start(kAway, [this] { appear(); });
    }
    void appear() {
        endpoint_ = std::make_unique<bus::Endpoint>(
            bus::Endpoint::Kind::system,
            loop_,
            timers_,
            service_,
            bus::Endpoint::HostSide{},
            Responder<void>([](const Status& status) {
                (void)std::puts(status ? "ready" : status.error().message.c_str());
                (void)std::fflush(stdout);
            }));
    }

    loop::Loop& loop_;
    Timers& timers_;
    control::FakeService service_;
    BusHandle polkit_;
    std::unique_ptr<loop::BusPump> polkit_pump_;
    std::unique_ptr<bus::Endpoint> endpoint_;
    std::unique_ptr<Timer> back_;
};

Result<int> serve() {
    KHEISH_TRY(const std::unique_ptr<loop::Loop> loop, loop::Loop::open());
    KHEISH_TRY(const std::unique_ptr<loop::LoopTimers> timers, loop::LoopTimers::open(*loop));
    BusDaemon daemon(*loop, *timers);
    KHEISH_TRY(
        const std::unique_ptr<loop::SignalWatch> signals,
        loop::SignalWatch::open(*loop, {SIGTERM, SIGHUP, SIGUSR1}, [&daemon](int number) {
            daemon.on_signal(number);
        }));
    KHEISH_CHECK(daemon.start());
    return loop->run();
}

} // namespace

} // namespace kheish

int main() {
    const kheish::Result<int> code = kheish::serve();
    if (!code)
        kheish::log(kheish::Level::error, code.error().message);
    return code.value_or(1);
}
