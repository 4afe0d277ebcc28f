#include "bus/edge.hpp"

#include "base/log.hpp"
#include "bus/error_reply.hpp"
#include "bus/interface.hpp"
#include "bus/log_control.hpp"
#include "bus/object_path.hpp"
#include "bus/object_tree.hpp"

#include <array>
#include <utility>

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

void log_unannounced(const std::string& error) {
    log(Level::warning, "a change was not announced on the bus", {{log_field::kError, error}});
}

void check_sent(int result) {
    if (result < 0)
        log_unannounced(fail_errno("sending a signal", -result).value().to_string());
}

/// Methods of our interfaces.
bool is_ours(sd_bus_message* message) {
    for (const Interface& interface : interfaces())
        if (sd_bus_message_is_method_call(message, interface.name, nullptr) > 0)
            return true;
    return false;
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

Status BusEdge::add(int result, sd_bus_slot*& slot, const char* what) {
    if (result < 0)
        return fail_errno(std::string("adding ") + what + " to the bus", -result);
    slots_.emplace_back(std::exchange(slot, nullptr));
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

bool BusEdge::caller_may_find(const Principal& owner) const {
    sd_bus_message* const message = sd_bus_get_current_message(bus_);
    return (message != nullptr && is_ours(message)) || reader_may_see(owner);
}

// --- signals
// --------------------------------------------------------------------------------------

void BusEdge::tell(const Subject& subject, Change change, const std::string& client) {
    if (change == Change::appeared)
        check_sent(send_interfaces_added(subject, client));
    else
        check_sent(send_properties_changed(subject, client));
    if (change == Change::ended)
        check_sent(send_interfaces_removed(subject, client));
}

template <class Summary>
void BusEdge::announce(
    std::string path, const Interface& interface, Change change, const Result<Summary>& summary) {
    if (!summary)
        return log_unannounced(summary.error().to_string());
    const Subject subject{bus_, std::move(path), interface, this};
    const uid_t owner = summary->owner.uid();
    announcing_ = true;
    memo_ = *summary;
    for (const std::string& client : peers_.known_names(0))
        tell(subject, change, client);
    if (owner != 0 && owner != static_cast<uid_t>(-1))
        for (const std::string& client : peers_.known_names(owner))
            tell(subject, change, client);
    announcing_ = false;
    memo_ = {};
}

void BusEdge::on_session_changed(const SessionId& session, bool created, bool ended) {
    announce(
        object_path(session),
        {kSessionInterface, session_vtable()},
        created ? Change::appeared : (ended ? Change::ended : Change::changed),
        service_.session_summary(session));
}

void BusEdge::on_run_changed(RunId run, bool appeared, bool ended) {
    announce(
        object_path(run),
        {kRunInterface, run_vtable()},
        appeared ? Change::appeared : (ended ? Change::ended : Change::changed),
        service_.run_summary(run));
}

void BusEdge::on_approval_changed(const ApprovalId& approval, bool appeared, bool settled) {
    announce(
        object_path(approval),
        {kApprovalInterface, approval_vtable()},
        appeared ? Change::appeared : (settled ? Change::ended : Change::changed),
        service_.approval_summary(approval));
    if (prompt_ != nullptr)
        prompt_->on_approval_changed(approval, appeared, settled);
}

void BusEdge::on_approval_overdue(const ApprovalId& approval) {
    if (prompt_ != nullptr)
        prompt_->on_approval_overdue(approval);
}

void BusEdge::on_question_changed(const QuestionId& question, bool appeared, bool settled) {
    announce(
        object_path(question),
        {kQuestionInterface, question_vtable()},
        appeared ? Change::appeared : (settled ? Change::ended : Change::changed),
        service_.question_summary(question));
}

Result<control::RunSummary> BusEdge::run_summary(RunId run) {
    if (const auto* known = std::get_if<control::RunSummary>(&memo_))
        return *known;
    return service_.run_summary(run);
}

Result<control::SessionSummary> BusEdge::session_summary(const SessionId& session) {
    if (const auto* known = std::get_if<control::SessionSummary>(&memo_))
        return *known;
    return service_.session_summary(session);
}

Result<control::ApprovalSummary> BusEdge::approval_summary(const ApprovalId& approval) {
    if (const auto* known = std::get_if<control::ApprovalSummary>(&memo_))
        return *known;
    return service_.approval_summary(approval);
}

Result<control::QuestionSummary> BusEdge::question_summary(const QuestionId& question) {
    if (const auto* known = std::get_if<control::QuestionSummary>(&memo_))
        return *known;
    return service_.question_summary(question);
}

} // namespace kheish::bus
