#include "direct_bus.hpp"

#include "bus/polkit_authorizer.hpp"

#include <map>
#include <string>
#include <vector>

namespace kheish::bus {
namespace {

/// What polkit was asked, and how it shall answer.
struct FakePolkit {
    enum class Mode { yes, no, challenge, error, silent };
    Mode mode = Mode::yes;
    int asked = 0;
    std::string kind;
    std::string name;
    std::string action;
    std::map<std::string, std::string> details;
    std::uint32_t flags = 0;
    std::string cancellation;
    std::vector<std::string> cancelled;
    BusMessage waiting;

    static int on_check(sd_bus_message* call, void* data, sd_bus_error* error) noexcept {
        FakePolkit& polkit = *static_cast<FakePolkit*>(data);
        polkit.read(call);
        switch (polkit.mode) {
        case Mode::error:
            return sd_bus_error_set(
                error, "org.freedesktop.PolicyKit1.Error.NotAuthorized", "not the owner");
        case Mode::silent:
            polkit.waiting.reset(sd_bus_message_ref(call));
            return 1;
        default:
            return sd_bus_reply_method_return(
                call,
                "(bba{ss})",
                polkit.mode == Mode::yes ? 1 : 0,
                polkit.mode == Mode::challenge ? 1 : 0,
                0);
        }
    }

    static int on_cancel(sd_bus_message* call, void* data, sd_bus_error*) noexcept {
        const char* id = nullptr;
        KHEISH_ASSERT(sd_bus_message_read(call, "s", &id) > 0);
        static_cast<FakePolkit*>(data)->cancelled.emplace_back(id);
        return sd_bus_reply_method_return(call, "");
    }

