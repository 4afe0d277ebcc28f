#include "control_fixture.hpp"

/// An edit is on record before it is made, and whoever makes it again is told what to look for.
namespace kheish::control {
namespace {

const CallId kCall{"call-1-0"};
const codec::ContentChange kChange{codec::sha256("before"), codec::sha256("after")};

class ReconcileTest : public ControlFixture {
  protected:
    void SetUp() override {
        ControlFixture::SetUp();
        settings_.permission_mode = govern::Mode::accept_edits;
        crash();
        boot();
        make_session("demo");
        run_ = submit("demo", "edit");
        launched(run_);
        routes_->fake.answer_calls(
            {{"toolu_1", "edit_file", R"({"path":"a","old_string":"b","new_string":"c"})"}});
        settle();
        ASSERT_EQ(host_->executions.size(), 1U);
        EXPECT_FALSE(host_->executions[0].second.recorded);
    }
    void prepare(const codec::ContentChange& change = kChange) {
        host_->observer->on_prepared(run_, 1, kCall, change);
        settle();
    }
    void lose() {
        host_->observer->on_lost(run_, 1, {}, "killed");
        settle();
        launched(run_, 2);
    }

    RunId run_;
};

TEST_F(ReconcileTest, TheChangeIsJournaledBeforeItIsMade) {
    host_->observer->on_prepared(run_, 1, kCall, kChange);
    EXPECT_TRUE(host_->proceeded.empty()) << "not before the commit";
    settle();
    ASSERT_EQ(host_->proceeded.size(), 1U);
    EXPECT_EQ(event_types(run_).back(), "tool.prepared");
    prepare(); // the answer was lost
    EXPECT_EQ(host_->proceeded.size(), 2U);
    prepare({codec::sha256("before"), codec::sha256("something else")});
    EXPECT_EQ(host_->proceeded.size(), 2U);
    finish_call(run_, kCall.value, "edited");
    expect_rows_follow_events(run_);
}

TEST_F(ReconcileTest, ALostEditIsMadeAgainWithWhatToLookFor) {
    prepare();
    lose();
    ASSERT_EQ(host_->executions.size(), 2U);
    EXPECT_EQ(host_->executions[1].second.recorded, kChange);
    EXPECT_EQ(status(run_), "running") << "nobody has to be asked";
}

TEST_F(ReconcileTest, SoItIsAfterAReboot) {
    prepare();
    crash();
    boot();
    host_->observer->on_lost(run_, 1, {}, "there is no runner");
    settle();
    launched(run_, 2);
    ASSERT_EQ(host_->executions.size(), 1U);
    EXPECT_EQ(host_->executions[0].second.recorded, kChange);
}

TEST_F(ReconcileTest, OneThatWasNotPreparedIsMadeAnew) {
    lose();
    ASSERT_EQ(host_->executions.size(), 2U);
    EXPECT_FALSE(host_->executions[1].second.recorded);
}

TEST_F(ReconcileTest, ARunnerThatAsksAgainAfterARestartIsAnswered) {
    prepare();
    crash();
    boot();
    host_->observer->on_adopted(run_, 1, {.running = {kCall}, .finished = {}});
    prepare();
    EXPECT_EQ(host_->proceeded.size(), 1U);
    EXPECT_TRUE(host_->executions.empty());
}

} // namespace
} // namespace kheish::control
