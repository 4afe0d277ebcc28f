#include "control_fixture.hpp"

#include <algorithm>

/// Pages of the web: asked for by kheishd, under the same rules as everything else.
namespace kheish::control {
namespace {

using codec::Json;
using outbound::WebAnswer;

class WebFetchTest : public ControlFixture {
  protected:
    void SetUp() override {
        ControlFixture::SetUp();
        make_session("demo");
        run_ = submit("demo", "go");
        launched(run_);
    }
    void propose(const std::string& url) {
        routes_->fake.answer_calls(
            {{"provider-" + std::to_string(++proposed_),
              "web_fetch",
              codec::canonical_json(Json::object({{"url", url}}))}});
        settle();
    }
    Result<Json> allow(std::optional<Remember> remember = {}, std::optional<Json> input = {}) {
        ResolveApprovals request;
        Resolution resolution;
        resolution.approval = ApprovalId{only_approval(run_)};
        resolution.behavior = Resolution::Behavior::allow;
        resolution.remember = std::move(remember);
        if (input)
            resolution.updated_input = codec::canonical_json(*input);
        request.resolutions.push_back(std::move(resolution));
        Result<Json> answer = wait_for<Json>([&](Responder<Json> responder) {
            plane_->resolve_approvals(Caller::user(kAlice), run_, request, std::move(responder));
        });
        settle();
        return answer;
    }
    void answer(WebAnswer::Kind kind, std::string text) {
        ASSERT_FALSE(web_->calls.empty());
        web_->calls.back()->done({.kind = kind, .text = std::move(text), .truncated = false});
        settle();
    }
    /// What the model was told last.
    models::ToolResult told() const {
        const models::Message& last = routes_->fake.current()->request.messages.back();
        return std::get<models::ToolResult>(last.parts.front());
    }
    std::size_t count(const std::string& type) {
        const std::vector<std::string> types = event_types(run_);
        return static_cast<std::size_t>(std::count(types.begin(), types.end(), type));
    }

