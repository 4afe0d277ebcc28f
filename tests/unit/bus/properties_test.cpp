#include "bus_fixture.hpp"

#include "base/log.hpp"

#include <map>

namespace kheish::bus {
namespace {

constexpr const char* kProperties = "org.freedesktop.DBus.Properties";
constexpr const char* kIntrospectable = "org.freedesktop.DBus.Introspectable";
constexpr const char* kObjectManager = "org.freedesktop.DBus.ObjectManager";

struct Signal {
    std::string member;
    std::string path;
    std::string object; ///< of InterfacesAdded and InterfacesRemoved
    std::map<std::string, std::string> changed;
    std::vector<std::string> invalidated;
};

/// Reads a{sv} of strings, lists of strings and counts as text.
std::map<std::string, std::string> read_values(sd_bus_message* message) {
    std::map<std::string, std::string> values;
    KHEISH_ASSERT(sd_bus_message_enter_container(message, 'a', "{sv}") >= 0);
    while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
        const char* name = nullptr;
        KHEISH_ASSERT(sd_bus_message_read(message, "s", &name) > 0);
        char type = 0;
        const char* contents = nullptr;
        KHEISH_ASSERT(sd_bus_message_peek_type(message, &type, &contents) > 0);
        if (*contents == 's') {
            const char* value = nullptr;
            KHEISH_ASSERT(sd_bus_message_read(message, "v", "s", &value) > 0);
            values[name] = value;
        } else if (*contents == 'a') {
            KHEISH_ASSERT(sd_bus_message_enter_container(message, 'v', "as") > 0);
            KHEISH_ASSERT(sd_bus_message_enter_container(message, 'a', "s") > 0);
            const char* text = nullptr;
            while (sd_bus_message_read(message, "s", &text) > 0)
                values[name] += std::string(text) + " ";
            KHEISH_ASSERT(sd_bus_message_exit_container(message) >= 0);
            KHEISH_ASSERT(sd_bus_message_exit_container(message) >= 0);
        } else {
            std::uint64_t value = 0;
            KHEISH_ASSERT(sd_bus_message_read(message, "v", "t", &value) > 0);
            values[name] = std::to_string(value);
        }
        KHEISH_ASSERT(sd_bus_message_exit_container(message) >= 0);
    }
    KHEISH_ASSERT(sd_bus_message_exit_container(message) >= 0);
    return values;
}

class BusProperties : public BusTest {
  protected:
    BusProperties() {
        sd_bus_slot* slot = nullptr;
        KHEISH_ASSERT(sd_bus_add_filter(direct_.client.get(), &slot, note_signal, &signals_) >= 0);
        filter_.reset(slot);
    }

    static int note_signal(sd_bus_message* message, void* data, sd_bus_error*) noexcept {
        std::vector<Signal>& signals = *static_cast<std::vector<Signal>*>(data);
        std::uint8_t type = 0;
        KHEISH_ASSERT(sd_bus_message_get_type(message, &type) >= 0);
        if (type != SD_BUS_MESSAGE_SIGNAL)
            return 0;
        Signal signal;
        signal.member = sd_bus_message_get_member(message);
        signal.path = sd_bus_message_get_path(message);
        if (signal.member == "PropertiesChanged") {
            const char* interface = nullptr;
            KHEISH_ASSERT(sd_bus_message_read(message, "s", &interface) > 0);
            signal.changed = read_values(message);
            KHEISH_ASSERT(sd_bus_message_enter_container(message, 'a', "s") >= 0);
            const char* name = nullptr;
            while (sd_bus_message_read(message, "s", &name) > 0)
                signal.invalidated.emplace_back(name);
        } else {
            const char* object = nullptr;
            KHEISH_ASSERT(sd_bus_message_read(message, "o", &object) > 0);
            signal.object = object;
        }
        if (signal.member == "InterfacesAdded") {
            KHEISH_ASSERT(sd_bus_message_enter_container(message, 'a', "{sa{sv}}") >= 0);
            while (sd_bus_message_enter_container(message, 'e', "sa{sv}") > 0) {
                const char* interface = nullptr;
                KHEISH_ASSERT(sd_bus_message_read(message, "s", &interface) > 0);
                signal.changed.merge(read_values(message));
                KHEISH_ASSERT(sd_bus_message_exit_container(message) >= 0);
            }
        }
        signals.push_back(std::move(signal));
        return 0;
    }

