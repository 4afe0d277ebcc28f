#include "control_fixture.hpp"

/// Inline input: who waits for a run hears of its end, and of its waits for people.
namespace kheish::control {
namespace {

const models::ToolCall kBash{"toolu_2", "bash", R"({"command":"make"})"};

class WaitsTest : public ControlFixture {
  protected:
    void SetUp() override {
        ControlFixture::SetUp();
        make_session("demo");
    }

    /// As POST /v1/sessions/{sid}/input does it.
    RunId submit_inline(const std::string& text) {
        SubmitInput input;
        input.content = text;
        const Result<SubmittedRun> run = wait_for<SubmittedRun>([&](Responder<SubmittedRun> to) {
            plane_->submit_to_idle(
                Caller::user(kAlice), SessionId{"demo"}, std::move(input), std::move(to));
        });
        EXPECT_TRUE(run.has_value());
        plane_->when_at_rest(run->run, [this] { ++rests_; });
        return run->run;
    }
    codec::Json snapshot() {
        return *plane_->session_view(Caller::user(kAlice), SessionId{"demo"})->find("snapshot");
    }

    int rests_ = 0;
};

TEST_F(WaitsTest, InlineInputEndsWithTheRun) {
    const RunId run = submit_inline("x");
    launched(run);
    EXPECT_EQ(rests_, 0);
    routes_->fake.answer("done");
    settle();
    EXPECT_EQ(rests_, 1);
    plane_->when_at_rest(run, [this] { ++rests_; });
    EXPECT_EQ(rests_, 2) << "an ended run rests";
}

TEST_F(WaitsTest, InlineInputEndsWhenARunWaitsForAnApprovalAndShowsIt) {
    const RunId run = submit_inline("build");
    launched(run);
    routes_->fake.answer_calls({kBash});
    settle();
    EXPECT_EQ(rests_, 1);
    EXPECT_EQ(snapshot().find("agent")->find("status")->string(), "waiting_for_approval");
    EXPECT_EQ(snapshot().find("pending_approvals")->size(), 1U);
    plane_->when_at_rest(run, [this] { ++rests_; });
    EXPECT_EQ(rests_, 2) << "at once while it waits";
    ASSERT_TRUE(resolve(run, only_approval(run), true).has_value());
    plane_->when_at_rest(run, [this] { ++rests_; });
    EXPECT_EQ(rests_, 2) << "it goes on";
    finish_call(run, "call-1-0", "built");
    routes_->fake.answer("It builds.");
    settle();
    EXPECT_EQ(rests_, 3);
}

TEST_F(WaitsTest, InlineInputEndsWhenAnOutcomeIsUnknown) {
    const RunId run = submit_inline("build");
    launched(run);
    routes_->fake.answer_calls({kBash});
    settle();
    ASSERT_TRUE(resolve(run, only_approval(run), true).has_value());
    rests_ = 0;
    plane_->when_at_rest(run, [this] { ++rests_; });
    host_->observer->on_lost(run, 1, {}, "killed");
    settle();
    EXPECT_EQ(wait_reason(run), "outcome_unknown");
    EXPECT_EQ(rests_, 1);
}

TEST_F(WaitsTest, AnInterruptIsAnsweredAtTheEndNotAtAWaitForAPerson) {
    const RunId run = submit_inline("build");
    launched(run);
    routes_->fake.answer_calls({kBash});
    settle();
    ASSERT_TRUE(resolve(run, only_approval(run), true).has_value());
    std::optional<Result<codec::Json>> answer;
    plane_->interrupt_session(
        Caller::user(kAlice),
        SessionId{"demo"},
        {},
        Responder<codec::Json>(
            [&answer](Result<codec::Json> result) { answer = std::move(result); }));
    settle();
    EXPECT_FALSE(answer.has_value()) << "its tool is still running";
    finish_call(run, "call-1-0", "built");
    EXPECT_EQ(status(run), "interrupted");
    ASSERT_TRUE(answer.has_value());
    EXPECT_TRUE((*answer)->find("interrupted")->boolean());
}

} // namespace
} // namespace kheish::control
