#include "upkeep_fixture.hpp"

/// Secrets and grants, as the record has them.
namespace kheish::upkeep {
namespace {

class UpkeepOfGovernance : public UpkeepTest {
  protected:
    void SetUp() override {
        given_.credentials["secrets-master-key"] = govern::MasterKey::generate(entropy_);
        UpkeepTest::SetUp();
        root_.acts_for_others = true;
        for (const char* name : {"claude", "gone"})
            EXPECT_TRUE(wait_for<codec::Json>([&](Responder<codec::Json> responder) {
                plane_->set_secret(
                    root_, {.name = name, .value = Secret("sk-secret")}, std::move(responder));
            }));
        EXPECT_TRUE(wait_for<codec::Json>([this](Responder<codec::Json> responder) {
            plane_->revoke_secret(root_, {.name = "gone"}, std::move(responder));
        }));
        grant_ = make_grant();
        EXPECT_TRUE(wait_for<codec::Json>([this](Responder<codec::Json> responder) {
            plane_->revoke_subject(root_, {.name = "session:demo"}, std::move(responder));
        }));
    }
    /// Beside the release of the gate that waits.
    std::string make_grant() {
        control::ResolveApprovals request;
        control::Resolution& resolution = request.resolutions.emplace_back();
        resolution.approval = ApprovalId{only_approval(waiting_)};
        resolution.behavior = control::Resolution::Behavior::allow;
        resolution.remember = control::Remember{.lifetime = govern::GrantLifetime::session};
        EXPECT_TRUE(wait_for<codec::Json>([&](Responder<codec::Json> responder) {
            plane_->resolve_approvals(root_, waiting_, request, std::move(responder));
        }));
        return "grant-" + resolution.approval.value.substr(9);
    }

    control::Caller root_ = control::Caller::user(0);
    std::string grant_;
};

TEST_F(UpkeepOfGovernance, SecretsAndGrantsAreVerifiedAndMadeAnew) {
    expect_whole(path());
    const journal::GrantRow grant = *journal_->grant(grant_);
    crash();
    const Result<Rebuilt> rebuilt = rebuild(path(), clock_, entropy_);
    ASSERT_TRUE(rebuilt) << rebuilt.error().to_string();
    EXPECT_EQ(rebuilt->lost_secrets, 0);
    expect_whole(path());
    boot();
    EXPECT_EQ(*journal_->grant(grant_), grant);
    EXPECT_EQ(secrets_->read("claude")->reveal(), "sk-secret");
    EXPECT_EQ(journal_->secret("gone")->state, journal::SecretState::revoked);
}

TEST_F(UpkeepOfGovernance, SecretsThatCannotBeReadAreCountedAndHaveToBeGivenAnew) {
    crash();
    journal::raw_sql(path(), "DELETE FROM secrets");
    const Result<Rebuilt> rebuilt = rebuild(path(), clock_, entropy_);
    ASSERT_TRUE(rebuilt) << rebuilt.error().to_string();
    EXPECT_EQ(rebuilt->lost_secrets, 1);
    boot();
    EXPECT_NE(secrets_->read("claude").error().message.find("is lost"), std::string::npos);
}

TEST_F(UpkeepOfGovernance, ARevokedSecretThatWasPutBackIsFound) {
    expect_finding(
        "UPDATE secrets SET state = 'stored', value = 'x' WHERE name = 'gone'",
        "the row of secret gone is not what its events make");
}

TEST_F(UpkeepOfGovernance, ASecretThatNobodyGaveIsFound) {
    expect_finding(
        "INSERT INTO secrets (name, version, state, value, data_key, master_key, created_us, "
        "updated_us, updated_by) VALUES ('me', 1, 'stored', 'x', 'x', 'x', 1, 1, 'user:0')",
        "there is a row of secret me that no event makes");
}

TEST_F(UpkeepOfGovernance, ASubjectThatWasRestoredBehindTheJournalsBackIsFound) {
    expect_finding("UPDATE subjects SET revoked = 0", "the row of session:demo is not what");
}

TEST_F(UpkeepOfGovernance, ASubjectWhoseRowIsGoneIsFound) {
    expect_finding("DELETE FROM subjects", "a subject has events and no row");
}

TEST_F(UpkeepOfGovernance, AGrantThatNobodyMadeIsFound) {
    expect_finding(
        "INSERT INTO grants SELECT 99, 'grant-9-9', run_id, session_id, call_id, approval_id, "
        "tool, 'command', 'rm *', NULL, lifetime, expires_us, created_us, created_by, revoked_us, "
        "revoked_by, revoke_reason FROM grants",
        "there are rows of grants that no event makes");
}

TEST_F(UpkeepOfGovernance, AGrantThatWasMadeWiderIsFound) {
    expect_finding(
        "UPDATE grants SET kind = 'command', pattern = 'rm *', action_sha256 = NULL",
        "is not what its events make");
}

} // namespace
} // namespace kheish::upkeep
