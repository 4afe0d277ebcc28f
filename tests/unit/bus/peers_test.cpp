#include "direct_bus.hpp"

#include "bus/peers.hpp"

#include <map>
#include <string>
#include <vector>

namespace kheish::bus {
namespace {

/// The driver of a message bus, as far as a peer lookup needs one.
struct FakeDriver {
    std::map<std::string, std::uint32_t> uids;
    std::vector<std::string> matches;
    int asked = 0;

    static int on_match(sd_bus_message* call, void* data, sd_bus_error*) noexcept {
        const char* rule = nullptr;
        KHEISH_ASSERT(sd_bus_message_read(call, "s", &rule) > 0);
        static_cast<FakeDriver*>(data)->matches.emplace_back(rule);
        return sd_bus_reply_method_return(call, "");
    }
    static int on_uid(sd_bus_message* call, void* data, sd_bus_error* error) noexcept {
        FakeDriver& driver = *static_cast<FakeDriver*>(data);
        ++driver.asked;
        const char* name = nullptr;
        KHEISH_ASSERT(sd_bus_message_read(call, "s", &name) > 0);
        if (!driver.uids.contains(name))
            return sd_bus_error_set(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER, "gone");
        return sd_bus_reply_method_return(call, "u", driver.uids.at(name));
    }
};

const sd_bus_vtable kDriverVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("AddMatch", "s", "", FakeDriver::on_match, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("RemoveMatch", "s", "", FakeDriver::on_match, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD(
        "GetConnectionUnixUser", "s", "u", FakeDriver::on_uid, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_SIGNAL("NameOwnerChanged", "sss", 0),
    SD_BUS_VTABLE_END,
};

class BusPeersTest : public loop::LoopTest {
  protected:
    BusPeersTest() {
        KHEISH_ASSERT(
            sd_bus_add_object_vtable(
                direct_.server.get(),
                nullptr,
                "/org/freedesktop/DBus",
                "org.freedesktop.DBus",
                kDriverVtable,
                &driver_) >= 0);
        driver_.uids[":1.7"] = 1234;
    }

    Result<uid_t> look_up(const std::string& name) {
        std::optional<Result<uid_t>> found;
        peers_.find_uid(
            name, Responder<uid_t>([&found](Result<uid_t> uid) { found = std::move(uid); }));
        EXPECT_TRUE(turn_until([&found] { return found.has_value(); }));
        return *found;
    }
    FakeDriver driver_;
    DirectBus direct_{loop()};
    BusPeers peers_{direct_.client.get()};
};

TEST_F(BusPeersTest, AsksTheBusOncePerPeer) {
    EXPECT_FALSE(peers_.known_uid(":1.7"));
    EXPECT_EQ(look_up(":1.7").value(), 1234U);
    EXPECT_EQ(look_up(":1.7").value(), 1234U);
    EXPECT_EQ(peers_.known_uid(":1.7"), uid_t{1234});
    EXPECT_EQ(driver_.asked, 1);
}

TEST_F(BusPeersTest, KnowsTheNamesOfAUser) {
    driver_.uids[":1.8"] = 5;
    driver_.uids[":1.9"] = 1234;
    for (const char* name : {":1.7", ":1.8", ":1.9"})
        (void)look_up(name);
    EXPECT_EQ(peers_.known_names(1234), (std::vector<std::string>{":1.7", ":1.9"}));
    EXPECT_TRUE(peers_.known_names(0).empty());
}

TEST_F(BusPeersTest, SimultaneousQuestionsShareOneAnswer) {
    int answers = 0;
    for (int i = 0; i < 3; ++i)
        peers_.find_uid(":1.7", Responder<uid_t>([&answers](const Result<uid_t>& uid) {
                            answers += uid && *uid == 1234 ? 1 : 0;
                        }));
    EXPECT_TRUE(turn_until([&answers] { return answers == 3; }));
    EXPECT_EQ(driver_.asked, 1);
}

TEST_F(BusPeersTest, WhoIsNotThereIsForbidden) {
    EXPECT_EQ(look_up(":1.9").error().code, Errc::forbidden);
    EXPECT_EQ(look_up("").error().code, Errc::forbidden);
    EXPECT_EQ(look_up("org.example.Name").error().code, Errc::forbidden);
    driver_.uids[":1.9"] = 5;
    EXPECT_EQ(look_up(":1.9").value(), 5U); // a refusal is not remembered
}

} // namespace
} // namespace kheish::bus
