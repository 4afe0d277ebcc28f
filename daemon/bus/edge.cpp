#include "bus/edge.hpp"

#include "base/log.hpp"
#include "bus/error_reply.hpp"
#include "bus/interface.hpp"
#include "bus/log_control.hpp"
#include "bus/object_path.hpp"
#include "bus/object_tree.hpp"

#include <array>

namespace kheish::bus {

namespace {

/// Interfaces that sd-bus answers from getters and enumerators, which cannot wait.
constexpr std::array kHeldInterfaces{
    "org.freedesktop.DBus.Properties",
    "org.freedesktop.DBus.ObjectManager",
    "org.freedesktop.DBus.Introspectable",
};

bool is_held(sd_bus_message* message) {
    for (const char* const interface : kHeldInterfaces)
        if (sd_bus_message_is_method_call(message, interface, nullptr) > 0)
            return true;
    return false;
}

void log_unannounced(int result) {
    if (result < 0)
        log(Level::warning,
            "a change was not announced on the bus",
            {{log_field::kError, std::to_string(-result)}});
}

void read_on(sd_bus_message* message, const Result<uid_t>& uid) {
    const int queued =
        uid ? sd_bus_enqueue_for_read(sd_bus_message_get_bus(message), message) : -EACCES;
    if (queued < 0)
        reply_error(
            message,
            Error{.code = Errc::forbidden, .message = "the bus does not say who is calling"});
}

} // namespace

Result<std::unique_ptr<BusEdge>> BusEdge::open(sd_bus* bus, Environment environment) {
    register_error_names();
    std::unique_ptr<BusEdge> edge = std::make_unique<BusEdge>(Key{}, bus, environment);
    KHEISH_CHECK(edge->add_objects());
    environment.service.set_change_listener(edge.get());
    return edge;
}

BusEdge::BusEdge(Key, sd_bus* bus, Environment environment)
    : bus_(bus), service_(environment.service), peers_(environment.peers),
      access_(environment.peers, environment.authorizer),
      followers_(environment.loop, environment.timers, environment.service),
      held_reads_(std::make_shared<std::size_t>(0)) {}

BusEdge::~BusEdge() {
    service_.set_change_listener(nullptr);
}

Status BusEdge::add(int result, sd_bus_slot* slot, const char* what) {
    if (result < 0)
        return fail_errno(std::string("adding ") + what + " to the bus", -result);
    slots_.emplace_back(slot);
    return {};
}

Status BusEdge::add_objects() {
    sd_bus_slot* slot = nullptr;
    KHEISH_CHECK(add(sd_bus_add_filter(bus_, &slot, hold_reads, this), slot, "a filter"));
    KHEISH_CHECK(
        add(sd_bus_add_object_manager(bus_, &slot, kRootPath), slot, "the object manager"));
    KHEISH_CHECK(add(
        sd_bus_add_object_vtable(bus_, &slot, kRootPath, kManagerInterface, manager_vtable(), this),
        slot,
        kManagerInterface));
    for (const ObjectKind& kind : object_kinds()) {
        KHEISH_CHECK(
            add(sd_bus_add_fallback_vtable(
                    bus_, &slot, kind.prefix, kind.interface, kind.vtable, kind.find, this),
                slot,
                kind.interface));
        KHEISH_CHECK(
            add(sd_bus_add_node_enumerator(bus_, &slot, kind.prefix, kind.enumerate, this),
                slot,
                kind.prefix));
    }
    return add(
        sd_bus_add_object_vtable(
            bus_, &slot, kLogControlPath, kLogControlInterface, log_control_vtable(), this),
        slot,
        kLogControlInterface);
}

int BusEdge::hold_reads(sd_bus_message* message, void* data, sd_bus_error* error) noexcept {
    BusEdge& edge = *static_cast<BusEdge*>(data);
    if (!is_held(message))
        return 0;
    const char* const sender = sd_bus_message_get_sender(message);
    const std::string name = sender != nullptr ? sender : "";
    if (edge.peers_.known_uid(name))
        return 0;
    if (*edge.held_reads_ >= kHeldReadLimit)
        return set_error(
            error, Error{.code = Errc::rate_limited, .message = "too many callers at once"});
    edge.hold(message, name);
    return 1;
}

void BusEdge::hold(sd_bus_message* message, const std::string& sender) {
    ++*held_reads_;
    BusMessage owned(sd_bus_message_ref(message));
    peers_.find_uid(
        sender,
        Responder<uid_t>([held = std::move(owned), count = held_reads_](const Result<uid_t>& uid) {
            --*count;
            read_on(held.get(), uid);
        }));
}

std::optional<uid_t> BusEdge::calling_uid() const {
    sd_bus_message* const message = sd_bus_get_current_message(bus_);
    if (message == nullptr)
        return std::nullopt;
    const char* const sender = sd_bus_message_get_sender(message);
    return peers_.known_uid(sender != nullptr ? sender : "");
}

bool BusEdge::caller_is_root() const {
    return calling_uid() == uid_t{0};
}

bool BusEdge::reader_may_see(const Principal& owner) const {
    if (announcing_)
        return true;
    const std::optional<uid_t> uid = calling_uid();
    return uid && (*uid == 0 || owner == Principal::user(*uid));
}

void BusEdge::announce(const std::string& path, const char* interface, Change change) {
    announcing_ = true;
    if (change == Change::appeared)
        log_unannounced(sd_bus_emit_interfaces_added(bus_, path.c_str(), interface, nullptr));
    else
        log_unannounced(
            sd_bus_emit_properties_changed_strv(bus_, path.c_str(), interface, nullptr));
    if (change == Change::ended)
        log_unannounced(sd_bus_emit_interfaces_removed(bus_, path.c_str(), interface, nullptr));
    announcing_ = false;
    memo_ = {};
}

void BusEdge::on_session_changed(const SessionId& session, bool created, bool ended) {
    announce(
        object_path(session),
        kSessionInterface,
        created ? Change::appeared : (ended ? Change::ended : Change::changed));
}

void BusEdge::on_run_changed(RunId run, bool appeared, bool ended) {
    announce(
        object_path(run),
        kRunInterface,
        appeared ? Change::appeared : (ended ? Change::ended : Change::changed));
}

void BusEdge::on_approval_changed(const ApprovalId& approval, bool appeared, bool settled) {
    announce(
        object_path(approval),
        kApprovalInterface,
        appeared ? Change::appeared : (settled ? Change::ended : Change::changed));
}

Result<control::RunSummary> BusEdge::run_summary(RunId run) {
    if (!announcing_)
        return service_.run_summary(run);
    if (!std::holds_alternative<control::RunSummary>(memo_)) {
        KHEISH_TRY(memo_, service_.run_summary(run));
    }
    return std::get<control::RunSummary>(memo_);
}

Result<control::SessionSummary> BusEdge::session_summary(const SessionId& session) {
    if (!announcing_)
        return service_.session_summary(session);
    if (!std::holds_alternative<control::SessionSummary>(memo_)) {
        KHEISH_TRY(memo_, service_.session_summary(session));
    }
    return std::get<control::SessionSummary>(memo_);
}

Result<control::ApprovalSummary> BusEdge::approval_summary(const ApprovalId& approval) {
    if (!announcing_)
        return service_.approval_summary(approval);
    if (!std::holds_alternative<control::ApprovalSummary>(memo_)) {
        KHEISH_TRY(memo_, service_.approval_summary(approval));
    }
    return std::get<control::ApprovalSummary>(memo_);
}

} // namespace kheish::bus
