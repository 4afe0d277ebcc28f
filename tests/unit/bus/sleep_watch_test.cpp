#include "direct_bus.hpp"

#include "bus/sleep_watch.hpp"

#include <optional>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace kheish::bus {
namespace {

/// Gives locks as logind does, and sees them come back.
struct FakeLogind {
    std::vector<std::string> asked; ///< "what mode"
    std::vector<Fd> locks;          ///< the read ends: at their end once the lock is given back
    bool refuses = false;

    static int on_inhibit(sd_bus_message* call, void* data, sd_bus_error* error) noexcept {
        FakeLogind& logind = *static_cast<FakeLogind*>(data);
        const char* text[4] = {};
        KHEISH_ASSERT(
            sd_bus_message_read(call, "ssss", &text[0], &text[1], &text[2], &text[3]) > 0);
        logind.asked.push_back(std::string(text[0]) + " " + text[3]);
        if (logind.refuses)
            return sd_bus_error_set(error, SD_BUS_ERROR_ACCESS_DENIED, "no");
        int ends[2] = {};
        KHEISH_ASSERT(::pipe2(ends, O_CLOEXEC) == 0);
        const Fd lock(ends[1]);
        logind.locks.emplace_back(ends[0]);
        return sd_bus_reply_method_return(call, "h", lock.get());
    }
    bool has_back(std::size_t lock) const {
        pollfd polled{locks.at(lock).get(), POLLIN, 0};
        return ::poll(&polled, 1, 0) == 1;
    }
};

constexpr sd_bus_vtable kLogind[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Inhibit", "ssss", "h", FakeLogind::on_inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_SIGNAL("PrepareForSleep", "b", 0),
    SD_BUS_VTABLE_END,
};

struct FakeHost final : control::HostEvents {
    void on_network_changed() override { ADD_FAILURE() << "no network here"; }
    void before_sleep(Responder<void> answer) override {
        told.emplace_back("sleep");
        ready = std::move(answer);
    }
    void after_sleep() override { told.emplace_back("wake"); }

    std::vector<std::string> told;
    Responder<void> ready;
};

class SleepWatchTest : public loop::LoopTest {
  protected:
    void SetUp() override {
        ASSERT_GE(
            sd_bus_add_object_vtable(
                bus_.server.get(),
                nullptr,
                "/org/freedesktop/login1",
                "org.freedesktop.login1.Manager",
                kLogind,
                &logind_),
            0);
    }
    void TearDown() override { host_.ready.dismiss(); }

    void watch() {
        watch_.emplace(bus_.client.get(), host_);
        ASSERT_TRUE(turn_until([this] { return !logind_.asked.empty(); }));
    }
    /// With the name that the bus would vouch for.
    void say(bool begins) {
        sd_bus_message* raw = nullptr;
        ASSERT_GE(
            sd_bus_message_new_signal(
                bus_.server.get(),
                &raw,
                "/org/freedesktop/login1",
                "org.freedesktop.login1.Manager",
                "PrepareForSleep"),
            0);
        const BusMessage message(raw);
        ASSERT_GE(sd_bus_message_set_sender(raw, "org.freedesktop.login1"), 0);
        ASSERT_GE(sd_bus_message_append(raw, "b", begins ? 1 : 0), 0);
        ASSERT_GE(sd_bus_send(bus_.server.get(), raw, nullptr), 0);
    }
    bool hears(std::size_t count) {
        return turn_until([this, count] { return host_.told.size() == count; });
    }

    DirectBus bus_{loop()};
    FakeLogind logind_;
    FakeHost host_;
    std::optional<SleepWatch> watch_;
};

TEST_F(SleepWatchTest, TheMachineWaitsUntilEverythingIsWrittenDown) {
    watch();
    ASSERT_TRUE(turn_until([this] { return watch_->holds_lock(); }));
    EXPECT_EQ(logind_.asked, std::vector<std::string>{"sleep delay"});
    say(true);
    ASSERT_TRUE(hears(1));
    EXPECT_FALSE(logind_.has_back(0));
    host_.ready.answer({});
    EXPECT_TRUE(logind_.has_back(0));
    EXPECT_FALSE(watch_->holds_lock());
    say(false);
    ASSERT_TRUE(hears(2));
    EXPECT_EQ(host_.told.back(), "wake");
    ASSERT_TRUE(turn_until([this] { return watch_->holds_lock(); })) << "for the next night";
}

TEST_F(SleepWatchTest, WhatCannotBeWrittenDoesNotHoldTheMachineUp) {
    watch();
    ASSERT_TRUE(turn_until([this] { return watch_->holds_lock(); }));
    say(true);
    ASSERT_TRUE(hears(1));
    host_.ready.fail(Errc::storage_full, "full");
    EXPECT_TRUE(logind_.has_back(0));
}

TEST_F(SleepWatchTest, SleepIsHeardOfWithoutALock) {
    logind_.refuses = true;
    watch();
    say(true);
    ASSERT_TRUE(hears(1));
    host_.ready.answer({});
    say(false);
    ASSERT_TRUE(hears(2));
}

TEST_F(SleepWatchTest, WhoGoesDuringTheNightSaysGoodMorning) {
    watch();
    say(true);
    ASSERT_TRUE(hears(1));
    watch_.reset();
    EXPECT_EQ(host_.told.back(), "wake");
    host_.ready.answer({}); // nobody is there any more
}

TEST_F(SleepWatchTest, AMorningWithoutANightIsNone) {
    watch();
    say(false);
    say(true);
    ASSERT_TRUE(hears(1));
    EXPECT_EQ(host_.told.front(), "sleep");
    host_.ready.answer({});
}

TEST_F(SleepWatchTest, AnInhibitorHoldsWhatItWasAskedFor) {
    std::optional<Inhibitor> inhibitor;
    inhibitor.emplace(bus_.client.get(), "idle:handle-lid-switch", "work", Inhibitor::Mode::block);
    ASSERT_TRUE(turn_until([&inhibitor] { return inhibitor->is_held(); }));
    EXPECT_EQ(logind_.asked, std::vector<std::string>{"idle:handle-lid-switch block"});
    EXPECT_FALSE(logind_.has_back(0));
    inhibitor.reset();
    EXPECT_TRUE(logind_.has_back(0));
}

} // namespace
} // namespace kheish::bus