    void read(sd_bus_message* call) {
        ++asked;
        const char* text[3] = {};
        KHEISH_ASSERT(sd_bus_message_enter_container(call, 'r', "sa{sv}") > 0);
        KHEISH_ASSERT(sd_bus_message_read(call, "s", &text[0]) > 0);
        kind = text[0];
        if (kind == "unix-process") {
            const char* keys[3] = {};
            std::uint32_t pid = 0;
            std::uint64_t start = 0;
            std::int32_t uid = 0;
            KHEISH_ASSERT(
                sd_bus_message_read(
                    call,
                    "a{sv}",
                    3,
                    &keys[0],
                    "u",
                    &pid,
                    &keys[1],
                    "t",
                    &start,
                    &keys[2],
                    "i",
                    &uid) > 0);
            name = std::string(keys[0]) + " " + std::to_string(pid) + " " + keys[1] + " " +
                   std::to_string(start) + " " + keys[2] + " " + std::to_string(uid);
        } else {
            KHEISH_ASSERT(sd_bus_message_read(call, "a{sv}", 1, &text[1], "s", &text[2]) > 0);
            KHEISH_ASSERT(std::string(text[1]) == "name");
            name = text[2];
        }
        KHEISH_ASSERT(sd_bus_message_exit_container(call) >= 0);
        KHEISH_ASSERT(sd_bus_message_read(call, "s", &text[0]) > 0);
        action = text[0];
        details.clear();
        KHEISH_ASSERT(sd_bus_message_enter_container(call, 'a', "{ss}") >= 0);
        while (sd_bus_message_read(call, "{ss}", &text[0], &text[1]) > 0)
            details[text[0]] = text[1];
        KHEISH_ASSERT(sd_bus_message_exit_container(call) >= 0);
        KHEISH_ASSERT(sd_bus_message_read(call, "us", &flags, &text[0]) > 0);
        cancellation = text[0];
    }
};

const sd_bus_vtable kPolkitVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD(
        "CheckAuthorization",
        "(sa{sv})sa{ss}us",
        "(bba{ss})",
        FakePolkit::on_check,
        SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD(
        "CancelCheckAuthorization", "s", "", FakePolkit::on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

class Polkit : public loop::LoopTest {
  protected:
    Polkit() {
        KHEISH_ASSERT(
            sd_bus_add_object_vtable(
                direct_.server.get(),
                nullptr,
                "/org/freedesktop/PolicyKit1/Authority",
                "org.freedesktop.PolicyKit1.Authority",
                kPolkitVtable,
                &polkit_) >= 0);
    }

    std::unique_ptr<govern::Authorization> check(bool interactive) {
        answer_.reset();
        return authorizer_.check(
            {.bus_name = ":1.7",
             .action = "ai.kheish.daemon1.approve",
             .details = {{"tool", "bash"}, {"summary", "rm -rf build"}},
             .interactive = interactive},
            Responder<void>([this](Status status) { answer_ = std::move(status); }));
    }
    Status answer_to(FakePolkit::Mode mode) {
        polkit_.mode = mode;
        const std::unique_ptr<govern::Authorization> question = check(false);
        EXPECT_TRUE(turn_until([this] { return answer_.has_value(); }));
        return answer_.value_or(Status());
    }

    FakePolkit polkit_;
    DirectBus direct_{loop()};
    PolkitAuthorizer authorizer_{direct_.client.get()};
    std::optional<Status> answer_;
};

TEST_F(Polkit, IsAskedAboutTheBusNameWithDetails) {
    EXPECT_TRUE(answer_to(FakePolkit::Mode::yes));
    EXPECT_EQ(polkit_.kind, "system-bus-name");
    EXPECT_EQ(polkit_.name, ":1.7");
    EXPECT_EQ(polkit_.action, "ai.kheish.daemon1.approve");
    EXPECT_EQ(polkit_.details.at("summary"), "rm -rf build");
    EXPECT_EQ(polkit_.flags, 0U);
    EXPECT_TRUE(polkit_.cancelled.empty());
}

TEST_F(Polkit, IsAskedAboutAProcess) {
    polkit_.mode = FakePolkit::Mode::yes;
    std::optional<Status> answer;
    const std::unique_ptr<govern::Authorization> question = authorizer_.check(
        {.bus_name = {},
         .process = govern::SubjectProcess{.pid = 77, .uid = 1001},
         .action = "ai.kheish.daemon1.release",
         .details = {}},
        Responder<void>([&answer](Status status) { answer = std::move(status); }));
    ASSERT_TRUE(turn_until([&answer] { return answer.has_value(); }));
    EXPECT_EQ(polkit_.kind, "unix-process");
    EXPECT_EQ(polkit_.name, "pid 77 start-time 0 uid 1001");
}

TEST_F(Polkit, EverythingButYesIsNo) {
    const Status refused = answer_to(FakePolkit::Mode::no);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::forbidden);
    const Status challenged = answer_to(FakePolkit::Mode::challenge);
    ASSERT_FALSE(challenged);
    EXPECT_EQ(challenged.error().code, Errc::unauthorized);
    const Status failed = answer_to(FakePolkit::Mode::error);
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::forbidden);
}

TEST_F(Polkit, APromptIsMadeOnlyForWhoAllowsIt) {
    polkit_.mode = FakePolkit::Mode::yes;
    const std::unique_ptr<govern::Authorization> question = check(true);
    ASSERT_TRUE(turn_until([this] { return answer_.has_value(); }));
    EXPECT_EQ(polkit_.flags, 1U);
}

TEST_F(Polkit, DestroyingTheQuestionCancelsIt) {
    polkit_.mode = FakePolkit::Mode::silent;
    std::unique_ptr<govern::Authorization> question = check(true);
    ASSERT_TRUE(turn_until([this] { return polkit_.waiting != nullptr; }));
    const std::string first = polkit_.cancellation;
    question.reset();
    ASSERT_TRUE(turn_until([this] { return !polkit_.cancelled.empty(); }));
    EXPECT_EQ(polkit_.cancelled, std::vector<std::string>{first});
    ASSERT_GE(sd_bus_reply_method_return(polkit_.waiting.get(), "(bba{ss})", 1, 0, 0), 0);
    polkit_.mode = FakePolkit::Mode::no;
    const std::unique_ptr<govern::Authorization> second = check(false);
    ASSERT_TRUE(turn_until([this] { return answer_.has_value(); }));
    EXPECT_FALSE(*answer_); // the late yes was for nobody
    EXPECT_NE(polkit_.cancellation, first);
}

TEST_F(Polkit, GoneIsNo) {
    polkit_.mode = FakePolkit::Mode::silent;
    const std::unique_ptr<govern::Authorization> question = check(true);
    ASSERT_TRUE(turn_until([this] { return polkit_.waiting != nullptr; }));
    direct_.server_pump.reset();
    sd_bus_close(direct_.server.get());
    ASSERT_TRUE(turn_until([this] { return answer_.has_value(); }));
    EXPECT_EQ(answer_->error().code, Errc::forbidden);
}

} // namespace
} // namespace kheish::bus
