#include "control/permission_rules.hpp"
#include "control_fixture.hpp"

/// Rules of a session and of a project, beside those of everybody.
namespace kheish::control {
namespace {

using codec::Json;

constexpr std::string_view kNoPush =
    "[[rules]]\npattern = \"bash\"\ncommand = \"git push *\"\nbehavior = \"deny\"\n"
    "reason = \"not from here\"\n";

class OwnRulesTest : public ControlFixture {
  protected:
    void SetUp() override {
        govern::Rule rule;
        rule.pattern = "bash";
        rule.behavior = govern::Behavior::allow;
        rule.scope = govern::RuleScope::user;
        settings_.permission_rules.push_back(rule);
        ControlFixture::SetUp();
    }
    static Json rule_of(std::string_view pattern, std::string_view behavior) {
        return Json::object({{"pattern", pattern}, {"behavior", behavior}});
    }
    Result<CreatedSession> create(const Json& rules, const std::string& name = "demo") {
        const Result<CreateSession> request = parse_create_session(
            Json::object({{"session_id", name}, {"workspace", "/w"}, {"permission_rules", rules}}));
        if (!request)
            return fail(request.error());
        return wait_for<CreatedSession>([this, &request](Responder<CreatedSession> responder) {
            plane_->create_session(Caller::user(kAlice), *request, std::move(responder));
        });
    }
    void project_says(std::string_view text) { project_ = {true, std::string(text), ""}; }
    RunId run_that_asks_for(const std::string& command) {
        const RunId run = submit("demo", "go");
        launched(run);
        propose(command);
        return run;
    }
    void propose(const std::string& command) {
        routes_->fake.answer_calls(
            {{"provider-1", "bash", codec::canonical_json(Json::object({{"command", command}}))}});
        settle();
    }
    Json last_decision(RunId run) {
        const Json events = *plane_->run_events_view(Caller::user(kAlice), run);
        Json last = Json::object();
        for (const Json& entry : events.items())
            if (entry.find("event")->find("type")->string() == "permission.decided")
                last = *entry.find("event");
        return last;
    }
    static std::string text(const Json& view, std::string_view key) {
        return view.find(key) ? view.find(key)->string() : "";
    }
};

TEST_F(OwnRulesTest, OfAProjectDenyWhatIsAllowedElsewhere) {
    make_session("demo");
    project_says(kNoPush);
    const RunId run = run_that_asks_for("git push origin");
    EXPECT_TRUE(host_->executions.empty());
    const Json decision = last_decision(run);
    EXPECT_EQ(text(decision, "decision"), "deny");
    EXPECT_EQ(text(decision, "rule_scope"), "project");
    EXPECT_EQ(text(decision, "rule_pattern"), "bash(git push *)");
    propose("git pull");
    EXPECT_EQ(host_->executions.size(), 1U);
    EXPECT_EQ(text(last_decision(run), "rule_scope"), "user");
}

TEST_F(OwnRulesTest, NothingIsJudgedBeforeTheyAreKnown) {
    make_session("demo");
    const RunId run = submit("demo", "go");
    propose("git push origin");
    EXPECT_EQ(wait_reason(run), "launch");
    EXPECT_EQ(text(last_decision(run), "decision"), "");
    project_says(kNoPush);
    launched(run);
    EXPECT_EQ(text(last_decision(run), "decision"), "deny");
}

TEST_F(OwnRulesTest, AreThoseOfTheBeginningAfterARestartToo) {
    make_session("demo");
    project_says(kNoPush);
    const RunId run = submit("demo", "go");
    launched(run);
    crash();
    boot();
    project_ = {};
    host_->observer->on_adopted(run, 1, {});
    settle();
    propose("git push origin");
    EXPECT_EQ(text(last_decision(run), "decision"), "deny");
    EXPECT_TRUE(host_->executions.empty());
    expect_rows_follow_events(run);
}

TEST_F(OwnRulesTest, ThatCannotBeFollowedFailTheRunByName) {
    make_session("demo");
    project_says("[[rules]]\npattern = \"bash\"\nbehavior = \"allow\"\n");
    const RunId run = submit("demo", "go");
    launched(run);
    EXPECT_EQ(status(run), "failed");
    EXPECT_EQ(text(view(run), "error_code"), "project_permissions_invalid");
    EXPECT_NE(text(view(run), "error").find(".kheish/permissions.toml:1: "), std::string::npos)
        << text(view(run), "error");
    project_ = {true, "", ".kheish/permissions.toml: permission denied"};
    const RunId other = submit("demo", "go");
    launched(other);
    EXPECT_EQ(text(view(other), "error"), ".kheish/permissions.toml: permission denied");
    project_says("[[rules]]\npattern = \"b*h\"\nbehavior = \"deny\"\n");
    const RunId last = submit("demo", "go");
    launched(last);
    EXPECT_EQ(status(last), "failed");
}

TEST_F(OwnRulesTest, OfASessionHoldForItsRunsAndNoOthers) {
    Json rule = rule_of("bash", "ask");
    rule.set("command", "make *");
    ASSERT_TRUE(create(Json::array({rule})).has_value());
    const RunId run = run_that_asks_for("make install");
    EXPECT_EQ(status(run), "waiting_for_approval");
    EXPECT_EQ(text(last_decision(run), "rule_scope"), "session");
    const Json shown = *plane_->session_view(Caller::user(kAlice), SessionId{"demo"});
    EXPECT_EQ(
        codec::canonical_json(*shown.find("permission_rules")),
        codec::canonical_json(Json::array({rule})));
    // A project's deny wins over the session's ask.
    ASSERT_TRUE(resolve(run, only_approval(run), false).has_value());
    routes_->fake.answer("Done.");
    settle();
    project_says("[[rules]]\npattern = \"bash\"\nbehavior = \"deny\"\n");
    const RunId second = run_that_asks_for("make install");
    EXPECT_EQ(text(last_decision(second), "rule_scope"), "project");
    EXPECT_EQ(text(last_decision(second), "decision"), "deny");
}

TEST_F(OwnRulesTest, OfASessionAreFixed) {
    ASSERT_TRUE(create(Json::array({rule_of("bash", "deny")})).has_value());
    EXPECT_FALSE(create(Json::array({rule_of("bash", "deny")}))->created);
    EXPECT_FALSE(create(Json::array())->created) << "found again without saying them";
    const Result<CreatedSession> other = create(Json::array({rule_of("bash", "ask")}));
    ASSERT_FALSE(other.has_value());
    EXPECT_EQ(other.error().code, Errc::session_conflict);
}

TEST_F(OwnRulesTest, OfASessionMayOnlyNarrow) {
    const auto problem = [this](const Json& rules) {
        const Result<CreatedSession> created = create(rules);
        return created ? "none" : created.error().message;
    };
    EXPECT_NE(
        problem(Json::array({rule_of("bash", "allow")})).find("ask, deny"), std::string::npos);
    EXPECT_NE(
        problem(Json::array({rule_of("b*h", "ask")})).find("permission_rules[0]"),
        std::string::npos);
    Json path = rule_of("bash", "ask");
    path.set("path", "src/**");
    EXPECT_NE(problem(Json::array({path})).find("use a command"), std::string::npos);
    Json unknown = rule_of("bash", "ask");
    unknown.set("host", "example.org");
    EXPECT_NE(problem(Json::array({unknown})).find("host"), std::string::npos);
    Json many = Json::array();
    for (std::size_t i = 0; i <= kSessionRuleLimit; ++i)
        many.append(rule_of("bash", "ask"));
    EXPECT_NE(problem(many).find("64"), std::string::npos) << problem(many);
    EXPECT_FALSE(plane_->session_view(Caller::user(kAlice), SessionId{"demo"}).has_value());
}

TEST_F(OwnRulesTest, AreCheckedWithoutARun) {
    Json rule = rule_of("write_file", "deny");
    ASSERT_TRUE(create(Json::array({rule})).has_value());
    const auto checked = [this](const Json& body) {
        return *plane_->permission_view(Caller::user(kAlice), *parse_check_permission(body));
    };
    Json body = Json::object({{"tool_name", "write_file"}});
    EXPECT_EQ(text(checked(body), "decision"), "ask");
    EXPECT_EQ(text(checked(body), "project_policy"), "not_read_in_dry_run");
    body.set("session_id", "demo");
    EXPECT_EQ(text(checked(body), "decision"), "deny");
    EXPECT_EQ(text(checked(body), "scope"), "session");
    Json push = Json::object(
        {{"tool_name", "bash"},
         {"input", Json::object({{"command", "git push a"}})},
         {"project_permissions", kNoPush}});
    EXPECT_EQ(text(checked(push), "scope"), "project");
    EXPECT_EQ(text(checked(push), "decision"), "deny");
    push.set("project_permissions", "rules = 7\n");
    const Result<Json> wrong =
        plane_->permission_view(Caller::user(kAlice), *parse_check_permission(push));
    EXPECT_EQ(wrong.error().code, Errc::bad_request);
    EXPECT_NE(wrong.error().message.find(".kheish/permissions.toml:1: "), std::string::npos)
        << wrong.error().message;
}

TEST_F(OwnRulesTest, TheProjectsFileIsNoEditLikeAnother) {
    make_session("demo");
    const auto decision = [this](std::string_view path) {
        const Json body = Json::object(
            {{"tool_name", "write_file"},
             {"mode_override", "acceptEdits"},
             {"input", Json::object({{"path", path}, {"content", ""}})}});
        const Result<CheckPermission> request = parse_check_permission(body);
        return request ? text(*plane_->permission_view(Caller::user(kAlice), *request), "decision")
                       : request.error().message;
    };
    EXPECT_EQ(decision("notes.txt"), "allow");
    for (const char* path : {".kheish/permissions.toml", "./.kheish/x"})
        EXPECT_EQ(decision(path), "ask") << path;
}

} // namespace
} // namespace kheish::control
