#include "loop_fixture.hpp"

#include "loop/loop_timers.hpp"
#include "loop/route_watch.hpp"

#include <array>
#include <string>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace kheish::loop {
namespace {

/// Timers that fire when told.
class ManualTimers final : public Timers {
  public:
    std::unique_ptr<Timer>
    start(std::chrono::microseconds delay, UniqueFunction<void()> fire) override {
        delays.push_back(delay);
        auto handle = std::make_unique<Handle>(*this);
        pending_ = {handle.get(), std::move(fire)};
        return handle;
    }
    std::unique_ptr<Timer>
    start_at_wall(std::int64_t /*wall_us*/, UniqueFunction<void()> /*fire*/) override {
        ADD_FAILURE() << "no wall clock";
        return nullptr;
    }
    bool is_armed() const { return pending_.first != nullptr; }
    void fire() {
        ASSERT_TRUE(is_armed());
        UniqueFunction<void()> due = std::move(pending_.second);
        pending_ = {};
        due();
    }

    std::vector<std::chrono::microseconds> delays;

  private:
    struct Handle final : Timer {
        explicit Handle(ManualTimers& owner) : owner_(owner) {}
        Handle(const Handle&) = delete;
        Handle& operator=(const Handle&) = delete;
        ~Handle() override {
            if (owner_.pending_.first == this)
                owner_.pending_ = {};
        }
        ManualTimers& owner_;
    };
    std::pair<Handle*, UniqueFunction<void()>> pending_;
};

/// A message of this type with a body of some bytes.
std::string message(std::uint16_t type) {
    constexpr std::size_t kBody = 12;
    nlmsghdr header{};
    header.nlmsg_len = sizeof header + kBody;
    header.nlmsg_type = type;
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    return bytes + std::string(kBody, 'x');
}

class RouteWatchTest : public LoopTest {
  protected:
    void SetUp() override {
        std::array<int, 2> ends{};
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        kernel_ = Fd(ends[0]);
        watch_ = std::make_unique<RouteWatch>(loop(), timers_, Fd(ends[1]), [this] { ++changes_; });
    }
    void say(const std::string& datagram) {
        ASSERT_EQ(
            ::send(kernel_.get(), datagram.data(), datagram.size(), 0),
            static_cast<ssize_t>(datagram.size()));
        loop().turn(true);
    }

    ManualTimers timers_;
    Fd kernel_;
    std::unique_ptr<RouteWatch> watch_;
    int changes_ = 0;
};

TEST_F(RouteWatchTest, ABurstOfRoutesIsOneChangeAndNotAtOnce) {
    say(message(RTM_NEWROUTE));
    say(message(RTM_NEWADDR) + message(RTM_NEWROUTE));
    EXPECT_EQ(changes_, 0);
    timers_.fire();
    EXPECT_EQ(changes_, 1);
    EXPECT_EQ(timers_.delays[0], RouteWatch::kSettleTime);
    EXPECT_EQ(timers_.delays.size(), 2U);
}

TEST_F(RouteWatchTest, ANetworkThatComesAndGoesIsToldNowAndThenOnly) {
    say(message(RTM_NEWROUTE));
    timers_.fire();
    say(message(RTM_NEWROUTE));
    say(message(RTM_NEWROUTE));
    EXPECT_EQ(changes_, 1);
    timers_.fire(); // the pause is over
    EXPECT_EQ(changes_, 1);
    timers_.fire(); // it has settled
    EXPECT_EQ(changes_, 2);
    timers_.fire();
    EXPECT_FALSE(timers_.is_armed()) << "nothing has changed since";
}

TEST_F(RouteWatchTest, WhatIsNoNewRouteIsNoChange) {
    say(message(RTM_DELROUTE));
    say(message(RTM_NEWADDR));
    say("x");
    nlmsghdr liar{};
    liar.nlmsg_len = 4000;
    liar.nlmsg_type = RTM_NEWROUTE;
    say(std::string(reinterpret_cast<const char*>(&liar), sizeof liar));
    liar.nlmsg_len = 0;
    say(std::string(reinterpret_cast<const char*>(&liar), sizeof liar));
    EXPECT_FALSE(timers_.is_armed());
}

TEST_F(RouteWatchTest, OpensOnTheKernel) {
    EXPECT_TRUE(RouteWatch::open(loop(), timers_, [] {}).has_value());
}

} // namespace
} // namespace kheish::loop