    RunId run_;
    int proposed_ = 0;
};

TEST_F(WebFetchTest, APageIsAskedForOnceSomebodyHasAllowedIt) {
    propose("https://Docs.example.com:443/a?b=c");
    EXPECT_TRUE(web_->calls.empty());
    EXPECT_EQ(wait_reason(run_), "approval");
    ASSERT_TRUE(allow());
    ASSERT_EQ(web_->calls.size(), 1U);
    const outbound::WebRequest& request = web_->calls.front()->request;
    EXPECT_EQ(request.url.to_string(), "https://docs.example.com/a?b=c");
    EXPECT_EQ(request.key, "run-1/call-1-0/execution-1");
    EXPECT_EQ(request.authority.to_string(), "agent:agent-demo for user:1001");
    EXPECT_TRUE(host_->executions.empty()) << "no runner hears of it";
    answer(WebAnswer::Kind::ok, "what it says");
    EXPECT_EQ(told().text, "what it says");
    EXPECT_FALSE(told().is_error);
    EXPECT_TRUE(host_->acknowledged.empty());
    expect_rows_follow_events(run_);
}

TEST_F(WebFetchTest, WhyThereIsNoPageIsToldToTheModel) {
    propose("https://docs.example.com/");
    ASSERT_TRUE(allow());
    answer(WebAnswer::Kind::timed_out, "too late");
    EXPECT_TRUE(told().is_error);
    EXPECT_EQ(told().text, "too late");
    propose("https://user@docs.example.com/");
    EXPECT_TRUE(told().is_error);
    EXPECT_NE(told().text.find("must not hold a user"), std::string::npos);
    EXPECT_EQ(web_->calls.size(), 1U) << "what is no address is not put to anybody";
}

TEST_F(WebFetchTest, AHostThatIsRememberedIsNotAskedForAgain) {
    propose("https://docs.example.com/a");
    const Remember elsewhere{govern::GrantKind::host, "example.com", govern::GrantLifetime::run};
    EXPECT_FALSE(allow(elsewhere)) << "it does not cover the page";
    EXPECT_TRUE(web_->calls.empty());
    const Remember host{govern::GrantKind::host, "*.example.com", govern::GrantLifetime::run};
    ASSERT_TRUE(allow(host));
    answer(WebAnswer::Kind::ok, "a");
    propose("https://other.example.com/b");
    ASSERT_EQ(web_->calls.size(), 2U);
    answer(WebAnswer::Kind::ok, "b");
    propose("https://example.com/");
    EXPECT_EQ(web_->calls.size(), 2U);
    EXPECT_EQ(wait_reason(run_), "approval");
    expect_rows_follow_events(run_);
}

TEST_F(WebFetchTest, AnEditedAddressIsTheOneThatIsAskedForAndOnRecord) {
    propose("https://docs.example.com/a");
    ASSERT_TRUE(allow({}, Json::object({{"url", "https://mirror.example/a?x"}})));
    ASSERT_EQ(web_->calls.size(), 1U);
    EXPECT_EQ(web_->calls.front()->request.url.site(), "mirror.example");
    answer(WebAnswer::Kind::ok, "a");
    const Json records = *plane_->external_actions_view(Caller::user(kAlice), run_);
    std::vector<std::string> targets;
    for (const Json& record : records.items())
        if (record.find("kind")->string() == "web_fetch")
            targets.push_back(
                record.find("phase")->string() + " " + record.find("target")->string());
    EXPECT_EQ(
        targets,
        (std::vector<std::string>{
            "request GET https://mirror.example/a", "response GET https://mirror.example/a"}))
        << "without what is behind the question mark";
}

TEST_F(WebFetchTest, BothPhasesAreOnRecordWithWhoAndWhat) {
    propose("https://docs.example.com/a");
    ASSERT_TRUE(allow());
    answer(WebAnswer::Kind::failed, "no such page");
    const Json records = *plane_->external_actions_view(Caller::user(kAlice), run_);
    ASSERT_EQ(records.size(), 5U);
    const auto text = [&records](std::size_t i, std::string_view key) {
        return records.at(i).find(key).value_or(Json()).string();
    };
    EXPECT_EQ(text(2, "action_id"), "run-1/call-1-0/execution-1");
    EXPECT_EQ(text(3, "action_id"), text(2, "action_id"));
    EXPECT_EQ(text(2, "tool_call_id"), "call-1-0");
    EXPECT_EQ(text(3, "outcome"), "failed: failed");
    EXPECT_EQ(text(3, "response_digest"), codec::sha256("no such page").to_hex());
    EXPECT_EQ(text(2, "principal_id"), "agent:agent-demo");
    EXPECT_EQ(text(2, "parent_principal_id"), "user:1001");
    EXPECT_EQ(text(2, "request_digest").size(), 64U);
    EXPECT_EQ(text(2, "record_hash").size(), 64U);
}

TEST_F(WebFetchTest, ACancelledRunGivesThePageUp) {
    propose("https://docs.example.com/a");
    ASSERT_TRUE(allow());
    const std::shared_ptr<FakeWeb::Call> page = web_->calls.front();
    EXPECT_FALSE(page->given_up);
    (void)wait_for<Json>([&](Responder<Json> responder) {
        plane_->cancel_run(Caller::user(kAlice), run_, {}, std::move(responder));
    });
    settle();
    timers_->pass(std::chrono::microseconds(0));
    settle();
    EXPECT_TRUE(page->given_up);
    EXPECT_EQ(status(run_), "cancelled");
    page->done({.kind = WebAnswer::Kind::ok, .text = "too late", .truncated = false});
    settle();
    EXPECT_EQ(count("tool.finished"), 1U);
}

TEST_F(WebFetchTest, AfterACrashThePageIsAskedForAgain) {
    propose("https://docs.example.com/a");
    ASSERT_TRUE(allow());
    crash();
    boot();
    ASSERT_EQ(web_->calls.size(), 1U);
    EXPECT_EQ(web_->calls.front()->request.key, "run-1/call-1-0/execution-2");
    answer(WebAnswer::Kind::ok, "what it says");
    EXPECT_EQ(told().text, "what it says");
    EXPECT_EQ(count("approval.requested"), 1U) << "nobody is asked twice";
}

} // namespace
} // namespace kheish::control
