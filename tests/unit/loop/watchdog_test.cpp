#include "loop/watchdog.hpp"

#include "loop_fixture.hpp"

#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace kheish::loop {
namespace {

/// A service manager's end of the notification socket.
class WatchdogTest : public LoopTest {
  protected:
    WatchdogTest() : socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        const std::string name = "@kheish-watchdog-test-" + std::to_string(getpid());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(static_cast<char*>(address.sun_path) + 1, name.data() + 1, name.size() - 1);
        const socklen_t size =
            static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        KHEISH_ASSERT(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
        setenv("NOTIFY_SOCKET", name.c_str(), 1);
    }
    ~WatchdogTest() override {
        unsetenv("NOTIFY_SOCKET");
        unsetenv("WATCHDOG_USEC");
    }
    std::string receive() {
        char buffer[64];
        const ssize_t size = recv(socket_.get(), buffer, sizeof buffer, 0);
        return size < 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(size));
    }

    Fd socket_;
};

TEST_F(WatchdogTest, PetsAtAQuarterOfTheInterval) {
    setenv("WATCHDOG_USEC", "20000", 1);
    const Watchdog watchdog(timers());
    EXPECT_EQ(watchdog.interval(), std::chrono::microseconds(5000));
    EXPECT_EQ(receive(), "WATCHDOG=1");
    int more = 0;
    EXPECT_TRUE(turn_until([this, &more] {
        more += receive() == "WATCHDOG=1" ? 1 : 0;
        return more == 2;
    }));
}

TEST_F(WatchdogTest, StaysSilentWhereNobodyAsked) {
    const Watchdog watchdog(timers());
    EXPECT_EQ(watchdog.interval(), std::chrono::microseconds(0));
    EXPECT_EQ(timers().pending(), 0U);
    EXPECT_EQ(receive(), "");
}

} // namespace
} // namespace kheish::loop
