#include "control_fixture.hpp"

/// Gates that nobody decides: who may decide them is told again, and then others may.
namespace kheish::control {
namespace {

const models::ToolCall kBash{"toolu_2", "bash", R"({"command":"make"})"};

using Behavior = Resolution::Behavior;

class ApprovalOverdue : public ControlFixture, public ChangeListener {
  protected:
    void SetUp() override {
        settings_.approvals_remind_after = std::chrono::hours(1);
        settings_.approvals_escalate_after = std::chrono::hours(2);
        settings_.approvals_escalate_to = {Principal::user(kBob), Principal::token("ops")};
        ControlFixture::SetUp();
        make_session("demo");
        run_ = submit("demo", "build");
        launched(run_);
        routes_->fake.answer_calls({kBash});
        settle();
        plane_->set_change_listener(this);
        gate_ = only_approval(run_);
    }
    void TearDown() override {
        plane_->set_change_listener(nullptr);
        ControlFixture::TearDown();
    }
    void on_session_changed(const SessionId&, bool, bool) override {}
    void on_run_changed(RunId, bool, bool) override {}
    void on_question_changed(const QuestionId&, bool, bool) override {}
    void on_approval_changed(const ApprovalId&, bool, bool) override {}
    void on_approval_overdue(const ApprovalId& approval) override {
        overdue_.push_back(approval.value);
    }
    void pass(std::chrono::microseconds time) {
        timers_->pass(time);
        settle();
    }
    void restart() {
        crash();
        boot();
        plane_->set_change_listener(this);
        host_->observer->on_adopted(run_, 1, {});
        settle();
    }
    Result<codec::Json> remembered_by(const Caller& caller) {
        ResolveApprovals request;
        Resolution& resolution = request.resolutions.emplace_back();
        resolution.approval = ApprovalId{gate_};
        resolution.behavior = Behavior::allow;
        resolution.remember = Remember{.lifetime = govern::GrantLifetime::session};
        return wait_for<codec::Json>([&](Responder<codec::Json> responder) {
            plane_->resolve_approvals(caller, run_, request, std::move(responder));
        });
    }
    std::size_t listed(const Caller& caller) {
        return plane_->approvals_view(caller, std::nullopt)->size();
    }
    std::int64_t count(const std::string& type) {
        const std::vector<std::string> types = event_types(run_);
        return std::count(types.begin(), types.end(), type);
    }

