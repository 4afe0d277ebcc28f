#include "bus_client.hpp"

#include "base/text.hpp"
#include "dictionary_writer.hpp"
#include "tty_agent.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

namespace kheish::ctl {

namespace {

constexpr const char* kBusName = "ai.kheish.Daemon1";
constexpr std::string_view kRootPath = "/ai/kheish/Daemon1";
constexpr std::chrono::seconds kCallTimeout{60};
/// Somebody types a password.
constexpr std::chrono::minutes kPromptTimeout{11};
/// How long, and how often, a kheishd that is leaving, or was killed, is asked again.
constexpr std::chrono::seconds kRestartPatience{30};
constexpr std::chrono::milliseconds kRestartRetry{100};
constexpr std::size_t kViewLimitBytes = std::size_t{64} << 20;

struct BusErrorRow {
    std::string_view name;
    Errc code;
    std::string_view message; ///< empty: the bus's own
    bool transient = false;   ///< kheishd was there, and will be again
};

/// What the bus says by itself. The first row whose name is a prefix.
constexpr std::array kBusErrors{
    BusErrorRow{
        "org.freedesktop.DBus.Error.ServiceUnknown",
        Errc::daemon_unreachable,
        "kheishd is not running; try `systemctl start kheish`"},
    BusErrorRow{
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        Errc::daemon_unreachable,
        "kheishd is not running; try `systemctl start kheish`"},
    BusErrorRow{
        "org.freedesktop.DBus.Error.NoReply",
        Errc::daemon_unreachable,
        "kheishd went away before it answered",
        true},
    BusErrorRow{
        "org.freedesktop.DBus.Error.Disconnected",
        Errc::daemon_unreachable,
        "the connection to the bus is lost"},
    BusErrorRow{"org.freedesktop.DBus.Error.NoServer", Errc::daemon_unreachable, ""},
    BusErrorRow{"org.freedesktop.DBus.Error.Spawn.", Errc::daemon_unreachable, ""},
    BusErrorRow{"org.freedesktop.systemd1.", Errc::daemon_unreachable, ""},
    BusErrorRow{"org.freedesktop.DBus.Error.Timeout", Errc::timeout, ""},
    BusErrorRow{"org.freedesktop.DBus.Error.TimedOut", Errc::timeout, ""},
    BusErrorRow{"org.freedesktop.DBus.Error.AccessDenied", Errc::forbidden, ""},
    BusErrorRow{"org.freedesktop.DBus.Error.LimitsExceeded", Errc::rate_limited, ""},
    BusErrorRow{"org.freedesktop.DBus.Error.UnknownObject", Errc::not_found, ""},
    BusErrorRow{"org.freedesktop.DBus.Error.InvalidArgs", Errc::schema_mismatch, ""},
    BusErrorRow{"org.freedesktop.DBus.Error.Unknown", Errc::schema_mismatch, ""},
};

Error error_of(const BusError& error, int result) {
    const std::string_view name = error.name();
    if (const std::optional<Errc> code = error_from_dbus_name(name))
        return {.code = *code, .message = error.message()};
    for (const BusErrorRow& row : kBusErrors)
        if (name.starts_with(row.name))
            return {
                .code = row.code,
                .message = row.message.empty() ? error.message() : std::string(row.message),
                .transient = row.transient};
    if (name.starts_with(kDbusErrorPrefix))
        return {
            .code = Errc::schema_mismatch,
            .message = "kheishd answers with an error of another version: " + std::string(name)};
    if (result == -ETIMEDOUT)
        return {.code = Errc::timeout, .message = "kheishd does not answer"};
    if (result == -ENOTCONN || result == -ECONNRESET || result == -ECONNREFUSED)
        return system_error("the connection to the bus is lost", -result, Errc::daemon_unreachable);
    return system_error("the call failed", -result);
}

/// Nobody can change what is in it any more.
Result<Fd> sealed_file(const Secret& secret) {
    Fd file(::memfd_create("secret", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    const std::string_view bytes = secret.reveal();
    const bool made = file && ::write(file.get(), bytes.data(), bytes.size()) ==
                                  static_cast<ssize_t>(bytes.size());
    constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    if (!made || ::fcntl(file.get(), F_ADD_SEALS, kSeals) < 0)
        return fail_errno("making a memory file", errno);
    return file;
}

Result<std::string> encode(const std::string& kind, const std::string& name) {
    char* path = nullptr;
    const int encoded =
        sd_bus_path_encode((std::string(kRootPath) + "/" + kind).c_str(), name.c_str(), &path);
    if (encoded < 0)
        return fail_errno("encoding an object path", -encoded);
    const Handle<char, ::free> owned(path);
    return std::string(owned.get());
}

} // namespace

bool is_read(std::string_view member) {
    for (const std::string_view prefix :
         {"Describe", "List", "Follow", "Events", "ExternalActions"})
        if (member.starts_with(prefix))
            return true;
    return false;
}

Result<BusClient> BusClient::connect(const Settings& settings) {
    sd_bus* bus = nullptr;
    const int opened = settings.host.empty()
                           ? sd_bus_open_system(&bus)
                           : sd_bus_open_system_remote(&bus, settings.host.c_str());
    if (opened < 0)
        return fail_errno(
            settings.host.empty() ? "connecting to the system bus"
                                  : "connecting to the system bus of " + settings.host,
            -opened,
            Errc::daemon_unreachable);
    return BusClient(BusHandle(bus), settings);
}

Result<BusMessage> BusClient::call_once(const Call& call, bool interactive) {
    sd_bus_message* raw = nullptr;
    int result = sd_bus_message_new_method_call(
        bus_.get(), &raw, kBusName, call.path.c_str(), call.interface, call.member);
    const BusMessage message(raw);
    if (result >= 0 && call.content)
        result = sd_bus_message_append(raw, "s", call.content->c_str());
    if (result < 0)
        return fail_errno("making a D-Bus message", -result, Errc::bad_request);
    if (call.options)
        KHEISH_CHECK(append_dictionary(raw, *call.options));
    if (call.secret) {
        KHEISH_TRY(const Fd file, sealed_file(*call.secret));
        // The message keeps a descriptor of its own.
        if (const int appended = sd_bus_message_append(raw, "h", file.get()); appended < 0)
            return fail_errno("making a D-Bus message", -appended);
    }
    if (interactive)
        (void)sd_bus_message_set_allow_interactive_authorization(raw, 1); // raw is unsealed
    const std::chrono::microseconds timeout = interactive
                                                  ? std::chrono::microseconds(kPromptTimeout)
                                                  : std::chrono::microseconds(kCallTimeout);
    BusError error;
    sd_bus_message* reply = nullptr;
    result = sd_bus_call(
        bus_.get(), raw, static_cast<std::uint64_t>(timeout.count()), error.get(), &reply);
    if (result < 0)
        return fail(error_of(error, result));
    return BusMessage(reply);
}

/// A kheishd that is leaving has changed nothing; the bus starts the next one.
Result<BusMessage> BusClient::call_through_restart(const Call& call, bool interactive) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point limit = Clock::now() + kRestartPatience;
    bool has_died = false;
    for (;;) {
        Result<BusMessage> reply = call_once(call, interactive);
        if (reply || Clock::now() >= limit)
            return reply;
        const Error& error = reply.error();
        // What a call that changes something has done before kheishd died, nobody knows.
        has_died = has_died || (error.transient && is_read(call.member));
        const bool comes_back = has_died && error.code == Errc::daemon_unreachable;
        if (error.code != Errc::daemon_draining && !comes_back)
            return reply;
        (void)poll(nullptr, 0, static_cast<int>(kRestartRetry.count())); // or a shorter wait
    }
}

Result<BusMessage> BusClient::call(const Call& call) {
    Result<BusMessage> reply = call_through_restart(call, false);
    const bool needs_password = !reply && reply.error().code == Errc::unauthorized;
    if (!needs_password || !settings_.ask_password)
        return reply;
    // kheishd has changed nothing yet.
    const TtyAgent agent = TtyAgent::start_if_useful(settings_.host.empty());
    return call_through_restart(call, true);
}

Result<std::string> BusClient::call_text(const Call& call, char type) {
    KHEISH_TRY(const BusMessage reply, this->call(call));
    const char* text = nullptr;
    if (sd_bus_message_read_basic(reply.get(), type, static_cast<void*>(&text)) <= 0)
        return fail(
            Errc::schema_mismatch, std::string(call.member) + " answers in an unknown form");
    return std::string(text);
}

Result<codec::Json> BusClient::call_json(const Call& call) {
    KHEISH_TRY(const std::string text, call_text(call, 's'));
    Result<codec::Json> view = codec::parse_json(text, {.bytes = kViewLimitBytes});
    if (!view)
        return fail(
            Errc::schema_mismatch,
            std::string(call.member) + " answers no JSON: " + view.error().message);
    return view;
}

Result<Fd> BusClient::call_fd(const Call& call) {
    KHEISH_TRY(const BusMessage reply, this->call(call));
    int fd = -1;
    if (sd_bus_message_read(reply.get(), "h", &fd) <= 0)
        return fail(
            Errc::schema_mismatch, std::string(call.member) + " answers in an unknown form");
    // The message closes its own.
    Fd copy(fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!copy)
        return fail_errno("keeping a descriptor", errno);
    return copy;
}

std::string manager_path() {
    return std::string(kRootPath);
}

Result<std::string> session_path(const std::string& session) {
    KHEISH_TRY(const SessionId id, parse_session_id(session));
    return encode("session", id.value);
}

Result<std::string> run_path(const std::string& run) {
    const std::optional<RunId> id = RunId::parse(run);
    if (!id)
        return fail(
            Errc::bad_request,
            "\"" + escape_for_display(run) + "\" is no run id; they look like run-17");
    return std::string(kRootPath) + "/run/" + std::to_string(id->number);
}

Result<std::string> approval_path(const std::string& approval) {
    if (approval.empty())
        return fail(Errc::bad_request, "an approval id must not be empty");
    return encode("approval", approval);
}

Result<std::string> question_path(const std::string& question) {
    if (question.empty())
        return fail(Errc::bad_request, "a question id must not be empty");
    return encode("question", question);
}

} // namespace kheish::ctl
