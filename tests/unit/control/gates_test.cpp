#include "control_fixture.hpp"

/// A gate releases exactly what was shown, once, however often and by whatever it is asked to.
namespace kheish::control {
namespace {

const models::ToolCall kBash{"toolu_2", "bash", R"({"command":"make"})"};

using Behavior = Resolution::Behavior;

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
    Resolution decision(Behavior behavior) const {
        Resolution resolution;
        resolution.approval = approval_;
        resolution.behavior = behavior;
        resolution.reason = "because";
        resolution.digest = digest_;
        return resolution;
    }
    /// What the model has just been told of the one call.
    std::string last_tool_result() const {
        const std::shared_ptr<FakeModel::Call> call = routes_->fake.current();
        if (call == nullptr)
            return "the model was not asked";
        const models::Part& last = call->request.messages.back().parts.back();
        const auto* result = std::get_if<models::ToolResult>(&last);
        return result == nullptr ? "no tool result" : result->text;
    }
    Resolution allow() const { return decision(Behavior::allow); }

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
    std::vector<Resolution> others(7, allow());
    others[0].approval.value += "0";
    others[1].behavior = Behavior::deny;
    others[2].reason = "another";
    others[3].digest = codec::sha256("another action");
    others[4].digest = {};
    others[5].updated_input = R"({"command":"make"})";
    others[6].result = "";
    for (const Resolution& other : others) {
        const Result<codec::Json> answer = send(other, "key");
        ASSERT_FALSE(answer.has_value());
        EXPECT_EQ(answer.error().code, Errc::idempotency_conflict);
    }
    EXPECT_EQ(host_->executions.size(), 1U);
}

TEST_F(GatesTest, ADecisionIsNotTakenTwice) {
    ASSERT_TRUE(send(allow(), {}).has_value());
    for (const Behavior behavior : {Behavior::allow, Behavior::deny}) {
        const Result<codec::Json> answer = send(decision(behavior), std::nullopt);
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

// --- what is done instead of what was shown

TEST_F(GatesTest, AnUpdatedInputIsWhatHappensAndTheModelIsTold) {
    Resolution resolution = allow();
    resolution.updated_input = R"({"command":"make check"})";
    ASSERT_TRUE(send(resolution, {}).has_value());
    ASSERT_EQ(host_->executions.size(), 1U);
    EXPECT_EQ(host_->executions[0].second.input, R"({"command":"make check"})");
    finish_call(run_, "call-1-0", "checked");
    const std::string told = last_tool_result();
    EXPECT_NE(told.find("changed its input to {\"command\":\"make check\"}"), std::string::npos);
    EXPECT_NE(told.find("checked"), std::string::npos);
    EXPECT_EQ(
        journal_->blob(journal_->tool_call(run_, CallId{"call-1-0"})->input.digest).value(),
        R"({"command":"make check"})");
}

TEST_F(GatesTest, AnUpdatedInputSurvivesARestartBeforeItsCallBegins) {
    crash();
    boot(); // the runner is to be asked: nothing starts until it has answered
    Resolution resolution = allow();
    resolution.updated_input = R"({"command":"make check"})";
    ASSERT_TRUE(send(resolution, {}).has_value());
    crash();
    boot();
    host_->observer->on_adopted(run_, 1, {});
    settle();
    ASSERT_EQ(host_->executions.size(), 1U);
    EXPECT_EQ(host_->executions[0].second.input, R"({"command":"make check"})");
}

TEST_F(GatesTest, AnUpdatedInputThatTheToolDoesNotTakeChangesNothing) {
    for (const char* input : {R"({"cmd":"make"})", R"({"command":7})", "{}"}) {
        Resolution resolution = allow();
        resolution.updated_input = input;
        const Result<codec::Json> answer = send(resolution, {});
        ASSERT_FALSE(answer.has_value()) << input;
        EXPECT_NE(answer.error().message.find("updated_input: "), std::string::npos);
    }
    EXPECT_EQ(status(run_), "waiting_for_approval");
    EXPECT_TRUE(host_->executions.empty());
    EXPECT_TRUE(send(allow(), {}).has_value()) << "the gate is as it was";
}

TEST_F(GatesTest, AnUpdatedInputIsJudgedAgainAndADenyRuleHolds) {
    crash();
    settings_.permission_rules.insert(
        settings_.permission_rules.begin(),
        {.pattern = "bash",
         .behavior = govern::Behavior::deny,
         .scope = govern::RuleScope::user,
         .reason = "no shell"});
    boot();
    Resolution resolution = allow();
    resolution.updated_input = R"({"command":"make check"})";
    const Result<codec::Json> answer = send(resolution, {});
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, Errc::forbidden);
    EXPECT_NE(answer.error().message.find("no shell"), std::string::npos);
    EXPECT_TRUE(host_->executions.empty());
}

TEST_F(GatesTest, NothingCanBeSuppliedForWhatHasNotHappened) {
    Resolution resolution = decision(Behavior::supply);
    resolution.result = "done";
    const Result<codec::Json> answer = send(resolution, {});
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, Errc::approval_state_conflict);
    EXPECT_EQ(status(run_), "waiting_for_approval");
}

class BatchTest : public ControlFixture {
  protected:
    Result<codec::Json> send(RunId run, std::vector<Resolution> resolutions) {
        return wait_for<codec::Json>([&](Responder<codec::Json> responder) {
            ResolveApprovals request;
            request.resolutions = std::move(resolutions);
            plane_->resolve_approvals(
                Caller::user(kAlice), run, std::move(request), std::move(responder));
        });
    }
};

TEST_F(BatchTest, IsAllOrNothingWhateverIsWrongWithItsSecond) {
    make_session("demo");
    const RunId run = submit("demo", "build");
    launched(run);
    routes_->fake.answer_calls({kBash, {"toolu_3", "bash", R"({"command":"make install"})"}});
    settle();
    Resolution first;
    first.approval = ApprovalId{"approval-1-1"};
    first.behavior = Behavior::allow;
    Resolution second = first;
    second.approval = ApprovalId{"approval-1-2"};
    std::vector<Resolution> wrong(4, second);
    wrong[0].updated_input = R"({"cmd":"no such member"})";
    wrong[1].behavior = Behavior::supply;
    wrong[1].result = "done";
    wrong[2].digest = codec::sha256("another action");
    wrong[3].approval = ApprovalId{"approval-1-3"};
    for (const Resolution& bad : wrong) {
        EXPECT_FALSE(send(run, {first, bad}).has_value());
        EXPECT_EQ(view(run).find("pending_approval_ids")->size(), 2U);
        EXPECT_TRUE(host_->executions.empty());
    }
    ASSERT_TRUE(send(run, {first, second}).has_value()) << "they wait as before";
    EXPECT_EQ(host_->executions.size(), 1U) << "one after the other";
    expect_rows_follow_events(run);
}

// --- a call whose outcome nobody knows

class OutcomeTest : public GatesTest {
  protected:
    void SetUp() override {
        GatesTest::SetUp();
        ASSERT_TRUE(send(allow(), {}).has_value());
        crash();
        boot();
        host_->observer->on_lost(run_, 1, {}, "the host was rebooted");
        settle();
        approval_ = ApprovalId{only_approval(run_)};
        digest_ = journal_->approval(approval_)->digest;
    }
};

TEST_F(OutcomeTest, WhatCameOfItIsToldToTheModelAndNothingRunsAgain) {
    Resolution resolution = decision(Behavior::supply);
    resolution.result = "I looked: it was built";
    ASSERT_TRUE(send(resolution, {}).has_value());
    EXPECT_TRUE(host_->executions.empty());
    EXPECT_EQ(last_tool_result(), "I looked: it was built");
    const Result<journal::ToolCallRow> call = journal_->tool_call(run_, CallId{"call-1-0"});
    EXPECT_EQ(call->outcome, "ok");
    EXPECT_EQ(send(resolution, {}).error().code, Errc::approval_request_not_pending);
}

TEST_F(OutcomeTest, WhatItWasGivenCannotBeChangedAfterwards) {
    Resolution resolution = allow();
    resolution.updated_input = R"({"command":"make check"})";
    const Result<codec::Json> answer = send(resolution, {});
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code, Errc::approval_state_conflict);
    EXPECT_EQ(wait_reason(run_), "outcome_unknown");
}