    RunId run_;
    std::string gate_;
    std::vector<std::string> overdue_;
};

TEST_F(ApprovalOverdue, ThoseWhoMayDecideAreToldAgainOnce) {
    pass(std::chrono::minutes(59));
    EXPECT_TRUE(overdue_.empty());
    restart();
    pass(std::chrono::minutes(1));
    EXPECT_EQ(overdue_, std::vector<std::string>{gate_});
    restart();
    pass(std::chrono::minutes(30));
    EXPECT_EQ(count("approval.reminded"), 1);
    EXPECT_EQ(status(run_), "waiting_for_approval");
}

TEST_F(ApprovalOverdue, OthersMayDecideOnceItIsEscalatedToThem) {
    const Caller bob = Caller::user(kBob);
    EXPECT_EQ(listed(bob), 0U);
    EXPECT_EQ(resolve(run_, gate_, true, kBob).error().code, Errc::forbidden);
    EXPECT_EQ(plane_->approval_view(bob, ApprovalId{gate_}).error().code, Errc::forbidden);
    pass(std::chrono::hours(2));
    restart();
    pass(std::chrono::hours(2));
    EXPECT_EQ(count("approval.escalated"), 1);
    EXPECT_EQ(listed(bob), 1U);
    EXPECT_EQ(listed(Caller::token("ops", Role::operate)), 1U);
    EXPECT_EQ(listed(Caller::user(kBob + 1)), 0U);
    EXPECT_EQ(listed(Caller::user(kAlice)), 1U);
    const Result<codec::Json> shown = plane_->approval_view(bob, ApprovalId{gate_});
    ASSERT_TRUE(shown.has_value());
    EXPECT_EQ(shown->find("escalated_to")->at(0).string(), "user:1002");
    EXPECT_EQ(plane_->approval_summary(ApprovalId{gate_})->escalated_to.size(), 2U);
    EXPECT_EQ(plane_->run_view(bob, run_).error().code, Errc::forbidden) << "the gate, not the run";
    EXPECT_EQ(remembered_by(bob).error().code, Errc::forbidden) << "this gate, and no more";
    EXPECT_EQ(status(run_), "waiting_for_approval");
    ASSERT_TRUE(resolve(run_, gate_, true, kBob).has_value());
    EXPECT_EQ(journal_->approval(ApprovalId{gate_})->state, journal::ApprovalState::allowed);
    EXPECT_EQ(journal_->approval(ApprovalId{gate_})->resolved_by, "user:1002");
    EXPECT_EQ(listed(bob), 0U);
    expect_rows_follow_events(run_);
}

TEST_F(ApprovalOverdue, WhatIsDecidedIsNobodysMatterAnyMore) {
    ASSERT_TRUE(resolve(run_, gate_, false).has_value());
    pass(std::chrono::hours(3));
    EXPECT_TRUE(overdue_.empty());
    EXPECT_EQ(count("approval.reminded") + count("approval.escalated"), 0);
}

/// The call was released and its runner is gone: somebody is to say what came of it.
class OutcomeOverdue : public ApprovalOverdue {
  protected:
    void SetUp() override {
        ApprovalOverdue::SetUp();
        ASSERT_TRUE(resolve(run_, gate_, true).has_value());
        lose(1);
    }
    /// The call's execution in this attempt is lost.
    void lose(int attempt) {
        host_->observer->on_lost(run_, attempt, {}, "the host was rebooted");
        settle();
        gate_ = only_approval(run_);
        ASSERT_EQ(wait_reason(run_), "outcome_unknown");
    }
    void restart_alone() {
        crash();
        boot();
        plane_->set_change_listener(this);
        settle();
    }
    Result<codec::Json> supply(const Caller& caller) {
        ResolveApprovals request;
        Resolution& resolution = request.resolutions.emplace_back();
        resolution.approval = ApprovalId{gate_};
        resolution.behavior = Behavior::supply;
        resolution.result = "I looked: it was built";
        return wait_for<codec::Json>([&](Responder<codec::Json> responder) {
            plane_->resolve_approvals(caller, run_, request, std::move(responder));
        });
    }
};

TEST_F(OutcomeOverdue, ThoseWhoMaySayAreToldAgainOnce) {
    pass(std::chrono::minutes(59));
    EXPECT_TRUE(overdue_.empty());
    restart_alone();
    pass(std::chrono::minutes(1));
    EXPECT_EQ(overdue_, std::vector<std::string>{gate_});
    restart_alone();
    pass(std::chrono::minutes(30));
    EXPECT_EQ(count("approval.reminded"), 1);
    EXPECT_EQ(wait_reason(run_), "outcome_unknown");
    expect_rows_follow_events(run_);
}

TEST_F(OutcomeOverdue, OthersMaySayOnceItIsEscalatedToThem) {
    const Caller bob = Caller::user(kBob);
    const Caller ops = Caller::token("ops", Role::operate);
    EXPECT_EQ(listed(bob), 0U);
    EXPECT_EQ(supply(bob).error().code, Errc::forbidden);
    EXPECT_EQ(plane_->approval_view(bob, ApprovalId{gate_}).error().code, Errc::forbidden);
    pass(std::chrono::hours(2));
    restart_alone();
    pass(std::chrono::hours(2));
    EXPECT_EQ(count("approval.escalated"), 1);
    EXPECT_EQ(listed(bob), 1U);
    EXPECT_EQ(listed(ops), 1U);
    EXPECT_EQ(listed(Caller::user(kBob + 1)), 0U);
    EXPECT_EQ(supply(Caller::user(kBob + 1)).error().code, Errc::forbidden);
    const Result<codec::Json> shown = plane_->approval_view(bob, ApprovalId{gate_});
    ASSERT_TRUE(shown.has_value()) << shown.error().to_string();
    EXPECT_EQ(shown->find("gate")->string(), "outcome_unknown");
    EXPECT_EQ(shown->find("escalated_to")->at(0).string(), "user:1002");
    EXPECT_EQ(plane_->approval_summary(ApprovalId{gate_})->escalated_to.size(), 2U);
    EXPECT_EQ(plane_->run_view(bob, run_).error().code, Errc::forbidden) << "the gate, not the run";
    ASSERT_TRUE(supply(ops).has_value());
    EXPECT_EQ(journal_->approval(ApprovalId{gate_})->resolved_by, "token:ops");
    EXPECT_EQ(listed(bob), 0U);
    EXPECT_TRUE(host_->executions.empty()) << "nothing has run again";
    EXPECT_EQ(journal_->tool_call(run_, CallId{"call-1-0"})->outcome, "ok");
    expect_rows_follow_events(run_);
}

TEST_F(OutcomeOverdue, WhatIsSaidIsNobodysMatterAnyMore) {
    ASSERT_TRUE(resolve(run_, gate_, false).has_value());
    pass(std::chrono::hours(3));
    EXPECT_TRUE(overdue_.empty());
    EXPECT_EQ(count("approval.reminded") + count("approval.escalated"), 0);
}

TEST_F(OutcomeOverdue, WhatIsLostAgainIsAskedAboutFromThenOn) {
    const std::string first = gate_;
    pass(std::chrono::minutes(90));
    ASSERT_TRUE(resolve(run_, first, true).has_value());
    launched(run_, 2);
    lose(2);
    EXPECT_NE(gate_, first);
    pass(std::chrono::minutes(59));
    EXPECT_EQ(overdue_, std::vector<std::string>{first});
    pass(std::chrono::minutes(1));
    EXPECT_EQ(overdue_, (std::vector<std::string>{first, gate_}));
    EXPECT_EQ(count("approval.escalated"), 0);
}

} // namespace
} // namespace kheish::control
