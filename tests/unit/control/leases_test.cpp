#include "control/subject_projection.hpp"
#include "control_fixture.hpp"

/// What requests to providers stand on, and what ends them.
namespace kheish::control {
namespace {

using codec::Json;

class LeasesTest : public ControlFixture {
  protected:
    void SetUp() override {
        ControlFixture::SetUp();
        routes_->need_credential("claude");
        make_session("demo");
        run_ = submit("demo", "go");
    }
    void restart() {
        crash();
        boot();
        routes_->need_credential("claude");
        host_->observer->on_adopted(run_, 1, {});
        settle();
    }
    static Caller root() {
        Caller caller = Caller::user(0);
        caller.acts_for_others = true;
        return caller;
    }
    using End = void (ControlPlane::*)(const Caller&, NamedRequest, Responder<Json>);
    Result<Json> end(End what, const std::string& name, const Caller& caller = root()) {
        return wait_for<Json>([&](Responder<Json> responder) {
            ((*plane_).*what)(caller, {.name = name, .reason = "because"}, std::move(responder));
        });
    }
    bool is_asked() { return routes_->fake.current() != nullptr; }
    Json subject(const std::string& name) { return *plane_->subject_view(root(), name); }
    std::size_t held(const std::string& name) {
        return subject(name).find("active_route_lease_ids")->size();
    }

    RunId run_;
};

TEST_F(LeasesTest, ARequestStandsOnOneAsLongAsItLasts) {
    EXPECT_EQ(held("session:demo"), 1U);
    EXPECT_EQ(held("agent:agent-demo"), 1U);
    EXPECT_EQ(held("session:other"), 0U);
    const Json view = *plane_->lease_view(root(), "lease-1-1-1");
    EXPECT_TRUE(view.find("active")->boolean());
    const Json lease = *view.find("lease");
    EXPECT_EQ(lease.find("subject_id")->string(), "agent:agent-demo");
    EXPECT_EQ(lease.find("grant_id")->string(), "agent:agent-demo/route:fake");
    EXPECT_EQ(lease.find("audience")->find("slot_id")->string(), "claude");
    EXPECT_EQ(
        lease.find("expires_at_ms")->integer() - lease.find("issued_at_ms")->integer(), 3'600'000);
    const Json record = plane_->external_actions_view(root(), run_)->at(0);
    EXPECT_EQ(record.find("lease_id")->string(), "lease-1-1-1");
    EXPECT_EQ(record.find("grant_id")->string(), "agent:agent-demo/route:fake");
    routes_->fake.answer("done");
    settle();
    EXPECT_EQ(held("session:demo"), 0U);
    EXPECT_EQ(plane_->lease_view(root(), "lease-1-1-1").error().code, Errc::not_found);
}

TEST_F(LeasesTest, ARevokedSubjectAsksNothingUntilItIsRestored) {
    const std::shared_ptr<FakeModel::Call> asked = routes_->fake.current();
    ASSERT_TRUE(end(&ControlPlane::revoke_subject, "session:demo").has_value());
    EXPECT_TRUE(asked->aborted);
    EXPECT_EQ(wait_reason(run_), "credential");
    EXPECT_EQ(held("session:demo"), 0U);
    EXPECT_TRUE(subject("session:demo").find("revoked")->boolean());
    EXPECT_EQ(subject("session:demo").find("current_epoch")->integer(), 1);
    const std::size_t calls = routes_->fake.call_count();
    timers_->pass(std::chrono::hours(5));
    settle();
    restart();
    EXPECT_EQ(wait_reason(run_), "credential");
    EXPECT_FALSE(is_asked());
    EXPECT_EQ(routes_->fake.call_count(), 0U) << "of this start; before, it were " << calls;
    ASSERT_TRUE(end(&ControlPlane::restore_subject, "session:demo").has_value());
    EXPECT_TRUE(is_asked());
    routes_->fake.answer("done");
    settle();
    EXPECT_EQ(status(run_), "completed");
    EXPECT_EQ(subject("session:demo").find("current_epoch")->integer(), 1);
    expect_rows_follow_events(run_);
}

TEST_F(LeasesTest, TheAgentIsASubjectOfItsOwn) {
    ASSERT_TRUE(end(&ControlPlane::revoke_subject, "agent:agent-demo").has_value());
    EXPECT_FALSE(is_asked());
    EXPECT_EQ(wait_reason(run_), "credential");
    EXPECT_FALSE(subject("session:demo").find("revoked")->boolean());
}

TEST_F(LeasesTest, ARevokedLeaseGivesItsRequestUp) {
    EXPECT_EQ(end(&ControlPlane::revoke_lease, "lease-9-1-1").error().code, Errc::not_found);
    EXPECT_TRUE(is_asked());
    const Result<Json> revoked = end(&ControlPlane::revoke_lease, "lease-1-1-1");
    ASSERT_TRUE(revoked.has_value());
    EXPECT_TRUE(revoked->find("revoked")->boolean());
    EXPECT_FALSE(is_asked());
    EXPECT_EQ(wait_reason(run_), "credential");
    timers_->pass(std::chrono::hours(2));
    settle();
    EXPECT_TRUE(is_asked()) << "under another lease";
    EXPECT_TRUE(plane_->lease_view(root(), "lease-1-1-2").has_value());
}

TEST_F(LeasesTest, AllLeasesOfASlotGoAtOnce) {
    make_session("second");
    submit("second", "go");
    const Result<Json> none = end(&ControlPlane::revoke_slot, "another");
    EXPECT_EQ(none->find("revoked_leases")->integer(), 0);
    const Result<Json> both = end(&ControlPlane::revoke_slot, "claude");
    ASSERT_TRUE(both.has_value());
    EXPECT_EQ(both->find("revoked_leases")->integer(), 2);
    EXPECT_FALSE(is_asked());
    EXPECT_EQ(end(&ControlPlane::revoke_slot, "").error().code, Errc::bad_request);
}

TEST_F(LeasesTest, AreForAdministrators) {
    const Caller alice = Caller::user(kAlice);
    for (const End what :
         {&ControlPlane::revoke_subject,
          &ControlPlane::restore_subject,
          &ControlPlane::revoke_lease,
          &ControlPlane::revoke_slot})
        EXPECT_EQ(end(what, "session:demo", alice).error().code, Errc::forbidden);
    EXPECT_EQ(plane_->subject_view(alice, "session:demo").error().code, Errc::forbidden);
    EXPECT_EQ(plane_->lease_view(alice, "lease-1-1-1").error().code, Errc::forbidden);
    EXPECT_TRUE(is_asked());
}

TEST_F(LeasesTest, SubjectsAreNamedAndChangedOnce) {
    for (const char* name : {"", "demo", "daemon", "session:", "token:ci"})
        EXPECT_EQ(end(&ControlPlane::revoke_subject, name).error().code, Errc::bad_request) << name;
    ASSERT_TRUE(end(&ControlPlane::revoke_subject, "session:demo").has_value());
    const EventSeq newest = journal_->newest_seq();
    ASSERT_TRUE(end(&ControlPlane::revoke_subject, "session:demo").has_value());
    EXPECT_EQ(journal_->newest_seq(), newest) << "a repeated one changes nothing";
    engine::Event event;
    event.body = engine::SubjectRestored{"session:x", ""};
    EXPECT_FALSE(follow_subject({}, event).has_value());
    event.body = engine::SubjectRevoked{"session:x", ""};
    const Result<journal::SubjectRow> row = follow_subject({}, event);
    ASSERT_TRUE(row.has_value());
    EXPECT_FALSE(follow_subject(*row, event).has_value());
}

} // namespace
} // namespace kheish::control
