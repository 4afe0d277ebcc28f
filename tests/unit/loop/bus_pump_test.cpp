#include "loop/bus_pump.hpp"

#include "loop_fixture.hpp"

#include <array>
#include <string>

#include <sys/socket.h>

namespace kheish::loop {
namespace {

using BusReference = Handle<sd_bus, sd_bus_unref>;

int answer_echo(sd_bus_message* message, void* data, sd_bus_error* error) {
    const char* text = nullptr;
    const int read = sd_bus_message_read(message, "s", &text);
    if (read < 0)
        return read;
    auto* const called = static_cast<UniqueFunction<void()>*>(data);
    if (*called)
        (*called)();
    if (std::string_view(text) == "fail")
        return sd_bus_error_set(error, "ai.kheish.Test.Refused", "no");
    return sd_bus_reply_method_return(message, "s", text);
}

int never_answer(sd_bus_message*, void*, sd_bus_error*) {
    return 1; // "handled": sd-bus sends nothing itself
}

const sd_bus_vtable kVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Silent", "", "", never_answer, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_METHOD("Echo", "s", "s", answer_echo, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

int note_reply(sd_bus_message* message, void* data, sd_bus_error*) {
    const char* text = nullptr;
    const sd_bus_error* const error = sd_bus_message_get_error(message);
    if (error != nullptr)
        text = error->name;
    else if (sd_bus_message_read(message, "s", &text) < 0)
        return -EBADMSG;
    static_cast<std::string*>(data)->append(text).append(";");
    return 0;
}

/// A server and a client on the two ends of a socketpair, both on one loop; no bus daemon.
class BusPumpTest : public LoopTest {
  protected:
    BusPumpTest() {
        std::array<int, 2> fds{};
        KHEISH_ASSERT(
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds.data()) == 0);
        server_ = open_bus(fds[0], true);
        client_ = open_bus(fds[1], false);
        KHEISH_ASSERT(
            sd_bus_add_object_vtable(
                server_.get(), nullptr, "/test", "ai.kheish.Test", kVtable, &called_) >= 0);
    }

    static BusReference open_bus(int fd, bool server) {
        sd_bus* bus = nullptr;
        KHEISH_ASSERT(sd_bus_new(&bus) >= 0);
        BusReference owned(bus);
        KHEISH_ASSERT(sd_bus_set_fd(bus, fd, fd) >= 0);
        if (server) {
            sd_id128_t id{};
            KHEISH_ASSERT(sd_id128_randomize(&id) >= 0 && sd_bus_set_server(bus, 1, id) >= 0);
        }
        KHEISH_ASSERT(sd_bus_set_anonymous(bus, 1) >= 0 && sd_bus_start(bus) >= 0);
        return owned;
    }

    void call(const char* text) {
        KHEISH_ASSERT(
            sd_bus_call_method_async(
                client_.get(),
                nullptr,
                nullptr,
                "/test",
                "ai.kheish.Test",
                "Echo",
                note_reply,
                &replies_,
                "s",
                text) >= 0);
    }
    BusPump::OnLost unexpected() {
        return [](const Error& error) {
            ADD_FAILURE() << error.to_string();
        };
    }

    UniqueFunction<void()> called_;
    std::string replies_;
    BusReference server_;
    BusReference client_;
};

TEST_F(BusPumpTest, CarriesCallsRepliesAndErrors) {
    const BusPump server(loop(), server_.get(), unexpected());
    const BusPump client(loop(), client_.get(), unexpected());
    call("one");
    call("fail");
    call("two");
    EXPECT_TRUE(turn_until([this] { return replies_.size() > 25; }));
    EXPECT_EQ(replies_, "one;ai.kheish.Test.Refused;two;");
}

TEST_F(BusPumpTest, SendsWhatIsQueuedFromTimersAndCommits) {
    const BusPump server(loop(), server_.get(), unexpected());
    const BusPump client(loop(), client_.get(), unexpected());
    call("connect");
    ASSERT_TRUE(turn_until([this] { return replies_ == "connect;"; }));
    replies_.clear();
    const std::unique_ptr<Timer> timer =
        timers().start(std::chrono::milliseconds(1), [this] { call("timer"); });
    bool committed = false;
    const std::unique_ptr<Loop::Hook> commit =
        loop().add_hook(Loop::Stage::commit, [this, &committed] {
            if (replies_ == "timer;" && !std::exchange(committed, true))
                call("commit");
            return false;
        });
    EXPECT_TRUE(turn_until([this] { return replies_ == "timer;commit;"; }));
}

TEST_F(BusPumpTest, AFloodIsServedInPartsAndCompletely) {
    const BusPump server(loop(), server_.get(), unexpected());
    const BusPump client(loop(), client_.get(), unexpected());
    constexpr std::size_t kCalls = 2000;
    std::size_t longest = 0;
    std::size_t this_turn = 0;
    called_ = [&longest, &this_turn] {
        longest = std::max(longest, ++this_turn);
    };
    const std::unique_ptr<Loop::Hook> count = loop().add_hook(
        Loop::Stage::commit, [&this_turn] { return std::exchange(this_turn, 0) != 0; });
    for (std::size_t i = 0; i < kCalls; ++i)
        call("x");
    EXPECT_TRUE(turn_until([this] { return replies_.size() == 2 * kCalls; }));
    EXPECT_LE(longest, static_cast<std::size_t>(BusPump::kMessagesPerTurn));
    EXPECT_GT(longest, 1U);
}

TEST_F(BusPumpTest, ACallWithoutAnAnswerTimesOut) {
    const BusPump server(loop(), server_.get(), unexpected());
    const BusPump client(loop(), client_.get(), unexpected());
    sd_bus_message* message = nullptr;
    ASSERT_GE(
        sd_bus_message_new_method_call(
            client_.get(), &message, nullptr, "/test", "ai.kheish.Test", "Silent"),
        0);
    const BusMessage owned(message);
    constexpr std::uint64_t kTimeoutUs = 20'000;
    ASSERT_GE(
        sd_bus_call_async(client_.get(), nullptr, message, note_reply, &replies_, kTimeoutUs), 0);
    EXPECT_TRUE(turn_until([this] { return !replies_.empty(); }));
    EXPECT_EQ(replies_, "org.freedesktop.DBus.Error.NoReply;");
}

TEST_F(BusPumpTest, AHandlerMayDestroyItsPump) {
    std::unique_ptr<BusPump> server =
        std::make_unique<BusPump>(loop(), server_.get(), unexpected());
    const BusPump client(loop(), client_.get(), unexpected());
    called_ = [&server] {
        server.reset();
    };
    call("one");
    call("two");
    EXPECT_TRUE(turn_until([&server] { return server == nullptr; }));
    loop().turn(false);
}

TEST_F(BusPumpTest, APeerThatHangsUpIsReportedOnce) {
    int lost = 0;
    std::unique_ptr<BusPump> server;
    server = std::make_unique<BusPump>(loop(), server_.get(), [&lost, &server](const Error& error) {
        ++lost;
        EXPECT_EQ(error.code, Errc::service_unavailable);
        server.reset();
    });
    {
        const BusPump client(loop(), client_.get(), unexpected());
        call("one");
        ASSERT_TRUE(turn_until([this] { return replies_ == "one;"; }));
    }
    sd_bus_close(client_.get());
    EXPECT_TRUE(turn_until([&lost] { return lost > 0; }));
    loop().turn(false);
    EXPECT_EQ(lost, 1);
}

} // namespace
} // namespace kheish::loop
