#include "bus/endpoint.hpp"

#include "base/log.hpp"
#include "bus/object_path.hpp"

namespace kheish::bus {

namespace {

constexpr std::chrono::microseconds kLeavePatience = std::chrono::seconds(2);
constexpr int kLeaveLimit = 10'000;        ///< messages looked at on leaving
constexpr std::uint32_t kPrimaryOwner = 1; // RequestName() in the D-Bus specification

} // namespace

Endpoint::Endpoint(
    Kind kind,
    loop::Loop& loop,
    Timers& timers,
    control::Service& service,
    HostSide host,
    Responder<void> ready)
    : kind_(kind), loop_(loop), timers_(timers), service_(service), host_(std::move(host)),
      ready_(std::move(ready)) {
    connect();
}

Endpoint::~Endpoint() {
    leave();
    disconnect();
    ready_.dismiss();
}

void Endpoint::connect() {
    const Status connected = try_connect();
    if (!connected)
        on_lost(connected.error());
}

Status Endpoint::try_connect() {
    sd_bus* raw = nullptr;
    const int opened = kind_ == Kind::system ? sd_bus_open_system_with_description(&raw, "kheishd")
                                             : sd_bus_open_user_with_description(&raw, "kheishd");
    if (opened < 0)
        return fail_errno("connecting to the message bus", -opened, Errc::service_unavailable);
    bus_.reset(raw);
    peers_ = std::make_unique<BusPeers>(raw);
    authorizer_ = std::make_unique<PolkitAuthorizer>(raw);
    KHEISH_TRY(
        edge_,
        BusEdge::open(
            raw,
            {.loop = loop_,
             .timers = timers_,
             .service = service_,
             .peers = *peers_,
             .authorizer = *authorizer_}));
    if (host_.events != nullptr)
        sleep_ = std::make_unique<SleepWatch>(raw, *host_.events);
    if (host_.events != nullptr && host_.prompts) {
        sessions_ = std::make_unique<LogindSessions>(raw);
        prompt_ = std::make_unique<DesktopPrompt>(service_, *authorizer_, *sessions_, timers_);
        edge_->set_prompt(prompt_.get());
    }
    keep_awake();
    sd_bus_slot* slot = nullptr;
    const int asked = sd_bus_request_name_async(raw, &slot, kBusName, 0, on_name, this);
    if (asked < 0)
        return fail_errno("asking for the bus name", -asked, Errc::service_unavailable);
    name_.reset(slot);
    pump_ =
        std::make_unique<loop::BusPump>(loop_, raw, [this](const Error& error) { on_lost(error); });
    return {};
}

/// A call that the bus has passed on must not be lost with the connection: its caller could not
/// know whether anything had come of it.
void Endpoint::leave() {
    if (edge_ == nullptr || sd_bus_is_ready(bus_.get()) <= 0)
        return;
    pump_.reset();
    edge_->access().close();
    (void)sd_bus_set_method_call_timeout(
        bus_.get(), static_cast<std::uint64_t>(kLeavePatience.count()));
    // Behind the answer comes no call any more; a bus that does not answer has lost us anyway.
    if (sd_bus_release_name(bus_.get(), kBusName) < 0)
        return;
    int processed = 1;
    for (int count = 0; processed > 0 && count < kLeaveLimit; ++count)
        processed = sd_bus_process(bus_.get(), nullptr);
}

void Endpoint::disconnect() {
    pump_.reset();
    name_.reset();
    linger_.reset();
    inhibitor_.reset();
    sleep_.reset();
    edge_.reset();
    prompt_.reset();
    sessions_.reset();
    authorizer_.reset();
    peers_.reset();
    bus_.reset();
}

void Endpoint::set_working(bool works) {
    works_ = works;
    keep_awake();
}

void Endpoint::keep_awake() {
    if (host_.events == nullptr || host_.inhibits.empty() || bus_ == nullptr)
        return;
    if (works_) {
        linger_.reset();
        if (inhibitor_ == nullptr)
            inhibitor_ = std::make_unique<Inhibitor>(
                bus_.get(), host_.inhibits, "An agent is at work", Inhibitor::Mode::block);
    } else if (inhibitor_ != nullptr && linger_ == nullptr) {
        linger_ = timers_.start(kLinger, [this] {
            linger_.reset();
            inhibitor_.reset();
        });
    }
}

void Endpoint::on_lost(const Error& error) {
    log(Level::warning,
        "the message bus is away; runs go on",
        {{log_field::kError, error.to_string()}});
    disconnect();
    retry_ = timers_.start(kReconnectDelay, [this] { connect(); });
    settle(fail(Errc::service_unavailable, error.message));
}

int Endpoint::on_name(sd_bus_message* reply, void* data, sd_bus_error*) noexcept {
    Endpoint& endpoint = *static_cast<Endpoint*>(data);
    std::uint32_t outcome = 0;
    if (sd_bus_message_is_method_error(reply, nullptr) > 0) {
        const std::string reason = sd_bus_message_get_error(reply)->message;
        log(Level::error, "the bus refuses the name", {{log_field::kError, reason}});
        endpoint.settle(fail(Errc::service_unavailable, "the bus refuses the name: " + reason));
    } else if (sd_bus_message_read(reply, "u", &outcome) < 0 || outcome != kPrimaryOwner) {
        log(Level::error, "the bus name belongs to another process");
        endpoint.settle(
            fail(Errc::conflict, std::string(kBusName) + " belongs to another process"));
    } else {
        log(Level::notice, "on the message bus");
        endpoint.settle({});
    }
    return 0;
}

void Endpoint::settle(Status status) {
    if (ready_)
        ready_.answer(std::move(status));
}

} // namespace kheish::bus
