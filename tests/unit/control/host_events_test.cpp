#include "control_fixture.hpp"

/// What runs make of a machine that changes its network, or sleeps.
namespace kheish::control {
namespace {

class HostEventsTest : public ControlFixture {
  protected:
    void SetUp() override {
        ControlFixture::SetUp();
        make_session("demo");
        run_ = submit("demo", "x");
        launched(run_);
    }
    void lose_network() {
        routes_->fake.fail(models::CallError::Kind::network);
        settle();
        ASSERT_EQ(wait_reason(run_), "network");
    }
    /// Whether the machine need not wait any longer.
    bool suspend() {
        bool ready = false;
        plane_->before_sleep(
            Responder<void>([&ready](const Result<void>& done) { ready = done.has_value(); }));
        EXPECT_FALSE(ready) << "before the commit";
        settle();
        return ready;
    }

    RunId run_;
};

TEST_F(HostEventsTest, ANewRouteWakesWhatWaitsForTheNetwork) {
    lose_network();
    const std::size_t calls = routes_->fake.call_count();
    plane_->on_network_changed();
    settle();
    EXPECT_EQ(routes_->fake.call_count(), calls + 1);
    EXPECT_EQ(wait_reason(run_), "model");
    routes_->fake.answer("done");
    settle();
    EXPECT_EQ(status(run_), "completed");
    expect_rows_follow_events(run_);
}

TEST_F(HostEventsTest, ANewRouteWakesNothingElse) {
    routes_->fake.fail(models::CallError::Kind::rate_limited, std::chrono::hours(2));
    settle();
    const std::size_t calls = routes_->fake.call_count();
    plane_->on_network_changed();
    settle();
    EXPECT_EQ(routes_->fake.call_count(), calls);
    EXPECT_EQ(wait_reason(run_), "timer");
}

TEST_F(HostEventsTest, WithoutOneTheTimerWakesIt) {
    lose_network();
    timers_->pass(std::chrono::seconds(2));
    settle();
    EXPECT_EQ(wait_reason(run_), "model");
}

TEST_F(HostEventsTest, ASleepingMachineHasNoModelCallUnderWayAndGoesOnAfterwards) {
    const std::shared_ptr<FakeModel::Call> call = routes_->fake.current();
    ASSERT_NE(call, nullptr);
    ASSERT_TRUE(suspend());
    EXPECT_TRUE(call->aborted);
    EXPECT_EQ(wait_reason(run_), "network");
    const std::size_t calls = routes_->fake.call_count();
    timers_->pass(std::chrono::seconds(5)); // it takes its time to fall asleep
    settle();
    EXPECT_EQ(routes_->fake.call_count(), calls) << "would be cut off";
    plane_->after_sleep();
    settle();
    EXPECT_EQ(routes_->fake.call_count(), calls + 1);
    routes_->fake.answer("done");
    settle();
    EXPECT_EQ(status(run_), "completed");
}

TEST_F(HostEventsTest, ASleepOfWhichNothingMoreIsHeardEndsByItself) {
    ASSERT_TRUE(suspend());
    timers_->pass(std::chrono::minutes(3));
    settle();
    timers_->pass(std::chrono::minutes(3));
    settle();
    EXPECT_EQ(wait_reason(run_), "model");
}

TEST_F(HostEventsTest, AToolGoesOnThroughTheNight) {
    routes_->fake.answer("done");
    settle();
    crash();
    settings_.permission_mode = govern::Mode::bypass_permissions;
    boot();
    make_session("other");
    const RunId run = submit("other", "x");
    launched(run);
    routes_->fake.answer_calls({{"toolu_1", "bash", R"({"command":"make"})"}});
    settle();
    ASSERT_TRUE(suspend());
    EXPECT_EQ(wait_reason(run), "tools");
    finish_call(run, "call-1-0", "made");
    plane_->after_sleep();
    settle();
    EXPECT_EQ(wait_reason(run), "model");
}

TEST_F(HostEventsTest, WorkIsToldWhenItBeginsAndWhenItEnds) {
    std::vector<bool> told;
    plane_->set_work_listener([&told](bool works) { told.push_back(works); });
    EXPECT_EQ(told, std::vector<bool>{true});
    lose_network();
    EXPECT_EQ(told, (std::vector<bool>{true, false})) << "waiting is no work";
    plane_->on_network_changed();
    settle();
    routes_->fake.answer("done");
    settle();
    EXPECT_EQ(told, (std::vector<bool>{true, false, true, false}));
    plane_->set_work_listener({});
}

} // namespace
} // namespace kheish::control
