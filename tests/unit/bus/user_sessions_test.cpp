#include "direct_bus.hpp"

#include "bus/user_sessions.hpp"

#include <map>
#include <optional>
#include <string>

namespace kheish::bus {
namespace {

constexpr const char* kUserPath = "/org/freedesktop/login1/user/_1001";
constexpr const char* kSessionPath = "/org/freedesktop/login1/session/c1";

/// logind and the service manager, for one user with at most one session.
struct FakeHost {
    std::string display = "c1"; ///< empty: the user has none
    bool active = true;
    bool locked = false;
    bool remote = false;
    std::string kind = "user";
    std::string seat = "seat0";
    std::uint32_t manager = 70;
    bool is_broken = false;

    static int on_any(sd_bus_message* call, void* data, sd_bus_error* error) noexcept {
        const FakeHost& host = *static_cast<FakeHost*>(data);
        const auto asks = [call](const char* interface, const char* member) {
            return sd_bus_message_is_method_call(call, interface, member) > 0;
        };
        if (asks("org.freedesktop.login1.Manager", "GetUser"))
            return host.give_user(call, error);
        if (asks("org.freedesktop.DBus.Properties", "GetAll"))
            return host.give_session(call, error);
        if (asks("org.freedesktop.DBus.Properties", "Get"))
            return host.give_property(call);
        return 0;
    }

    int give_user(sd_bus_message* call, sd_bus_error* error) const {
        std::uint32_t uid = 0;
        KHEISH_ASSERT(sd_bus_message_read(call, "u", &uid) > 0);
        if (is_broken || uid != 1001)
            return sd_bus_error_set(error, "org.freedesktop.login1.NoSuchUser", "not here");
        return sd_bus_reply_method_return(call, "o", kUserPath);
    }

    int give_session(sd_bus_message* call, sd_bus_error* error) const {
        if (std::string(sd_bus_message_get_path(call)) != kSessionPath)
            return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_OBJECT, "gone");
        return sd_bus_reply_method_return(
            call,
            "a{sv}",
            6,
            "Seat",
            "(so)",
            seat.c_str(),
            "/",
            "Id",
            "s",
            display.c_str(),
            "Active",
            "b",
            active ? 1 : 0,
            "LockedHint",
            "b",
            locked ? 1 : 0,
            "Remote",
            "b",
            remote ? 1 : 0,
            "Class",
            "s",
            kind.c_str());
    }

    int give_property(sd_bus_message* call) const {
        const char* interface = nullptr;
        const char* name = nullptr;
        KHEISH_ASSERT(sd_bus_message_read(call, "ss", &interface, &name) > 0);
        if (std::string(name) == "MainPID") {
            EXPECT_STREQ(
                sd_bus_message_get_path(call),
                "/org/freedesktop/systemd1/unit/user_401001_2eservice");
            return sd_bus_reply_method_return(call, "v", "u", manager);
        }
        return sd_bus_reply_method_return(
            call, "v", "(so)", display.c_str(), display.empty() ? "/" : kSessionPath);
    }
};

class UserSessionsTest : public loop::LoopTest {
  protected:
    void SetUp() override {
        ASSERT_GE(sd_bus_add_filter(bus_.server.get(), nullptr, FakeHost::on_any, &host_), 0);
        sessions_.emplace(bus_.client.get());
    }
    UserSessions::Found found(uid_t uid = 1001) {
        std::optional<UserSessions::Found> answer;
        sessions_->find(
            uid, Responder<UserSessions::Found>([&answer](Result<UserSessions::Found> result) {
                answer = *result;
            }));
        EXPECT_TRUE(turn_until([&answer] { return answer.has_value(); }));
        return answer.value_or(UserSessions::Found());
    }

    DirectBus bus_{loop()};
    FakeHost host_;
    std::optional<LogindSessions> sessions_;
};

const UserSession kHere{.id = "c1", .process = 70};

TEST_F(UserSessionsTest, IsWhereTheUserSitsAndLooks) {
    EXPECT_EQ(found(), kHere);
    EXPECT_EQ(found(1002), std::nullopt);
    host_.locked = true;
    EXPECT_EQ(found(), std::nullopt);
    host_ = {.active = false};
    EXPECT_EQ(found(), std::nullopt);
    host_ = {.remote = true};
    EXPECT_EQ(found(), std::nullopt);
    host_ = {.kind = "greeter"};
    EXPECT_EQ(found(), std::nullopt);
    host_ = {.seat = ""};
    EXPECT_EQ(found(), std::nullopt);
    host_ = {.display = ""};
    EXPECT_EQ(found(), std::nullopt);
    host_ = {.manager = 0};
    EXPECT_EQ(found(), std::nullopt);
}

TEST_F(UserSessionsTest, WithoutLogindNobodySitsAnywhere) {
    host_.is_broken = true;
    EXPECT_EQ(found(), std::nullopt);
}

TEST_F(UserSessionsTest, AQuestionMayOutliveWhoAsked) {
    sessions_->find(
        1001, Responder<UserSessions::Found>([](const auto&) { ADD_FAILURE() << "answered"; }));
    sessions_.reset();
    sessions_.emplace(bus_.client.get());
    EXPECT_EQ(found(), kHere);
}

TEST_F(UserSessionsTest, ChangesAreTold) {
    int told = 0;
    sessions_->set_listener([&told] { ++told; });
    sd_bus_message* raw = nullptr;
    ASSERT_GE(
        sd_bus_message_new_signal(
            bus_.server.get(),
            &raw,
            kSessionPath,
            "org.freedesktop.DBus.Properties",
            "PropertiesChanged"),
        0);
    const BusMessage message(raw);
    ASSERT_GE(sd_bus_message_set_sender(raw, "org.freedesktop.login1"), 0);
    ASSERT_GE(sd_bus_message_append(raw, "sa{sv}as", "org.freedesktop.login1.Session", 0, 0), 0);
    ASSERT_GE(sd_bus_send(bus_.server.get(), raw, nullptr), 0);
    EXPECT_TRUE(turn_until([&told] { return told == 1; }));
}

} // namespace
} // namespace kheish::bus