    Reply get_all(const std::string& path, const char* interface) {
        return call(path, kProperties, "GetAll", [interface](sd_bus_message* message) {
            return sd_bus_message_append(message, "s", interface);
        });
    }
    std::vector<std::string> managed_objects() {
        const Reply reply = call(kRootPath, kObjectManager, "GetManagedObjects");
        std::vector<std::string> paths;
        KHEISH_ASSERT(sd_bus_message_enter_container(reply.raw.get(), 'a', "{oa{sa{sv}}}") >= 0);
        while (sd_bus_message_enter_container(reply.raw.get(), 'e', "oa{sa{sv}}") > 0) {
            const char* path = nullptr;
            KHEISH_ASSERT(sd_bus_message_read(reply.raw.get(), "o", &path) > 0);
            paths.emplace_back(path);
            KHEISH_ASSERT(sd_bus_message_skip(reply.raw.get(), "a{sa{sv}}") >= 0);
            KHEISH_ASSERT(sd_bus_message_exit_container(reply.raw.get()) >= 0);
        }
        return paths;
    }

    std::vector<Signal> signals_;
    BusSlot filter_;
};

TEST_F(BusProperties, AreTypedAndReadByTheOwner) {
    const std::string run = submit(create_session("demo"), "hold it");
    const Reply reply = get_all(run, kRunInterface);
    const std::map<std::string, std::string> values = read_values(reply.raw.get());
    EXPECT_EQ(values.at("Id"), "run-1");
    EXPECT_EQ(values.at("Session"), "demo");
    EXPECT_EQ(values.at("Owner"), "user:1000");
    EXPECT_EQ(values.at("Status"), "running");
    EXPECT_EQ(values.at("TextPreview"), "hold it");
    EXPECT_EQ(values.at("SubmittedUSec"), "2000000");
    EXPECT_EQ(values.size(), 17U);
    EXPECT_EQ(
        read_values(get_all(object_path(SessionId{"demo"}), kSessionInterface).raw.get())
            .at("Status"),
        "idle");
}

TEST_F(BusProperties, AreNotForOthersExceptRoot) {
    submit(create_session("demo"), "gate");
    become(2000);
    for (const auto& [path, other, interface] :
         {std::tuple(object_path(RunId{1}), object_path(RunId{9}), kRunInterface),
          std::tuple(
              object_path(SessionId{"demo"}), object_path(SessionId{"nope"}), kSessionInterface),
          std::tuple(
              object_path(ApprovalId{"approval-1-1"}),
              object_path(ApprovalId{"approval-9-9"}),
              kApprovalInterface)}) {
        const Reply hidden = get_all(path, interface);
        const Reply absent = get_all(other, interface);
        EXPECT_NE(hidden.error, "") << path;
        EXPECT_EQ(hidden.error, absent.error) << "nobody learns that " << path << " exists";
        EXPECT_EQ(hidden.message, absent.message) << path;
        const Reply seen = call(path, kIntrospectable, "Introspect");
        EXPECT_EQ(seen.error, absent.error) << path;
        EXPECT_EQ(
            call(path, "org.example.Probe", "Touch").error,
            call(other, "org.example.Probe", "Touch").error)
            << path;
    }
    become(0);
    EXPECT_EQ(get_all(object_path(RunId{1}), kRunInterface).error, "");
    EXPECT_EQ(call(object_path(RunId{1}), kIntrospectable, "Introspect").error, "");
}

TEST_F(BusProperties, TheTreeShowsTheCallersOwnThings) {
    submit(create_session("demo"), "gate");
    for (const auto& [prefix, name] :
         {std::pair(kSessionPrefix, "demo"),
          std::pair(kRunPrefix, "node name=\"1\""),
          std::pair(kApprovalPrefix, "approval_2d1_2d1")}) {
        become(1000);
        EXPECT_NE(call(prefix, kIntrospectable, "Introspect").text().find(name), std::string::npos)
            << prefix;
        become(2000);
        EXPECT_EQ(call(prefix, kIntrospectable, "Introspect").text().find(name), std::string::npos)
            << prefix;
    }
}

TEST_F(BusProperties, ManagedObjectsAreTheCallersLiveOnes) {
    const std::string session = create_session("demo");
    submit(session, "quick");
    submit(session, "gate");
    const std::vector<std::string> mine = managed_objects();
    const std::set<std::string> objects(mine.begin(), mine.end());
    EXPECT_TRUE(objects.contains(session));
    EXPECT_TRUE(objects.contains(object_path(RunId{2})));
    EXPECT_FALSE(objects.contains(object_path(RunId{1})));
    EXPECT_TRUE(objects.contains(object_path(ApprovalId{"approval-2-1"})));
    become(2000);
    for (const std::string& path : managed_objects())
        EXPECT_FALSE(path.starts_with("/ai/kheish/Daemon1/")) << path;
    become(0);
    EXPECT_EQ(managed_objects().size(), mine.size());
}

TEST_F(BusProperties, AReadWaitsUntilTheCallerIsKnown) {
    const std::string run = submit(create_session("demo"), "hold");
    peers_.known = false;
    const int before = peers_.lookups;
    EXPECT_EQ(get_all(run, kRunInterface).error, "");
    EXPECT_EQ(peers_.lookups, before + 1);
}

TEST_F(BusProperties, SignalsFollowARunWithoutItsContent) {
    const std::string session = create_session("demo");
    const std::string run = submit(session, "hold the secret plan");
    ASSERT_TRUE(turn_until([this] { return signals_.size() >= 3; }));
    EXPECT_EQ(signals_[0].member, "InterfacesAdded");
    EXPECT_EQ(signals_[0].object, session);
    EXPECT_EQ(signals_[0].changed.count("Workspace"), 0U);
    EXPECT_EQ(signals_[1].object, run);
    EXPECT_EQ(signals_[1].changed.at("Status"), "queued");
    EXPECT_EQ(signals_[1].changed.count("TextPreview"), 0U);
    EXPECT_EQ(signals_[2].member, "PropertiesChanged");
    EXPECT_EQ(signals_[2].path, run);
    EXPECT_EQ(signals_[2].changed.at("Status"), "running");
    EXPECT_EQ(signals_[2].invalidated, (std::vector<std::string>{"TextPreview", "Error"}));
    signals_.clear();
    service_.finish(RunId{1});
    ASSERT_TRUE(turn_until([this] { return signals_.size() >= 2; }));
    EXPECT_EQ(signals_[0].changed.at("Status"), "completed");
    EXPECT_EQ(signals_[1].member, "InterfacesRemoved");
    EXPECT_EQ(signals_[1].object, run);
}

TEST_F(BusProperties, SignalsAreForTheOwnerAndRoot) {
    submit(create_session("demo"), "hold it");
    submit(object_path(SessionId{"demo"}), "gate");
    ASSERT_TRUE(turn_until([this] { return signals_.size() >= 6; }));
    become(2000);
    const std::string mine = create_session("mine"); // its signal is behind all others
    ASSERT_TRUE(turn_until([this, &mine] { return signals_.back().object == mine; }));
    signals_.clear();
    service_.finish_all();
    create_session("mine-too");
    ASSERT_TRUE(turn_until([this] { return !signals_.empty(); }));
    EXPECT_EQ(signals_.size(), 1U);
    EXPECT_EQ(signals_[0].object, object_path(SessionId{"mine-too"}));
    become(0);
    authorizer_.allowed.insert("ai.kheish.daemon1.submit-others");
    signals_.clear();
    submit(mine, "hold");
    ASSERT_TRUE(turn_until([this] { return signals_.size() >= 2; }));
    EXPECT_EQ(signals_[0].object, object_path(RunId{3})) << "root sees what is others'";
}

TEST_F(BusProperties, NobodyIsToldBeforeTheyHaveCalled) {
    submit(create_session("demo"), "hold");
    ASSERT_TRUE(turn_until([this] { return signals_.size() >= 3; }));
    signals_.clear();
    peers_.known = false;
    service_.finish_all();
    EXPECT_FALSE(managed_objects().empty());
    EXPECT_TRUE(signals_.empty());
}

TEST_F(BusProperties, LogLevelIsReadByAllAndSetByRoot) {
    const Level before = log_level();
    const auto get = [this] {
        const Reply reply =
            call("/org/freedesktop/LogControl1", kProperties, "Get", [](sd_bus_message* message) {
                return sd_bus_message_append(
                    message, "ss", "org.freedesktop.LogControl1", "LogLevel");
            });
        const char* value = nullptr;
        KHEISH_ASSERT(sd_bus_message_read(reply.raw.get(), "v", "s", &value) > 0);
        return std::string(value);
    };
    const auto set = [this](const char* property, const char* value) {
        return call(
                   "/org/freedesktop/LogControl1",
                   kProperties,
                   "Set",
                   [property, value](sd_bus_message* message) {
                       return sd_bus_message_append(
                           message, "ssv", "org.freedesktop.LogControl1", property, "s", value);
                   })
            .error;
    };
    EXPECT_EQ(set("LogLevel", "debug"), error_name(Errc::forbidden));
    become(0);
    EXPECT_EQ(set("LogLevel", "warning"), "");
    EXPECT_EQ(get(), "warning");
    EXPECT_EQ(log_level(), Level::warning);
    EXPECT_EQ(set("LogLevel", "loud"), error_name(Errc::invalid_argument));
    EXPECT_EQ(set("LogTarget", "kmsg"), error_name(Errc::invalid_argument));
    set_log_level(before);
}

} // namespace
} // namespace kheish::bus
