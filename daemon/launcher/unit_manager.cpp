#include "launcher/unit_manager.hpp"

#include "base/fd.hpp"
#include "base/text.hpp"
#include "launcher/cgroup.hpp"
#include "launcher/unit_properties.hpp"

#include <algorithm>
#include <span>

namespace kheish::launcher {

namespace {

constexpr const char* kService = "org.freedesktop.systemd1";
constexpr const char* kObject = "/org/freedesktop/systemd1";
constexpr const char* kManager = "org.freedesktop.systemd1.Manager";
constexpr std::uint64_t kCallTimeoutUs = 15'000'000;
constexpr std::string_view kJournalMark = ", journal ";

Error bus_error(const std::string& what, const sd_bus_error* error) {
    const int number = sd_bus_error_get_errno(error);
    const char* message = error->message != nullptr ? error->message : error->name;
    return Error{
        .code = number == ETIMEDOUT ? Errc::timeout : Errc::service_unavailable,
        .message = what + ": " + (message != nullptr ? message : "no reason given"),
        .sys_errno = 0,
        .transient = true};
}

BusMessage new_call(sd_bus* bus, const char* member) {
    sd_bus_message* message = nullptr;
    const int result =
        sd_bus_message_new_method_call(bus, &message, kService, kObject, kManager, member);
    return BusMessage(result < 0 ? nullptr : message);
}

Status job_status(std::string_view unit, std::string_view result) {
    if (result == "done")
        return {};
    return fail(
        Errc::service_unavailable,
        "the job of " + std::string(unit) + " ended as " + std::string(result));
}

Result<std::vector<sandbox::ListEntry>> read_units(sd_bus_message* reply) {
    std::vector<sandbox::ListEntry> entries;
    int result = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
    while (result >= 0) {
        const char* name = nullptr;
        const char* description = nullptr;
        result = sd_bus_message_enter_container(reply, 'r', "ssssssouso");
        if (result <= 0)
            break;
        result = sd_bus_message_read(reply, "ss", &name, &description);
        if (result < 0)
            break;
        if (const std::optional<sandbox::Attempt> attempt = parse_scope_name(name))
            entries.push_back({*attempt, parse_scope_description(description)});
        result = sd_bus_message_skip(reply, "ssssouso");
        if (result >= 0)
            result = sd_bus_message_exit_container(reply);
    }
    if (result < 0)
        return fail_errno("reading the list of scopes", -result);
    std::sort(
        entries.begin(),
        entries.end(),
        [](const sandbox::ListEntry& left, const sandbox::ListEntry& right) {
            return left.attempt < right.attempt;
        });
    return entries;
}

} // namespace

int parse_manager_version(std::string_view version) {
    const std::size_t end = version.find_first_not_of("0123456789");
    return parse_number<int>(version.substr(0, end)).value_or(0);
}

std::string scope_description(const sandbox::Attempt& attempt, const sandbox::JournalId& journal) {
    return "Kheish " + attempt.run.to_string() + ", attempt " + std::to_string(attempt.number) +
           std::string(kJournalMark) + to_hex(std::as_bytes(std::span(journal)));
}

sandbox::JournalId parse_scope_description(std::string_view description) {
    sandbox::JournalId journal{};
    const std::size_t mark = description.find(kJournalMark);
    if (mark == std::string_view::npos)
        return journal;
    const std::string_view digits = description.substr(mark + kJournalMark.size());
    if (digits.size() != journal.size() * 2)
        return {};
    for (std::size_t i = 0; i < journal.size(); ++i) {
        const char* const first = digits.data() + 2 * i;
        const std::from_chars_result parsed = std::from_chars(first, first + 2, journal[i], 16);
        if (parsed.ec != std::errc() || parsed.ptr != first + 2)
            return {};
    }
    return journal;
}

Result<std::unique_ptr<UnitManager>> UnitManager::connect(sd_event* event) {
    sd_bus* bus = nullptr;
    const int opened = sd_bus_open_system(&bus);
    if (opened < 0)
        return fail_errno("connecting to the system bus", -opened, Errc::service_unavailable);
    std::unique_ptr<UnitManager> manager(new UnitManager(BusHandle(bus)));
    KHEISH_CHECK(manager->initialize(event));
    return manager;
}

Status UnitManager::initialize(sd_event* event) {
    BusError error;
    char* version = nullptr;
    int result = sd_bus_get_property_string(
        bus_.get(), kService, kObject, kManager, "Version", error.get(), &version);
    if (result < 0)
        return fail(bus_error("asking for the manager's version", error.get()));
    const CString owned(version);
    version_ = parse_manager_version(owned.get());
    sd_bus_slot* slot = nullptr;
    result = sd_bus_match_signal(
        bus_.get(), &slot, kService, kObject, kManager, "JobRemoved", on_job_removed, this);
    job_removed_.reset(slot);
    if (result >= 0)
        result = sd_bus_set_exit_on_disconnect(bus_.get(), 1);
    if (result >= 0)
        result = sd_bus_attach_event(bus_.get(), event, SD_EVENT_PRIORITY_NORMAL);
    if (result < 0)
        return fail_errno("watching the service manager", -result);
    return {};
}

void UnitManager::send(BusMessage message, ReplyHandler handler) {
    const std::uint64_t id = next_call_++;
    Call& call = calls_[id];
    call.manager = this;
    call.id = id;
    call.handler = std::move(handler);
    sd_bus_slot* slot = nullptr;
    const int result =
        sd_bus_call_async(bus_.get(), &slot, message.get(), on_reply, &call, kCallTimeoutUs);
    call.slot.reset(slot);
    if (result >= 0)
        return;
    ReplyHandler failed = std::move(call.handler);
    calls_.erase(id);
    BusError error;
    sd_bus_error_set_errno(error.get(), result);
    failed(nullptr, error.get());
}

int UnitManager::on_reply(sd_bus_message* reply, void* data, sd_bus_error*) noexcept {
    Call* const call = static_cast<Call*>(data);
    UnitManager& manager = *call->manager;
    // Out of the table before the handler runs, which may make calls of its own.
    Call taken = std::move(*call);
    manager.calls_.erase(taken.id);
    taken.handler(reply, sd_bus_message_get_error(reply));
    return 0;
}

int UnitManager::on_job_removed(sd_bus_message* signal, void* self, sd_bus_error*) noexcept {
    UnitManager& manager = *static_cast<UnitManager*>(self);
    std::uint32_t id = 0;
    const char* job = nullptr;
    const char* unit = nullptr;
    const char* result = nullptr;
    if (sd_bus_message_read(signal, "uoss", &id, &job, &unit, &result) < 0)
        return 0;
    const std::map<std::string, Done>::iterator found = manager.jobs_.find(job);
    if (found == manager.jobs_.end())
        return 0;
    Done done = std::move(found->second);
    manager.jobs_.erase(found);
    done(job_status(unit, result));
    return 0;
}

void UnitManager::wait_for_job(sd_bus_message* reply, Done done) {
    const char* job = nullptr;
    const int result = sd_bus_message_read(reply, "o", &job);
    if (result < 0)
        return done(fail_errno("reading the manager's job", -result));
    jobs_.insert_or_assign(job, std::move(done));
}

void UnitManager::start_slice(const SliceSpec& spec, Done done) {
    BusMessage message = new_call(bus_.get(), "StartTransientUnit");
    const Status built = append_slice(message.get(), spec);
    if (!built)
        return done(built);
    ReplyHandler handler = [this, spec, done = std::move(done)](
                               sd_bus_message* reply, const sd_bus_error* error) mutable {
        if (error == nullptr)
            return wait_for_job(reply, std::move(done));
        // A former attempt's slice: it keeps adding up.
        if (sd_bus_error_has_name(error, "org.freedesktop.systemd1.UnitExists") != 0)
            return set_limits(spec, std::move(done));
        done(fail(bus_error("making " + run_slice_name(spec.run), error)));
    };
    send(std::move(message), std::move(handler));
}

void UnitManager::set_limits(const SliceSpec& spec, Done done) {
    BusMessage message = new_call(bus_.get(), "SetUnitProperties");
    const Status built = append_slice_change(message.get(), spec);
    if (!built)
        return done(built);
    ReplyHandler handler = [run = spec.run, done = std::move(done)](
                               sd_bus_message*, const sd_bus_error* error) mutable {
        if (error != nullptr)
            return done(fail(bus_error("setting the limits of " + run_slice_name(run), error)));
        done({});
    };
    send(std::move(message), std::move(handler));
}

void UnitManager::start_scope(const ScopeSpec& spec, Done done) {
    BusMessage message = new_call(bus_.get(), "StartTransientUnit");
    const Status built = append_scope(message.get(), spec, version_);
    if (!built)
        return done(built);
    ReplyHandler handler =
        [this,
         name = run_scope_name(spec.attempt.run, spec.attempt.number),
         done = std::move(done)](sd_bus_message* reply, const sd_bus_error* error) mutable {
            if (error != nullptr)
                return done(fail(bus_error("making " + name, error)));
            wait_for_job(reply, std::move(done));
        };
    send(std::move(message), std::move(handler));
}

void UnitManager::stop_unit(const std::string& name, Done done) {
    BusMessage message = new_call(bus_.get(), "StopUnit");
    const int result = sd_bus_message_append(message.get(), "ss", name.c_str(), "replace");
    if (result < 0)
        return done(fail_errno("asking to stop " + name, -result));
    ReplyHandler handler = [this, name, done = std::move(done)](
                               sd_bus_message* reply, const sd_bus_error* error) mutable {
        if (error == nullptr)
            return wait_for_job(reply, std::move(done));
        if (sd_bus_error_has_name(error, "org.freedesktop.systemd1.NoSuchUnit") != 0)
            return done({});
        done(fail(bus_error("stopping " + name, error)));
    };
    send(std::move(message), std::move(handler));
}

void UnitManager::list_scopes(Listed done) {
    BusMessage message = new_call(bus_.get(), "ListUnitsByPatterns");
    const int result = sd_bus_message_append(
        message.get(), "asas", 3, "active", "activating", "deactivating", 1, "kheish-run-*.scope");
    if (result < 0)
        return done(fail_errno("asking for the list of scopes", -result));
    ReplyHandler handler =
        [done = std::move(done)](sd_bus_message* reply, const sd_bus_error* error) mutable {
            if (error != nullptr)
                return done(fail(bus_error("listing scopes", error)));
            done(read_units(reply));
        };
    send(std::move(message), std::move(handler));
}

} // namespace kheish::launcher
