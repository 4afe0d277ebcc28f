#include "base/fd.hpp"
#include "base/log.hpp"
#include "launcher/options.hpp"
#include "launcher/server.hpp"
#include "sandbox/seccomp_program.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <sys/socket.h>
#include <unistd.h>

#include <systemd/sd-daemon.h>

namespace kheish::launcher {

namespace {

constexpr std::size_t kSwapsLimitBytes = 65536;

/// The one socket that systemd hands over.
Result<Fd> take_listener() {
    const int count = sd_listen_fds(1);
    if (count < 0)
        return fail_errno("taking the socket from the service manager", -count);
    if (count != 1)
        return fail(
            Errc::invalid_configuration,
            "expected one socket from kheish-launcher.socket, got " + std::to_string(count));
    Fd listener(SD_LISTEN_FDS_START);
    if (sd_is_socket_unix(listener.get(), SOCK_SEQPACKET, 1, nullptr, 0) <= 0)
        return fail(
            Errc::invalid_configuration, "the socket is not ListenSequentialPacket= of unix(7)");
    KHEISH_CHECK(set_nonblocking(listener.get(), true));
    return listener;
}

Result<bool> has_swap() {
    // A heading, and one line for each swap area.
    KHEISH_TRY(const std::string text, read_file("/proc/swaps", kSwapsLimitBytes));
    const std::size_t heading = text.find('\n');
    return heading != std::string::npos && heading + 1 < text.size();
}

Result<IdentityPolicy> identity_policy(const Options& options) {
    IdentityPolicy policy;
    KHEISH_TRY(policy.service_uid, look_up_uid(options.service_user));
    const Result<uid_t> agent = look_up_uid(options.agent_user);
    if (agent)
        policy.agent_uid = *agent;
    else
        log(Level::warning,
            "runs without a user of their own will be refused",
            {{log_field::kError, agent.error().to_string()}});
    return policy;
}

Result<std::unique_ptr<Context>> make_context(const Options& options, sd_event* event) {
    std::unique_ptr<Context> context = std::make_unique<Context>();
    context->event = event;
    KHEISH_TRY(context->cgroups, RunCgroups::find());
    KHEISH_TRY(context->identities, identity_policy(options));
    KHEISH_TRY(context->limits, load_limits());
    KHEISH_TRY(context->host, sandbox::read_host_layout());
    KHEISH_TRY(context->seccomp_without_network, sandbox::seccomp_program(false));
    KHEISH_TRY(context->seccomp_with_network, sandbox::seccomp_program(true));
    KHEISH_TRY(context->host_has_swap, has_swap());
    KHEISH_TRY(context->channel_group, look_up_gid(options.service_user));
    context->channel_directory = options.channel_directory;
    context->bubblewrap = options.bubblewrap;
    context->runner = options.runner;
    return context;
}

Result<EventLoop> make_loop() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : {SIGCHLD, SIGTERM, SIGINT})
        sigaddset(&signals, number);
    if (::sigprocmask(SIG_BLOCK, &signals, nullptr) != 0)
        return fail_errno("blocking signals", errno);
    sd_event* event = nullptr;
    const int result = sd_event_default(&event);
    if (result < 0)
        return fail_errno("making the event loop", -result);
    return EventLoop(event);
}

Status serve(const Options& options) {
    KHEISH_TRY(Fd listener, take_listener());
    KHEISH_TRY(const EventLoop event, make_loop());
    KHEISH_TRY(const std::unique_ptr<Context> context, make_context(options, event.get()));
    KHEISH_TRY(const std::unique_ptr<UnitManager> units, UnitManager::connect(event.get()));
    context->units = units.get();
    Server server(*context, std::move(listener));
    KHEISH_CHECK(server.begin());
    (void)sd_notify(0, "READY=1"); // nobody to tell without a manager
    const int result = sd_event_loop(event.get());
    if (result < 0)
        return fail_errno("the event loop", -result);
    return {};
}

} // namespace

} // namespace kheish::launcher

int main(int argument_count, char** arguments) {
    using namespace kheish;
    const Result<launcher::Options> options =
        launcher::parse_options({arguments, static_cast<std::size_t>(argument_count)});
    if (!options) {
        (void)std::fprintf(stderr, "kheish-launcher: %s\n", options.error().message.c_str());
        return EXIT_FAILURE;
    }
    if (options->help || options->version) {
        (void)std::fputs(
            options->help ? launcher::kUsage : "kheish-launcher " KHEISH_VERSION "\n", stdout);
        return EXIT_SUCCESS;
    }
    const Status served = launcher::serve(*options);
    if (served)
        return EXIT_SUCCESS;
    log(Level::critical, "giving up", {{log_field::kError, served.error().to_string()}});
    return EXIT_FAILURE;
}
