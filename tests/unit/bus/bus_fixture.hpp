#pragma once

#include "direct_bus.hpp"
#include "fake_service.hpp"

#include "base/fd.hpp"
#include "bus/edge.hpp"
#include "bus/object_path.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace kheish::bus {

/// Everybody on a direct connection is `uid`.
class FakePeers final : public Peers {
  public:
    void find_uid(const std::string&, Responder<uid_t> responder) override {
        ++lookups;
        if (refuse)
            return responder.fail(Errc::forbidden, "nobody vouches for the caller");
        known = true;
        responder.answer(uid);
    }
    std::optional<uid_t> known_uid(const std::string&) const override {
        return known ? std::optional(uid) : std::nullopt;
    }
    std::vector<std::string> known_names(uid_t of) const override {
        return known && uid == of ? std::vector<std::string>{""} : std::vector<std::string>{};
    }
    void set_gone_handler(GoneHandler handler) override { gone = std::move(handler); }

    uid_t uid = 1000;
    bool known = false;
    bool refuse = false;
    int lookups = 0;
    GoneHandler gone;
};

/// Says yes to `allowed` actions; keeps questions where `hold`.
class FakeAuthorizer final : public govern::Authorizer {
  public:
    class Question final : public govern::Authorization {
      public:
        Question(FakeAuthorizer& owner) : owner_(owner) { ++owner_.open; }
        ~Question() override { --owner_.open; }

      private:
        FakeAuthorizer& owner_;
    };

    std::unique_ptr<govern::Authorization>
    check(govern::AuthorizationRequest request, Responder<void> responder) override {
        requests.push_back(request);
        if (hold) {
            held.push_back(std::move(responder));
            return std::make_unique<Question>(*this);
        }
        if (allowed.contains(request.action))
            responder.answer({});
        else
            responder.fail(Errc::forbidden, "polkit does not allow it");
        return std::make_unique<Question>(*this);
    }

    std::set<std::string> allowed{
        "ai.kheish.daemon1.answer",
        "ai.kheish.daemon1.read",
        "ai.kheish.daemon1.submit",
        "ai.kheish.daemon1.control",
        "ai.kheish.daemon1.approve",
    };
    bool hold = false;
    int open = 0;
    std::vector<Responder<void>> held;
    std::vector<govern::AuthorizationRequest> requests;
};

struct Reply {
    bool arrived = false;
    std::string error; ///< name
    std::string message;
    BusMessage raw;

    std::string text() const {
        const char* value = nullptr;
        KHEISH_ASSERT(raw != nullptr && sd_bus_message_read(raw.get(), "s", &value) >= 0);
        return value;
    }
    std::string path() const {
        const char* value = nullptr;
        KHEISH_ASSERT(raw != nullptr && sd_bus_message_read(raw.get(), "o", &value) >= 0);
        return value;
    }
    Fd fd() const {
        int value = -1;
        KHEISH_ASSERT(raw != nullptr && sd_bus_message_read(raw.get(), "h", &value) >= 0);
        Result<Fd> copy = duplicate(Fd(dup(value)));
        KHEISH_ASSERT(copy.has_value());
        return std::move(*copy);
    }
};

/// The edge at one end of a socket pair and a client at the other, both on one loop.
class BusTest : public loop::LoopTest {
  protected:
    using Append = std::function<int(sd_bus_message*)>;

    BusTest() {
        Result<std::unique_ptr<BusEdge>> edge = BusEdge::open(
            direct_.server.get(),
            {.loop = loop(),
             .timers = timers(),
             .service = service_,
             .peers = peers_,
             .authorizer = authorizer_});
        KHEISH_ASSERT(edge.has_value());
        edge_ = std::move(*edge);
    }

    static int keep_reply(sd_bus_message* message, void* data, sd_bus_error*) noexcept {
        Reply& reply = *static_cast<Reply*>(data);
        reply.arrived = true;
        if (sd_bus_message_is_method_error(message, nullptr) > 0) {
            reply.error = sd_bus_message_get_error(message)->name;
            reply.message = sd_bus_message_get_error(message)->message;
        } else {
            reply.raw.reset(sd_bus_message_ref(message));
        }
        return 0;
    }

    /// Sends a call whose answer ends up in `reply`.
    BusSlot send(
        Reply& reply,
        const std::string& path,
        const char* interface,
        const char* member,
        const Append& append,
        bool interactive = false) {
        sd_bus_message* raw = nullptr;
        KHEISH_ASSERT(
            sd_bus_message_new_method_call(
                direct_.client.get(), &raw, nullptr, path.c_str(), interface, member) >= 0);
        const BusMessage message(raw);
        KHEISH_ASSERT(!append || append(raw) >= 0);
        KHEISH_ASSERT(
            sd_bus_message_set_allow_interactive_authorization(raw, interactive ? 1 : 0) >= 0);
        sd_bus_slot* slot = nullptr;
        KHEISH_ASSERT(
            sd_bus_call_async(direct_.client.get(), &slot, raw, keep_reply, &reply, 0) >= 0);
        return BusSlot(slot);
    }

    Reply call(
        const std::string& path,
        const char* interface,
        const char* member,
        const Append& append = {},
        bool interactive = false) {
        Reply reply;
        const BusSlot slot = send(reply, path, interface, member, append, interactive);
        EXPECT_TRUE(turn_until([&reply] { return reply.arrived; })) << member;
        return reply;
    }

    static Append no_options() {
        return [](sd_bus_message* message) {
            return sd_bus_message_append(message, "a{sv}", 0);
        };
    }
    static Append option(std::string key, std::string value) {
        return [key = std::move(key), value = std::move(value)](sd_bus_message* message) {
            return sd_bus_message_append(message, "a{sv}", 1, key.c_str(), "s", value.c_str());
        };
    }
    static Append bool_option(std::string key) {
        return [key = std::move(key)](sd_bus_message* message) {
            return sd_bus_message_append(message, "a{sv}", 1, key.c_str(), "b", 1);
        };
    }
    static Append number_option(std::string key, std::int64_t value) {
        return [key = std::move(key), value](sd_bus_message* message) {
            return sd_bus_message_append(message, "a{sv}", 1, key.c_str(), "x", value);
        };
    }
    static Append input(std::string content) {
        return [content = std::move(content)](sd_bus_message* message) {
            return sd_bus_message_append(message, "sa{sv}", content.c_str(), 0);
        };
    }

    std::string create_session(const std::string& name) {
        return call(kRootPath, kManagerInterface, "CreateSession", option("session_id", name))
            .path();
    }
    /// The run's object path.
    std::string submit(const std::string& session_path, const std::string& content) {
        const Reply reply = call(session_path, kSessionInterface, "SubmitInput", input(content));
        const char* run = nullptr;
        const char* path = nullptr;
        KHEISH_ASSERT(sd_bus_message_read(reply.raw.get(), "so", &run, &path) >= 0);
        return path;
    }
    /// As somebody else from now on.
    void become(uid_t uid) { peers_.uid = uid; }

    control::FakeService service_;
    FakePeers peers_;
    FakeAuthorizer authorizer_;
    DirectBus direct_{loop()};
    std::unique_ptr<BusEdge> edge_;
};

inline std::string error_name(Errc code) {
    return std::string(kDbusErrorPrefix) + std::string(error_info(code).dbus);
}

} // namespace kheish::bus
