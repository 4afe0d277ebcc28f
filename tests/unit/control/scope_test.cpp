#include "control_fixture.hpp"

/// What a session may prove itself with at most.
namespace kheish::control {
namespace {

using codec::Json;

class ScopeTest : public ControlFixture {
  protected:
    Result<CreatedSession> create(const Json& scope, const std::string& name = "demo") {
        const Result<CreateSession> request = parse_create_session(
            Json::object({{"session_id", name}, {"workspace", "/w"}, {"credential_scope", scope}}));
        if (!request)
            return fail(request.error());
        return wait_for<CreatedSession>([this, &request](Responder<CreatedSession> responder) {
            plane_->create_session(Caller::user(kAlice), *request, std::move(responder));
        });
    }
    Result<SubmittedRun> ask() {
        SubmitInput input;
        input.content = "go";
        return wait_for<SubmittedRun>([this, &input](Responder<SubmittedRun> responder) {
            plane_->submit(Caller::user(kAlice), SessionId{"demo"}, input, std::move(responder));
        });
    }
    static Json allows(std::initializer_list<const char*> routes) {
        Json list = Json::array();
        for (const char* route : routes)
            list.append(Json(route));
        return Json::object({{"route_allow", list}});
    }
};

TEST_F(ScopeTest, ARouteOutsideOfItIsRefusedByName) {
    ASSERT_TRUE(create(allows({"another"})).has_value());
    const Result<SubmittedRun> refused = ask();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::forbidden);
    EXPECT_EQ(refused.error().message, "the credential scope of session demo blocks route fake");
    EXPECT_EQ(routes_->fake.call_count(), 0U);
}

TEST_F(ScopeTest, AnEmptyListIsNothingAndAnAbsentOneEverything) {
    ASSERT_TRUE(create(allows({})).has_value());
    EXPECT_EQ(ask().error().code, Errc::forbidden);
    ASSERT_TRUE(create(Json::object(), "other").has_value());
    EXPECT_EQ(journal_->session(SessionId{"other"})->credential_scope, "");
}

TEST_F(ScopeTest, StaysWithTheSessionAndItsRunsOverARestart) {
    ASSERT_TRUE(create(allows({"fake"})).has_value());
    const Result<SubmittedRun> run = ask();
    ASSERT_TRUE(run.has_value()) << run.error().to_string();
    launched(run->run);
    crash();
    boot();
    const Json view = *plane_->session_view(Caller::user(kAlice), SessionId{"demo"});
    EXPECT_EQ(codec::canonical_json(*view.find("credential_scope")), R"({"route_allow":["fake"]})");
    host_->observer->on_adopted(run->run, 1, {});
    settle();
    routes_->fake.answer("done");
    settle();
    EXPECT_EQ(status(run->run), "completed");
    expect_rows_follow_events(run->run);
}

TEST_F(ScopeTest, IsNotExchangedForAnother) {
    ASSERT_TRUE(create(allows({"fake"})).has_value());
    EXPECT_TRUE(create(allows({"fake"})).has_value());
    EXPECT_EQ(create(allows({"fake", "another"})).error().code, Errc::session_conflict);
    EXPECT_EQ(create(Json::object()).error().code, Errc::session_conflict);
    EXPECT_EQ(
        create(Json::object({{"routes", Json::array()}}), "x").error().code, Errc::unknown_field);
}

} // namespace
} // namespace kheish::control
