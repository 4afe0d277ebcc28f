#include "bus_connection.hpp"

#include "base/log.hpp"

#include <utility>

namespace kheish {

namespace {

constexpr const char* kBusName = "ai.kheish.Daemon1";

Result<BusHandle> connect(Options::Bus kind) {
    sd_bus* raw = nullptr;
    const int result =
        kind == Options::Bus::session ? sd_bus_open_user(&raw) : sd_bus_open_system(&raw);
    if (result < 0)
        return fail_errno("connecting to the message bus", -result, Errc::service_unavailable);
    return BusHandle(raw);
}

} // namespace

BusConnection::Parts::~Parts() {
    pump.reset();
    edge.reset();
    authorizer.reset();
    peers.reset();
}

BusConnection::BusConnection(
    loop::Loop& loop, Timers& timers, control::Service& service, Options::Bus bus)
    : loop_(loop), timers_(timers), service_(service), bus_(bus) {}

BusConnection::~BusConnection() = default;

Status BusConnection::open() {
    auto parts = std::make_unique<Parts>();
    KHEISH_TRY(parts->bus, connect(bus_));
    sd_bus* bus = parts->bus.get();
    parts->peers = std::make_unique<bus::BusPeers>(bus);
    parts->authorizer = std::make_unique<bus::PolkitAuthorizer>(bus);
    KHEISH_TRY(
        parts->edge,
        bus::BusEdge::open(
            bus,
            {.loop = loop_,
             .timers = timers_,
             .service = service_,
             .peers = *parts->peers,
             .authorizer = *parts->authorizer}));
    parts->pump =
        std::make_unique<loop::BusPump>(loop_, bus, [this](const Error& error) { on_lost(error); });
    // The objects are there before the name is: whoever waits for it finds them.
    if (const int result = sd_bus_request_name(bus, kBusName, 0); result < 0)
        return fail_errno(
            std::string("taking the bus name ") + kBusName, -result, Errc::service_unavailable);
    parts_ = std::move(parts);
    return {};
}

void BusConnection::on_lost(const Error& error) {
    log(Level::warning,
        "the message bus is gone; runs go on",
        {{log_field::kError, error.to_string()}});
    // Not here: the pump that calls is one of the parts.
    loop_.post([this] { parts_.reset(); });
    retry_timer_ = timers_.start(kRetryInterval, [this] { retry(); });
}

void BusConnection::retry() {
    if (const Status opened = open(); opened)
        log(Level::notice, "back on the message bus");
    else
        retry_timer_ = timers_.start(kRetryInterval, [this] { retry(); });
}

} // namespace kheish