class ApprovalExpiry : public ControlFixture {
  protected:
    /// A run whose one call waits for an hour at most.
    RunId ask() {
        settings_.approvals_expire_after = std::chrono::hours(1);
        crash();
        boot();
        make_session("demo");
        const RunId run = submit("demo", "build");
        launched(run);
        routes_->fake.answer_calls({kBash});
        settle();
        return run;
    }
};

TEST_F(ApprovalExpiry, WhatNobodyDecidesInTimeIsDeniedOnceAndNeverEarly) {
    const RunId run = ask();
    const std::string gate = only_approval(run);
    EXPECT_TRUE(view(run).find("pending_approvals")->at(0).find("expires_at_ms"));
    timers_->pass(std::chrono::minutes(59));
    settle();
    crash();
    boot();
    host_->observer->on_lost(run, 1, {}, "the host was rebooted");
    settle();
    EXPECT_EQ(status(run), "waiting_for_approval");
    timers_->pass(std::chrono::minutes(1));
    settle();
    EXPECT_EQ(status(run), "running");
    EXPECT_TRUE(host_->executions.empty());
    ASSERT_NE(routes_->fake.current(), nullptr) << "the model goes on, and is told";
    const models::Message& told = routes_->fake.current()->request.messages.back();
    EXPECT_EQ(
        std::get<models::ToolResult>(told.parts.at(0)).text, "Denied: nobody has decided in time.");
    EXPECT_FALSE(resolve(run, gate, true).has_value()) << "too late";
    const journal::ApprovalRow row = *journal_->approval({gate});
    EXPECT_EQ(row.state, journal::ApprovalState::denied);
    EXPECT_EQ(row.resolved_by, "daemon");
    expect_rows_follow_events(run);
}

TEST_F(ApprovalExpiry, WhatIsDecidedInTimeDoesNotExpire) {
    const RunId run = ask();
    ASSERT_TRUE(resolve(run, only_approval(run), true).has_value());
    timers_->pass(std::chrono::hours(2));
    settle();
    EXPECT_EQ(host_->executions.size(), 1U);
    EXPECT_EQ(status(run), "running");
}

} // namespace
} // namespace kheish::control
