#include "control_fixture.hpp"

#include <algorithm>

/// What a session may prove itself with at most, and what it is shown.
namespace kheish::control {
namespace {

using codec::Json;

class AnyScopeTest : public ControlFixture {
  protected:
    Result<CreatedSession> create_with(const Json& members, const std::string& name = "demo") {
        Json body = Json::object({{"session_id", name}, {"workspace", "/w"}});
        for (const std::string& member : members.keys())
            body.set(member, *members.find(member));
        const Result<CreateSession> request = parse_create_session(body);
        if (!request)
            return fail(request.error());
        return wait_for<CreatedSession>([this, &request](Responder<CreatedSession> responder) {
            plane_->create_session(Caller::user(kAlice), *request, std::move(responder));
        });
    }
    Json session(const std::string& name = "demo") {
        return *plane_->session_view(Caller::user(kAlice), SessionId{name});
    }
    static std::string text(const Json& view, std::string_view member) {
        return view.find(member) ? codec::canonical_json(*view.find(member)) : "";
    }
};

class ScopeTest : public AnyScopeTest {
  protected:
    Result<CreatedSession> create(const Json& scope, const std::string& name = "demo") {
        return create_with(Json::object({{"credential_scope", scope}}), name);
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
    EXPECT_EQ(text(session(), "credential_scope"), R"({"route_allow":["fake"]})");
    EXPECT_EQ(text(session(), "effective_credential_scope"), R"({"route_allow":["fake"]})");
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

// --- what is shown
// -----------------------------------------------------------------------------

constexpr std::string_view kReadFiles = "mcp__files__read";
constexpr std::string_view kReadMail = "mcp__mail__read";
constexpr std::string_view kNoServer = "mcp__read";

Status take_anything(const Json&) {
    return {};
}

tools::Tool tool_of(std::string_view name) {
    return {
        .name = name,
        .description = "Reads.",
        .input_schema = R"({"type":"object"})",
        .check = take_anything,
        .default_timeout = std::chrono::seconds(1)};
}

/// With tools of two servers, and one that has no proper name.
class CapabilityTest : public AnyScopeTest {
  protected:
    void SetUp() override {
        for (const std::string_view name : {kReadFiles, kReadMail, kNoServer})
            tools_.push_back(tool_of(name));
        AnyScopeTest::SetUp();
    }
    Result<CreatedSession> create(const std::string& scope, const std::string& name = "demo") {
        return create_with(
            Json::object({{"capability_scope", codec::parse_json(scope).value()}}), name);
    }
    RunId started(const std::string& session = "demo") {
        const RunId run = submit(session, "go");
        launched(run);
        return run;
    }
    void propose(std::string_view tool) {
        routes_->fake.answer_calls({{"provider-1", std::string(tool), "{}"}});
        settle();
    }
    /// Those of the MCP that the model is shown.
    std::vector<std::string> shown() {
        std::vector<std::string> names;
        for (const models::ToolSpecification& tool : routes_->fake.current()->request.tools)
            if (tool.name.starts_with("mcp"))
                names.push_back(tool.name);
        return names;
    }
    bool is_built_in_shown() {
        const std::vector<models::ToolSpecification>& all = routes_->fake.current()->request.tools;
        return std::count_if(all.begin(), all.end(), [](const models::ToolSpecification& tool) {
                   return tools::find_tool(tool.name) != nullptr;
               }) == std::ssize(tools::all_tools());
    }
    /// What the model is told of its last call.
    models::ToolResult told() {
        return std::get<models::ToolResult>(
            routes_->fake.current()->request.messages.back().parts.front());
    }
    Json last_call(RunId run) {
        const std::vector<Json> events =
            plane_->run_events_view(Caller::user(kAlice), run)->items();
        Json last = Json::object();
        for (const Json& entry : events)
            if (entry.find("event")->find("type")->string() == "tool.finished")
                last = *entry.find("event");
        return last;
    }
    Result<Json> check(std::string_view tool, const std::string& session = "demo") {
        CheckPermission request;
        request.tool = tool;
        if (!session.empty())
            request.session = SessionId{session};
        return plane_->permission_view(Caller::user(kAlice), request);
    }
};

using Names = std::vector<std::string>;

TEST_F(CapabilityTest, AModelIsShownWhatTheScopePermits) {
    make_session("open");
    (void)started("open");
    EXPECT_EQ(shown(), (Names{"mcp__files__read", "mcp__mail__read"}));
    EXPECT_TRUE(is_built_in_shown());
    ASSERT_TRUE(create(R"({"mcp_server_allow":["files"]})").has_value());
    (void)started();
    EXPECT_EQ(shown(), Names{"mcp__files__read"});
    EXPECT_TRUE(is_built_in_shown());
    ASSERT_TRUE(create(R"({"mcp_tool_deny":["mcp__files__read"]})", "denied").has_value());
    (void)started("denied");
    EXPECT_EQ(shown(), Names{"mcp__mail__read"});
    ASSERT_TRUE(create(R"({"mcp_tool_allow":[]})", "none").has_value());
    (void)started("none");
    EXPECT_EQ(shown(), Names{});
    EXPECT_TRUE(is_built_in_shown());
}

TEST_F(CapabilityTest, ACallOfAHiddenToolFindsNoTool) {
    ASSERT_TRUE(create(R"({"mcp_server_deny":["mail"]})").has_value());
    const RunId run = started();
    for (const std::string_view name :
         {kReadMail, kNoServer, std::string_view("mcp__nowhere__read")}) {
        propose(name);
        const std::string why = "there is no tool \"" + std::string(name) + "\"";
        EXPECT_EQ(told().text, why);
        EXPECT_TRUE(told().is_error);
        EXPECT_EQ(last_call(run).find("outcome")->string(), "invalid") << name;
    }
    EXPECT_TRUE(host_->executions.empty());
    const std::vector<std::string> types = event_types(run);
    EXPECT_EQ(std::count(types.begin(), types.end(), "permission.decided"), 0);
    EXPECT_EQ(std::count(types.begin(), types.end(), "tool.finished"), 3);
    propose(kReadFiles);
    EXPECT_EQ(status(run), "waiting_for_approval");
    ASSERT_TRUE(resolve(run, only_approval(run), true).has_value());
    ASSERT_EQ(host_->executions.size(), 1U);
    EXPECT_EQ(host_->executions[0].second.tool, kReadFiles);
    expect_rows_follow_events(run);
}

TEST_F(CapabilityTest, StaysWithTheSessionAndItsRunsOverARestart) {
    const std::string scope = R"({"mcp_server_allow":["files"],"skill_deny":["*"]})";
    ASSERT_TRUE(create(scope).has_value());
    const RunId run = started();
    crash();
    boot();
    EXPECT_EQ(text(session(), "capability_scope"), scope);
    EXPECT_EQ(text(session(), "effective_capability_scope"), scope);
    EXPECT_EQ(text(session(), "credential_scope"), "");
    host_->observer->on_adopted(run, 1, {});
    settle();
    EXPECT_EQ(shown(), Names{"mcp__files__read"});
    propose(kReadMail);
    EXPECT_TRUE(told().is_error);
    routes_->fake.answer("done");
    settle();
    EXPECT_EQ(status(run), "completed");
    expect_rows_follow_events(run);
}

TEST_F(CapabilityTest, IsNotExchangedForAnother) {
    ASSERT_TRUE(create(R"({"mcp_server_allow":["files"]})").has_value());
    EXPECT_TRUE(create(R"({"mcp_server_allow":["files"]})").has_value());
    EXPECT_TRUE(create_with(Json::object()).has_value());
    const Result<CreatedSession> wider = create(R"({"mcp_server_allow":["files","mail"]})");
    EXPECT_EQ(wider.error().code, Errc::session_conflict);
    EXPECT_EQ(wider.error().message, "session demo has another capability scope");
    EXPECT_EQ(create("{}").error().code, Errc::session_conflict);
    const Result<CreatedSession> routes = create(R"({"route_allow":[]})", "x");
    EXPECT_EQ(routes.error().code, Errc::unknown_field);
    EXPECT_NE(routes.error().message.find("body.capability_scope"), std::string::npos);
    ASSERT_TRUE(create("{}", "open").has_value());
    EXPECT_EQ(journal_->session(SessionId{"open"})->capability_scope, "");
}

TEST_F(CapabilityTest, IsNotTakenForACredentialScopeWithTheSameKey) {
    const auto with = [this](std::string_view member) {
        return create_with(Json::object(
            {{member, Json::object({{"mcp_server_allow", Json::array()}})},
             {"idempotency_key", "key"}}));
    };
    ASSERT_TRUE(with("credential_scope").has_value());
    EXPECT_EQ(with("capability_scope").error().code, Errc::idempotency_conflict);
}

TEST_F(CapabilityTest, IsPartOfWhatIsTriedBeforehand) {
    ASSERT_TRUE(create(R"({"mcp_server_deny":["mail"]})").has_value());
    EXPECT_EQ(text(*check(kReadFiles), "decision"), R"("ask")");
    const Json hidden = *check(kReadMail);
    EXPECT_EQ(text(hidden, "decision"), R"("deny")");
    EXPECT_EQ(
        hidden.find("reason")->string(),
        "the session's capability scope hides \"mcp__mail__read\"");
    EXPECT_EQ(text(hidden, "mode_applied"), R"("default")");
    EXPECT_EQ(text(*check(kReadMail, ""), "decision"), R"("ask")");
    const Json nameless = *check(kNoServer, "");
    EXPECT_EQ(text(nameless, "decision"), R"("deny")");
    EXPECT_EQ(nameless.find("reason")->string(), "no MCP tool can have the name \"mcp__read\"");
    const auto listed = [this](const std::optional<SessionId>& session) {
        Names names;
        const Json view = *plane_->permissions_view(Caller::user(kAlice), {.session = session});
        for (const Json& tool : view.find("modes")->at(0).find("tools")->items())
            if (tool.find("tool_name")->string().starts_with("mcp"))
                names.push_back(tool.find("tool_name")->string());
        return names;
    };
    EXPECT_EQ(listed({}), (Names{"mcp__files__read", "mcp__mail__read"}));
    EXPECT_EQ(listed(SessionId{"demo"}), Names{"mcp__files__read"});
}

TEST(ToolSurfaces, ThatCannotBeReadAreNone) {
    const Result<ToolSurface> surface = ToolSurface::of(tools::all_tools(), "{");
    ASSERT_FALSE(surface.has_value());
    EXPECT_EQ(surface.error().code, Errc::journal_corrupt);
}

} // namespace
} // namespace kheish::control
