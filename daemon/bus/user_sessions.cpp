#include "bus/user_sessions.hpp"

#include "base/log.hpp"

#include <cstdlib>
#include <cstring>
#include <utility>

namespace kheish::bus {

namespace {

constexpr const char* kLogin = "org.freedesktop.login1";
constexpr const char* kLoginPath = "/org/freedesktop/login1";
constexpr const char* kManager = "org.freedesktop.login1.Manager";
constexpr const char* kSession = "org.freedesktop.login1.Session";
constexpr const char* kProperties = "org.freedesktop.DBus.Properties";

/// What is to be known of a session, of its properties.
struct Seat {
    bool active = false;
    bool locked = true; ///< where it does not say
    bool remote = true;
    bool is_users = false;
    bool has_seat = false; ///< without one polkit takes it for a remote one

    bool may_ask() const { return active && !locked && !remote && is_users && has_seat; }
};

bool read_boolean(sd_bus_message* message) {
    int value = 0;
    return sd_bus_message_read(message, "v", "b", &value) > 0 && value != 0;
}

std::string read_text(sd_bus_message* message) {
    const char* value = nullptr;
    return sd_bus_message_read(message, "v", "s", &value) > 0 ? value : "";
}

bool read_seat_name(sd_bus_message* message) {
    const char* name = nullptr;
    const char* path = nullptr;
    return sd_bus_message_read(message, "v", "(so)", &name, &path) > 0 && *name != '\0';
}

void read_property(sd_bus_message* message, std::string_view name, Seat& seat) {
    if (name == "Active") {
        seat.active = read_boolean(message);
    } else if (name == "LockedHint") {
        seat.locked = read_boolean(message);
    } else if (name == "Remote") {
        seat.remote = read_boolean(message);
    } else if (name == "Class") {
        seat.is_users = read_text(message) == "user";
    } else if (name == "Seat") {
        seat.has_seat = read_seat_name(message);
    } else {
        (void)sd_bus_message_skip(message, "v");
    }
}

Seat read_seat(sd_bus_message* reply) {
    Seat seat;
    if (sd_bus_message_enter_container(reply, 'a', "{sv}") <= 0)
        return {};
    while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
        const char* name = nullptr;
        if (sd_bus_message_read(reply, "s", &name) <= 0)
            return {};
        read_property(reply, name, seat);
        if (sd_bus_message_exit_container(reply) < 0)
            return {};
    }
    return seat;
}

} // namespace

/// One question, in four steps: the user, the user's display, how that session is, the process.
class LogindSessions::Search {
  public:
    Search(LogindSessions& owner, uid_t uid, Responder<Found> responder)
        : owner_(owner), uid_(uid), responder_(std::move(responder)) {}
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;
    ~Search() { responder_.dismiss(); }

    void begin() { ask(kLogin, kLoginPath, kManager, "GetUser", &Search::on_user, "u", uid_); }

  private:
    using Step = void (Search::*)(sd_bus_message* reply);

    template <class... Arguments>
    void
    ask(const char* service,
        const char* path,
        const char* interface,
        const char* member,
        Step step,
        const char* types,
        Arguments... arguments) {
        step_ = step;
        sd_bus_slot* slot = nullptr;
        const int asked = sd_bus_call_method_async(
            owner_.bus_,
            &slot,
            service,
            path,
            interface,
            member,
            on_reply,
            this,
            types,
            arguments...);
        slot_.reset(slot);
        if (asked < 0)
            answer({});
    }

    static int on_reply(sd_bus_message* reply, void* data, sd_bus_error*) noexcept {
        Search& search = *static_cast<Search*>(data);
        search.slot_.reset();
        if (sd_bus_message_is_method_error(reply, nullptr) > 0)
            search.answer({}); // nobody of that name is here, or no logind
        else
            (search.*search.step_)(reply);
        return 0;
    }

    void on_user(sd_bus_message* reply) {
        const char* path = nullptr;
        if (sd_bus_message_read(reply, "o", &path) <= 0)
            return answer({});
        ask(kLogin,
            path,
            kProperties,
            "Get",
            &Search::on_display,
            "ss",
            "org.freedesktop.login1.User",
            "Display");
    }

    void on_display(sd_bus_message* reply) {
        const char* id = nullptr;
        const char* path = nullptr;
        if (sd_bus_message_read(reply, "v", "(so)", &id, &path) <= 0 || *id == '\0')
            return answer({});
        session_.id = id;
        ask(kLogin, path, kProperties, "GetAll", &Search::on_session, "s", kSession);
    }

    void on_session(sd_bus_message* reply) {
        if (!read_seat(reply).may_ask())
            return answer({});
        char* path = nullptr;
        const std::string unit = "user@" + std::to_string(uid_) + ".service";
        if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path) < 0)
            return answer({});
        const std::unique_ptr<char, decltype(&std::free)> owned(path, &std::free);
        ask("org.freedesktop.systemd1",
            path,
            kProperties,
            "Get",
            &Search::on_manager,
            "ss",
            "org.freedesktop.systemd1.Service",
            "MainPID");
    }

    void on_manager(sd_bus_message* reply) {
        std::uint32_t pid = 0;
        if (sd_bus_message_read(reply, "v", "u", &pid) <= 0 || pid == 0)
            return answer({});
        session_.process = static_cast<pid_t>(pid);
        answer(std::move(session_));
    }

    /// The end of this.
    void answer(Found found) {
        Responder<Found> responder = std::move(responder_);
        owner_.searches_.erase(this);
        responder.answer(std::move(found));
    }

    LogindSessions& owner_;
    uid_t uid_;
    Responder<Found> responder_;
    Step step_ = nullptr;
    UserSession session_;
    BusSlot slot_;
};

LogindSessions::LogindSessions(sd_bus* bus) : bus_(bus) {
    match(kLoginPath, kManager, "SessionNew");
    match(kLoginPath, kManager, "SessionRemoved");
    match(nullptr, "org.freedesktop.DBus.Properties", "PropertiesChanged");
}

LogindSessions::~LogindSessions() = default;

void LogindSessions::match(const char* path, const char* interface, const char* member) {
    sd_bus_slot* slot = nullptr;
    const int matched = sd_bus_match_signal_async(
        bus_, &slot, kLogin, path, interface, member, on_signal, nullptr, this);
    if (matched < 0)
        log(Level::warning,
            "kheishd will not hear of users' sessions",
            {{log_field::kError, system_error(member, -matched).to_string()}});
    matches_.emplace_back(slot);
}

int LogindSessions::on_signal(sd_bus_message* message, void* data, sd_bus_error*) noexcept {
    LogindSessions& self = *static_cast<LogindSessions*>(data);
    const char* const path = sd_bus_message_get_path(message);
    const bool is_of_session =
        path != nullptr && std::strncmp(path, kLoginPath, std::strlen(kLoginPath)) == 0;
    if (is_of_session && self.listener_)
        self.listener_();
    return 0;
}

void LogindSessions::find(uid_t uid, Responder<Found> responder) {
    auto search = std::make_unique<Search>(*this, uid, std::move(responder));
    Search* const raw = search.get();
    searches_.emplace(raw, std::move(search));
    raw->begin();
}

} // namespace kheish::bus
