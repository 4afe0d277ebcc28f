#include "control_fixture.hpp"

/// Rules about what a call does: in a run, and asked for beforehand.
namespace kheish::control {
namespace {

using codec::Json;

class PermissionRules : public ControlFixture {
  protected:
    void SetUp() override {
        add("git status", govern::Behavior::allow);
        add("git push *", govern::Behavior::deny);
        ControlFixture::SetUp();
        make_session("demo");
    }
    void add(std::string_view command, govern::Behavior behavior) {
        govern::Rule rule;
        rule.pattern = "bash";
        rule.behavior = behavior;
        rule.scope = govern::RuleScope::user;
        rule.command = *govern::parse_command_pattern(command);
        settings_.permission_rules.push_back(std::move(rule));
    }
    RunId run_that_asks_for(const std::string& command) {
        const RunId run = submit("demo", "go");
        launched(run);
        routes_->fake.answer_calls(
            {{"provider-1", "bash", codec::canonical_json(Json::object({{"command", command}}))}});
        settle();
        return run;
    }
    Json checked(const Json& body) {
        const Result<CheckPermission> request = parse_check_permission(body);
        EXPECT_TRUE(request.has_value()) << request.error().to_string();
        return *plane_->permission_view(Caller::user(kAlice), *request);
    }
    static Json bash(const std::string& command) {
        return Json::object(
            {{"tool_name", "bash"}, {"input", Json::object({{"command", command}})}});
    }
    static std::string text(const Json& view, std::string_view key) {
        return view.find(key) ? view.find(key)->string() : "";
    }
};

TEST_F(PermissionRules, AnAllowedCommandIsExecutedAndEverythingElseIsGated) {
    (void)run_that_asks_for("git status");
    EXPECT_EQ(host_->executions.size(), 1U);
    finish_call(RunId{1}, host_->executions[0].second.call.value, "clean");
    routes_->fake.answer("Done.");
    settle();
    const RunId gated = run_that_asks_for("git status; make");
    EXPECT_EQ(host_->executions.size(), 1U);
    EXPECT_EQ(status(gated), "waiting_for_approval");
}

TEST_F(PermissionRules, WhatAnApproverPutsInItsPlaceIsJudgedToo) {
    const RunId run = run_that_asks_for("make");
    const std::string approval = only_approval(run);
    const auto allow_instead = [&](const std::string& command) {
        return wait_for<Json>([&](Responder<Json> responder) {
            Resolution resolution;
            resolution.approval = ApprovalId{approval};
            resolution.behavior = Resolution::Behavior::allow;
            resolution.updated_input = codec::canonical_json(Json::object({{"command", command}}));
            plane_->resolve_approvals(
                Caller::user(kAlice), run, {.resolutions = {resolution}}, std::move(responder));
        });
    };
    EXPECT_EQ(allow_instead("sudo git push").error().code, Errc::forbidden);
    EXPECT_TRUE(host_->executions.empty());
    EXPECT_TRUE(allow_instead("make test").has_value());
    EXPECT_EQ(host_->executions.size(), 1U);
}

TEST_F(PermissionRules, ACheckSaysWhatTheRulesWouldSayAndChangesNothing) {
    const EventSeq before = journal_->newest_seq();
    const Json allowed = checked(bash("git status"));
    EXPECT_EQ(text(allowed, "decision"), "allow");
    EXPECT_EQ(text(allowed, "matched_rule"), "bash(git status)");
    EXPECT_EQ(text(allowed, "scope"), "user");
    EXPECT_EQ(text(allowed, "mode_applied"), "default");
    EXPECT_FALSE(allowed.find("hooks_evaluated")->boolean());
    EXPECT_EQ(text(checked(bash("make")), "decision"), "ask");
    EXPECT_TRUE(checked(bash("make")).find("approval_required")->boolean());
    const Json denied = checked(bash("sh -c 'git push'").set("mode_override", "bypassPermissions"));
    EXPECT_EQ(text(denied, "decision"), "deny");
    EXPECT_EQ(text(*denied.find("audit_preview"), "matched_rule_pattern"), "bash(git push *)");
    EXPECT_EQ(text(checked(Json::object({{"tool_name", "nothing_of_ours"}})), "decision"), "allow");
    EXPECT_EQ(journal_->newest_seq(), before);
}

TEST_F(PermissionRules, AMatrixIsEveryToolInEveryMode) {
    const Json view = *plane_->permissions_view(Caller::user(kAlice), {});
    ASSERT_EQ(view.find("modes")->size(), 5U);
    for (const Json& mode : view.find("modes")->items())
        for (const Json& tool : mode.find("tools")->items()) {
            const Json alone = checked(Json::object(
                {{"tool_name", text(tool, "tool_name")}, {"mode_override", text(mode, "mode")}}));
            EXPECT_EQ(text(tool, "decision"), text(alone, "decision")) << text(tool, "tool_name");
            EXPECT_EQ(tool.find("argument_rules").has_value(), text(tool, "tool_name") == "bash");
        }
}

TEST_F(PermissionRules, AnothersSessionIsNotAskedAbout) {
    Json body = bash("ls").set("session_id", "demo");
    const CheckPermission request = *parse_check_permission(body);
    EXPECT_EQ(plane_->permission_view(Caller::user(kBob), request).error().code, Errc::forbidden);
    EXPECT_TRUE(plane_->permission_view(Caller::user(kAlice), request).has_value());
    EXPECT_EQ(
        plane_->permissions_view(Caller::user(kBob), {.session = SessionId{"demo"}}).error().code,
        Errc::forbidden);
}

TEST(PermissionRequests, BadOnesAreRefused) {
    const auto code = [](const Json& body) {
        const Result<CheckPermission> request = parse_check_permission(body);
        return request ? Errc::internal : request.error().code;
    };
    const Json good = Json::object({{"tool_name", "bash"}});
    EXPECT_EQ(code(good), Errc::internal);
    EXPECT_EQ(code(Json::object()), Errc::bad_request);
    EXPECT_EQ(code(Json::object({{"tool_name", ""}})), Errc::bad_request);
    EXPECT_EQ(
        code(Json::object({{"tool_name", "bash"}, {"mode_override", "yes"}})), Errc::bad_request);
    EXPECT_EQ(code(Json::object({{"tool_name", "bash"}, {"tool", "x"}})), Errc::unknown_field);
    EXPECT_EQ(
        code(Json::object({{"tool_name", "bash"}, {"input", Json::object({{"cmd", "ls"}})}})),
        Errc::bad_request);
    EXPECT_EQ(
        code(Json::object({{"tool_name", "bash"}, {"session_id", ".."}})),
        Errc::invalid_session_id);
}

} // namespace
} // namespace kheish::control
