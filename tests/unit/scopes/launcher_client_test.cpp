#include "scopes/launcher_client.hpp"

#include "loop_fixture.hpp"

#include <algorithm>
#include <filesystem>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace kheish::scopes {
namespace {

/// The launcher's end of real sockets, moved by the test.
class LauncherClientTest : public loop::LoopTest {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "launcher-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
        path_ = directory_ + "/launcher.sock";
        client_ = std::make_unique<LauncherClient>(loop(), timers(), path_, sandbox::JournalId{1});
    }
    void TearDown() override {
        client_.reset();
        std::filesystem::remove_all(directory_);
    }

    void listen() {
        sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        std::copy(path_.begin(), path_.end(), address.sun_path);
        listener_.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const sockaddr* const generic = reinterpret_cast<const sockaddr*>(&address);
        ASSERT_EQ(::bind(listener_.get(), generic, sizeof address), 0);
        ASSERT_EQ(::listen(listener_.get(), 4), 0);
    }
    void accept() {
        connection_.reset();
        ASSERT_TRUE(turn_until([this] {
            if (!connection_)
                connection_.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK));
            return static_cast<bool>(connection_);
        }));
    }
    sandbox::Request take_request() {
        std::string message(sandbox::kMessageLimitBytes, '\0');
        ssize_t count = -1;
        EXPECT_TRUE(turn_until([this, &message, &count] {
            if (count < 0)
                count = ::recv(connection_.get(), message.data(), message.size(), 0);
            return count > 0;
        }));
        message.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        const Result<sandbox::Request> request = sandbox::decode_request(message);
        EXPECT_TRUE(request);
        return request.value_or(sandbox::Request{});
    }
    /// The client reads meanwhile: a full queue only means to try again.
    void reply(std::uint64_t number) {
        const std::string bytes = sandbox::encode(sandbox::Reply{number, sandbox::StoppedReply{1}});
        bool sent = false;
        ASSERT_TRUE(turn_until([this, &bytes, &sent] {
            if (!sent)
                sent = ::send(connection_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0;
            return sent;
        }));
    }
    void stop(std::optional<Result<void>>& slot) {
        client_->stop(RunId{1}, 1, false, Responder<void>([&slot](Result<void> result) {
                          slot = std::move(result);
                      }));
        EXPECT_FALSE(slot) << "answers come from the loop";
    }
    bool answered(std::optional<Result<void>>& slot) {
        return turn_until([&slot] { return slot.has_value(); });
    }

    std::string directory_;
    std::string path_;
    Fd listener_;
    Fd connection_;
    std::unique_ptr<LauncherClient> client_;
};

TEST_F(LauncherClientTest, AsksAndIsAnswered) {
    listen();
    std::optional<Result<void>> slot;
    stop(slot);
    accept();
    reply(take_request().number);
    ASSERT_TRUE(answered(slot));
    EXPECT_TRUE(*slot);
}

TEST_F(LauncherClientTest, WithoutALauncherTheRequestFails) {
    std::optional<Result<void>> slot;
    stop(slot);
    ASSERT_TRUE(answered(slot));
    ASSERT_FALSE(*slot);
    EXPECT_EQ(slot->error().code, Errc::service_unavailable);
    EXPECT_EQ(slot->error().sys_errno, ENOENT);
}

TEST_F(LauncherClientTest, ABadRequestIsAnsweredFromTheLoopToo) {
    std::optional<Result<void>> slot;
    client_->stop(RunId{0}, 1, false, Responder<void>([&slot](Result<void> result) {
                      slot = std::move(result);
                  }));
    EXPECT_FALSE(slot);
    ASSERT_TRUE(answered(slot));
    EXPECT_EQ(slot->error().code, Errc::invalid_argument);
}

TEST_F(LauncherClientTest, ALauncherThatEndsLeavesItsRequestUnknown) {
    listen();
    std::optional<Result<void>> slot;
    stop(slot);
    accept();
    (void)take_request();
    connection_.reset();
    ASSERT_TRUE(answered(slot));
    ASSERT_FALSE(*slot);
    EXPECT_EQ(slot->error().code, Errc::service_unavailable);
    EXPECT_TRUE(slot->error().transient);
}

TEST_F(LauncherClientTest, AnIdleLauncherMayEndAndIsFoundAgain) {
    listen();
    std::optional<Result<void>> first;
    stop(first);
    accept();
    reply(take_request().number);
    ASSERT_TRUE(answered(first));
    // It takes no more messages, as in Server::stop_serving(), and only then ends: the next request
    // must reach its successor.
    ASSERT_EQ(::shutdown(connection_.get(), SHUT_RD), 0);
    std::optional<Result<void>> second;
    stop(second);
    const Fd ending = std::move(connection_);
    accept();
    reply(take_request().number);
    ASSERT_TRUE(answered(second));
    EXPECT_TRUE(*second) << second->error().to_string();
}

TEST_F(LauncherClientTest, NoiseEndsTheConnection) {
    listen();
    std::optional<Result<void>> slot;
    stop(slot);
    accept();
    (void)take_request();
    ASSERT_EQ(::send(connection_.get(), "noise", 5, MSG_NOSIGNAL), 5);
    ASSERT_TRUE(answered(slot));
    ASSERT_FALSE(*slot);
    EXPECT_EQ(slot->error().code, Errc::protocol_error);
}

TEST_F(LauncherClientTest, ManyRequestsGoThroughASlowLauncher) {
    listen();
    constexpr std::size_t kRequests = 300; // more than a socket's queue
    std::vector<std::optional<Result<void>>> slots(kRequests);
    for (std::optional<Result<void>>& slot : slots)
        stop(slot);
    accept();
    for (std::size_t i = 0; i < kRequests; ++i)
        reply(take_request().number);
    ASSERT_TRUE(answered(slots.back()));
    for (const std::optional<Result<void>>& slot : slots)
        EXPECT_TRUE(slot && *slot);
}

TEST_F(LauncherClientTest, TheEndOfTheClientAnswersEverything) {
    listen();
    std::optional<Result<void>> slot;
    stop(slot);
    client_.reset();
    ASSERT_TRUE(slot && !*slot);
    EXPECT_EQ(slot->error().code, Errc::cancelled);
}

} // namespace
} // namespace kheish::scopes
