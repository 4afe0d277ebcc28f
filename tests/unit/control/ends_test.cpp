#include "control_fixture.hpp"

/// How runs and sessions end before they are done, and what is left to do then.
namespace kheish::control {
namespace {

class EndsTest : public ControlFixture {
  protected:
    Result<codec::Json> interrupt(const std::string& reason) {
        return wait_for<codec::Json>([this, reason](Responder<codec::Json> responder) {
            plane_->interrupt_session(
                Caller::user(kAlice), SessionId{"demo"}, {reason}, std::move(responder));
        });
    }
    /// The event that ended the run, as clients see it.
    std::string end_of(RunId run) {
        const codec::Json events = *plane_->run_events_view(Caller::user(kAlice), run);
        for (const codec::Json& entry : events.items()) {
            const codec::Json event = *entry.find("event");
            const std::string type = event.find("type")->string();
            if (type == "interrupted" || type == "cancelled")
                return type + ": " + event.find("reason")->string();
        }
        return "no end";
    }
};

TEST_F(EndsTest, AnInterruptLeavesItsReasonWithEveryRunThatItEnds) {
    make_session("demo");
    const RunId active = submit("demo", "1");
    const RunId queued = submit("demo", "2");
    launched(active);
    const Result<codec::Json> view = interrupt("the disk is full");
    ASSERT_TRUE(view.has_value()) << view.error().to_string();
    EXPECT_TRUE(view->find("interrupted")->boolean());
    EXPECT_EQ(end_of(active), "interrupted: the disk is full");
    EXPECT_EQ(end_of(queued), "cancelled: the disk is full");
}

TEST_F(EndsTest, AnInterruptWithoutAReasonSaysThatItWasOne) {
    make_session("demo");
    const RunId run = submit("demo", "1");
    launched(run);
    ASSERT_TRUE(interrupt("").has_value());
    EXPECT_EQ(end_of(run), "interrupted: the session was interrupted");
    const Result<codec::Json> again = interrupt("");
    ASSERT_TRUE(again.has_value());
    EXPECT_FALSE(again->find("interrupted")->boolean()) << "nothing runs any more";
}

TEST_F(EndsTest, EndingASessionEndsItsRunsAndRefusesMore) {
    make_session("demo");
    const RunId first = submit("demo", "1");
    const RunId second = submit("demo", "2");
    launched(first);
    const Result<codec::Json> ended =
        wait_for<codec::Json>([this](Responder<codec::Json> responder) {
            plane_->end_session(
                Caller::user(kAlice), SessionId{"demo"}, {"done"}, std::move(responder));
        });
    ASSERT_TRUE(ended.has_value()) << ended.error().to_string();
    EXPECT_EQ(status(first), "interrupted");
    EXPECT_EQ(status(second), "cancelled");
    const Result<SubmittedRun> refused =
        wait_for<SubmittedRun>([this](Responder<SubmittedRun> responder) {
            SubmitInput input;
            input.content = "x";
            plane_->submit(
                Caller::user(kAlice), SessionId{"demo"}, std::move(input), std::move(responder));
        });
    EXPECT_EQ(refused.error().code, Errc::session_ended);
}

TEST_F(EndsTest, AnEndedRunWhoseScopeIsStillThereIsLookedAtAgain) {
    make_session("demo");
    const RunId run = submit("demo", "x");
    launched(run);
    routes_->fake.answer("done");
    settle();
    EXPECT_EQ(status(run), "completed");
    crash(); // before the scope was reported gone
    boot();
    settle();
    ASSERT_EQ(host_->stops.size() + host_->adoptions.size(), 1U);
    scopes::Accounting accounting;
    accounting.cpu_usage_us = 77;
    host_->observer->on_lost(run, 1, accounting, "gone");
    settle();
    EXPECT_EQ(view(run).find("accounting")->find("cpu_usage_us")->integer(), 77);
    EXPECT_FALSE(journal_->run(run)->scope_open);
    crash();
    boot();
    EXPECT_TRUE(host_->stops.empty()) << "a settled run is left alone";
    EXPECT_TRUE(host_->adoptions.empty());
}

} // namespace
} // namespace kheish::control
