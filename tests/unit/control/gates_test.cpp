#include "control_fixture.hpp"

/// A gate releases exactly what was shown, once, however often and by whatever it is asked to.
namespace kheish::control {
namespace {

const models::ToolCall kBash{"toolu_2", "bash", R"({"command":"make"})"};

class GatesTest : public ControlFixture {
  protected:
    void SetUp() override {
        ControlFixture::SetUp();
        make_session("demo");
        run_ = submit("demo", "build");
        launched(run_);
        routes_->fake.answer_calls({kBash});
        settle();
        approval_ = ApprovalId{only_approval(run_)};
        digest_ = journal_->approval(approval_)->digest;
    }

    Result<codec::Json> send(Resolution resolution, std::optional<std::string> key) {
        return wait_for<codec::Json>([&](Responder<codec::Json> responder) {
            ResolveApprovals request;
            request.resolutions.push_back(std::move(resolution));
            request.idempotency_key = std::move(key);
            plane_->resolve_approvals(
                Caller::user(kAlice), run_, std::move(request), std::move(responder));
        });
    }
    Resolution allow() const { return {approval_, true, "because", digest_}; }

    RunId run_;
    ApprovalId approval_;
    codec::Digest digest_;
};

TEST_F(GatesTest, AKeyAnswersTheSameDecisionAgainAndReleasesOnce) {
    ASSERT_TRUE(send(allow(), "key").has_value());
    EXPECT_TRUE(send(allow(), "key").has_value()) << "asked again, after a lost answer";
    EXPECT_EQ(host_->executions.size(), 1U);
}

TEST_F(GatesTest, AKeyOfAnotherDecisionIsAConflictWhateverDiffers) {
    ASSERT_TRUE(send(allow(), "key").has_value());
    std::vector<Resolution> others(5, allow());
    others[0].approval.value += "0";
    others[1].allow = false;
    others[2].reason = "another";
    others[3].digest = codec::sha256("another action");
    others[4].digest = {};
    for (const Resolution& other : others) {
        const Result<codec::Json> answer = send(other, "key");
        ASSERT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error().code, Errc::idempotency_conflict);
    }
    EXPECT_EQ(host_->executions.size(), 1U);
}

TEST_F(GatesTest, ADecisionIsNotTakenTwice) {
    ASSERT_TRUE(send(allow(), {}).has_value());
    for (const bool allowed : {true, false}) {
        const Result<codec::Json> answer =
            send({approval_, allowed, "because", digest_}, std::nullopt);
        ASSERT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error().code, Errc::approval_request_not_pending);
    }
    EXPECT_EQ(host_->executions.size(), 1U);
}

TEST_F(GatesTest, AnotherDigestThanTheShownOneReleasesNothing) {
    Resolution other = allow();
    other.digest = codec::sha256("another action");
    const Result<codec::Json> answer = send(other, {});
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, Errc::approval_digest_mismatch);
    EXPECT_EQ(status(run_), "waiting_for_approval");
    EXPECT_TRUE(host_->executions.empty());
}

TEST_F(GatesTest, WhatWasAllowedForAnotherSandboxIsWithdrawn) {
    crash();
    settings_.sandbox_profile = "strict"; // after it was shown
    boot();
    ASSERT_TRUE(send(allow(), {}).has_value());
    host_->observer->on_adopted(run_, 1, {});
    settle();
    EXPECT_TRUE(host_->executions.empty());
    const Result<journal::ToolCallRow> call = journal_->tool_call(run_, CallId{"call-1-0"});
    ASSERT_TRUE(call.has_value());
    EXPECT_EQ(call->outcome, "invalid");
    EXPECT_EQ(call->executions, 0);
}

} // namespace
} // namespace kheish::control
