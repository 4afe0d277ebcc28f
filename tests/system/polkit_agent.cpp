// A polkit agent of a session, as a desktop has one, without a desktop: it registers for
// $XDG_SESSION_ID, says what it is asked in lines on standard output, and does one thing about it:
//
//     polkit-agent type PASSWORD    authenticates as the first identity that may
//     polkit-agent dismiss          as a person who closes the window
//     polkit-agent hold             as a person who looks at it and waits

#include "base/fd.hpp"
#include "base/handle.hpp"

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <pwd.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

namespace {

constexpr const char* kAuthority = "org.freedesktop.PolicyKit1";
constexpr const char* kAuthorityPath = "/org/freedesktop/PolicyKit1/Authority";
constexpr const char* kAgentPath = "/ai/kheish/TestAgent";

struct Agent {
    std::string what;
    std::string password;
    kheish::BusMessage held;
};

void say(const std::string& line) {
    std::printf("%s\n", line.c_str());
    (void)std::fflush(stdout);
}

/// What polkit's own helper makes of the password: it tells polkitd itself.
bool authenticate(const std::string& user, const std::string& cookie, const std::string& password) {
    int to_helper[2] = {};
    int from_helper[2] = {};
    if (::pipe(to_helper) != 0 || ::pipe(from_helper) != 0)
        return false;
    const pid_t child = ::fork();
    if (child == 0) {
        (void)::dup2(to_helper[0], STDIN_FILENO);
        (void)::dup2(from_helper[1], STDOUT_FILENO);
        (void)::execl(
            "/usr/lib/polkit-1/polkit-agent-helper-1",
            "polkit-agent-helper-1",
            user.c_str(),
            nullptr);
        ::_exit(127);
    }
    const std::string input = cookie + "\n" + password + "\n";
    (void)!::write(to_helper[1], input.data(), input.size());
    kheish::Fd(from_helper[1]).reset(); // its end is seen once the helper has gone
    std::string output;
    char buffer[256];
    for (ssize_t n = 0; (n = ::read(from_helper[0], buffer, sizeof buffer)) > 0;)
        output.append(buffer, static_cast<std::size_t>(n));
    int status = 0;
    (void)::waitpid(child, &status, 0);
    return output.find("SUCCESS") != std::string::npos;
}

void say_details(sd_bus_message* call) {
    if (sd_bus_message_enter_container(call, 'a', "{ss}") < 0)
        return;
    const char* key = nullptr;
    const char* value = nullptr;
    while (sd_bus_message_read(call, "{ss}", &key, &value) > 0)
        say(std::string("detail ") + key + "=" + value);
    (void)sd_bus_message_exit_container(call);
}

/// The names of the users who may authenticate.
std::vector<std::string> identities_of(sd_bus_message* call) {
    std::vector<std::string> names;
    if (sd_bus_message_enter_container(call, 'a', "(sa{sv})") < 0)
        return names;
    const char* kind = nullptr;
    const char* key = nullptr;
    std::uint32_t uid = 0;
    while (sd_bus_message_enter_container(call, 'r', "sa{sv}") > 0) {
        if (sd_bus_message_read(call, "sa{sv}", &kind, 1, &key, "u", &uid) > 0)
            if (const passwd* entry = ::getpwuid(uid))
                names.emplace_back(entry->pw_name);
        if (sd_bus_message_exit_container(call) < 0)
            break;
    }
    return names;
}

int on_begin(sd_bus_message* call, void* data, sd_bus_error* error) {
    Agent& agent = *static_cast<Agent*>(data);
    const char* text[3] = {};
    const char* cookie = nullptr;
    if (sd_bus_message_read(call, "sss", &text[0], &text[1], &text[2]) < 0)
        return -EBADMSG;
    say(std::string("asked ") + text[0]);
    say(std::string("message ") + text[1]);
    say_details(call);
    if (sd_bus_message_read(call, "s", &cookie) < 0)
        return -EBADMSG;
    const std::vector<std::string> names = identities_of(call);
    say("identity " + (names.empty() ? "nobody" : names.front()));
    if (agent.what == "dismiss")
        return sd_bus_error_set(
            error, "org.freedesktop.PolicyKit1.Error.Cancelled", "the window was closed");
    if (agent.what == "hold") {
        agent.held.reset(sd_bus_message_ref(call));
        return 1;
    }
    const bool done = !names.empty() && authenticate(names.front(), cookie, agent.password);
    say(done ? "authenticated" : "refused");
    return sd_bus_reply_method_return(call, "");
}

int on_cancel(sd_bus_message* call, void* data, sd_bus_error*) {
    Agent& agent = *static_cast<Agent*>(data);
    say("cancelled");
    if (agent.held) {
        (void)sd_bus_reply_method_errorf(
            agent.held.get(), "org.freedesktop.PolicyKit1.Error.Cancelled", "cancelled");
        agent.held.reset();
    }
    return sd_bus_reply_method_return(call, "");
}

constexpr sd_bus_vtable kVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD(
        "BeginAuthentication", "sssa{ss}sa(sa{sv})", "", on_begin, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("CancelAuthentication", "s", "", on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

int serve(Agent& agent, const char* session) {
    sd_bus* bus = nullptr;
    if (sd_bus_open_system(&bus) < 0)
        return EXIT_FAILURE;
    sd_bus_error error{};
    if (sd_bus_add_object_vtable(
            bus,
            nullptr,
            kAgentPath,
            "org.freedesktop.PolicyKit1.AuthenticationAgent",
            kVtable,
            &agent) < 0 ||
        sd_bus_call_method(
            bus,
            kAuthority,
            kAuthorityPath,
            "org.freedesktop.PolicyKit1.Authority",
            "RegisterAuthenticationAgent",
            &error,
            nullptr,
            "(sa{sv})ss",
            "unix-session",
            1,
            "session-id",
            "s",
            session,
            "C",
            kAgentPath) < 0) {
        say(std::string("not registered: ") + (error.message != nullptr ? error.message : "?"));
        return EXIT_FAILURE;
    }
    say(std::string("ready ") + session);
    for (;;) {
        const int processed = sd_bus_process(bus, nullptr);
        if (processed < 0 || (processed == 0 && sd_bus_wait(bus, UINT64_MAX) < 0))
            return EXIT_FAILURE;
    }
}

} // namespace

int main(int argc, char** argv) {
    const char* session = std::getenv("XDG_SESSION_ID");
    if (argc < 2 || session == nullptr) {
        std::fprintf(stderr, "usage: polkit-agent type PASSWORD | dismiss | hold, in a session\n");
        return 2;
    }
    Agent agent{argv[1], argc > 2 ? argv[2] : "", {}};
    return serve(agent, session);
}
