#include "loop_fixture.hpp"
#include "models/anthropic_model.hpp"
#include "outbound/curl_http_client.hpp"

#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

// Run by run_with_mock.py, which starts a third-party mock of the Messages API.
namespace kheish::models {
namespace {

using Outcome = tl::expected<Response, CallError>;
using outbound::CurlHttpClient;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    KHEISH_ASSERT(value != nullptr); // run_with_mock.py sets it
    return value;
}

class GrantingActions final : public outbound::ExternalActions {
  public:
    void begin(outbound::ExternalAction, Responder<outbound::ExternalActionId> ready) override {
        ready.answer(++begun);
    }
    void end(outbound::ExternalActionId, outbound::ExternalOutcome outcome) override {
        ended.push_back(std::move(outcome));
    }

    outbound::ExternalActionId begun = 0;
    std::vector<outbound::ExternalOutcome> ended;
};

/// Appends every body that goes out to the file that judge_requests.mjs reads, one per line.
class BodyKeeper final : public outbound::HttpClient {
  public:
    explicit BodyKeeper(outbound::HttpClient& client)
        : client_(client), bodies_(environment("KHEISH_REQUEST_BODIES"), std::ios::app) {}
    [[nodiscard]] std::unique_ptr<outbound::HttpCall>
    start(outbound::HttpRequest request, outbound::HttpHandlers handlers) override {
        bodies_ << request.body << "\n";
        return client_.start(std::move(request), std::move(handlers));
    }

  private:
    outbound::HttpClient& client_;
    std::ofstream bodies_;
};

class AnthropicMockTest : public loop::LoopTest {
  protected:
    static Request request_with(const std::string& input) {
        Request request;
        request.model = "claude-sonnet-4-5";
        request.system = "You are a test.";
        request.max_output_tokens = 1000;
        const codec::Json schema = codec::Json::object(
            {{"type", "object"},
             {"properties",
              codec::Json::object({{"path", codec::Json::object({{"type", "string"}})}})},
             {"required", codec::Json::array({"path"})}});
        request.tools.push_back({"list_files", "Lists a directory.", schema});
        request.tools.push_back({"read_file", "Reads a file.", schema});
        request.messages.push_back({Message::Role::user, {Text{input}}});
        return request;
    }
    Outcome ask(Request request) {
        AnthropicModel model(keeper_, clock_, timers(), {.base_url = url_, .api_key = [this] {
                                                             return Result<Secret>(Secret(key_));
                                                         }});
        std::optional<Outcome> outcome;
        streamed_.clear();
        const std::unique_ptr<Call> call = model.call(
            std::move(request),
            "run-1/turn-1/attempt-1",
            {.on_text = [this](std::string_view text) { streamed_ += text; },
             .on_finished =
                 [&outcome](Outcome result) {
                     outcome = std::move(result);
                 }});
        EXPECT_TRUE(turn_until([&outcome] { return outcome.has_value(); }));
        return outcome.value_or(Outcome{});
    }
    CallError error_of(const std::string& input) {
        const Outcome outcome = ask(request_with(input));
        EXPECT_FALSE(outcome.has_value());
        return outcome ? CallError{} : outcome.error();
    }

    std::string url_ = environment("KHEISH_MOCK_URL");
    std::string key_ = "sk-good";
    std::string streamed_;
    SystemClock clock_;
    GrantingActions actions_;
    CurlHttpClient client_{loop(), timers(), actions_, {}};
    BodyKeeper keeper_{client_};
};

TEST_F(AnthropicMockTest, StreamsText) {
    const Outcome outcome = ask(request_with("say hello"));
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_EQ(streamed_, "Hello from a mock, caf\xC3\xA9 \xF0\x9F\x98\x80.");
    ASSERT_EQ(outcome->message.parts.size(), 1U);
    EXPECT_EQ(std::get<Text>(outcome->message.parts[0]).text, streamed_);
    EXPECT_EQ(outcome->stop_reason, Response::StopReason::end_turn);
    EXPECT_EQ(outcome->usage.input_tokens, 11);
    EXPECT_EQ(outcome->usage.output_tokens, 7);
    EXPECT_FALSE(outcome->provider_request_id.empty());
    ASSERT_EQ(actions_.ended.size(), 1U);
    EXPECT_EQ(actions_.ended[0].kind, outbound::ExternalOutcome::Kind::answered);
    EXPECT_EQ(actions_.ended[0].status, 200);
}

TEST_F(AnthropicMockTest, KeepsThinkingAndSendsItBack) {
    Request request = request_with("think first");
    const Outcome outcome = ask(request);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    std::size_t opaque = 0;
    for (const Part& part : outcome->message.parts)
        opaque += std::holds_alternative<Opaque>(part) ? 1U : 0U;
    EXPECT_EQ(opaque, 2U);
    EXPECT_EQ(streamed_, "Done thinking.");
    request.messages.push_back(outcome->message);
    request.messages.push_back({Message::Role::user, {Text{"say hello"}}});
    EXPECT_TRUE(ask(std::move(request)).has_value());
}

TEST_F(AnthropicMockTest, CallsAToolAndTakesItsResult) {
    Request request = request_with("one tool");
    const Outcome first = ask(request);
    ASSERT_TRUE(first.has_value()) << first.error().message;
    EXPECT_EQ(first->stop_reason, Response::StopReason::tool_use);
    ASSERT_EQ(first->message.parts.size(), 2U);
    const ToolCall& call = std::get<ToolCall>(first->message.parts[1]);
    EXPECT_EQ(call.id, "toolu_one");
    EXPECT_EQ(call.tool, "list_files");
    EXPECT_EQ(call.input, R"({"path":"."})");
    request.messages.push_back(first->message);
    request.messages.push_back(
        {Message::Role::user, {ToolResult{.call_id = call.id, .text = "README.md"}}});
    const Outcome second = ask(request);
    ASSERT_TRUE(second.has_value()) << second.error().message;
    EXPECT_EQ(streamed_, "I saw it.");
}

TEST_F(AnthropicMockTest, CallsToolsInParallel) {
    const Outcome outcome = ask(request_with("two tools"));
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    ASSERT_EQ(outcome->message.parts.size(), 2U);
    EXPECT_EQ(std::get<ToolCall>(outcome->message.parts[0]).id, "toolu_a");
    EXPECT_EQ(std::get<ToolCall>(outcome->message.parts[1]).id, "toolu_b");
    EXPECT_EQ(std::get<ToolCall>(outcome->message.parts[1]).input, R"({"path":"b"})");
}

TEST_F(AnthropicMockTest, AStreamCutInTheMiddleIsANetworkError) {
    const CallError error = error_of("cut me");
    EXPECT_EQ(error.kind, CallError::Kind::network) << error.message;
    EXPECT_TRUE(error.is_retryable());
    EXPECT_FALSE(streamed_.empty());
    EXPECT_EQ(streamed_.find("end."), std::string::npos);
}

TEST_F(AnthropicMockTest, TypedErrors) {
    const CallError limited = error_of("slow down");
    EXPECT_EQ(limited.kind, CallError::Kind::rate_limited);
    EXPECT_EQ(limited.http_status, 429);
    EXPECT_EQ(limited.retry_after, std::chrono::seconds(7));
    const CallError broken = error_of("break");
    EXPECT_EQ(broken.kind, CallError::Kind::server);
    EXPECT_EQ(broken.http_status, 500);
    EXPECT_TRUE(broken.is_retryable());
    const CallError overflow = error_of("too much");
    EXPECT_EQ(overflow.kind, CallError::Kind::context_overflow);
    EXPECT_FALSE(overflow.is_retryable());
}

TEST_F(AnthropicMockTest, AnInvalidKeyIsAnAuthenticationErrorThatDoesNotShowIt) {
    key_ = "sk-wrong";
    const CallError error = error_of("say hello");
    EXPECT_EQ(error.kind, CallError::Kind::authentication) << error.message;
    EXPECT_EQ(error.http_status, 401);
    EXPECT_EQ(error.message.find("sk-wrong"), std::string::npos);
}

TEST_F(AnthropicMockTest, ACertificateThatNobodyVouchesForIsRefused) {
    url_ = environment("KHEISH_TLS_URL");
    const CallError error = error_of("say hello");
    EXPECT_EQ(error.kind, CallError::Kind::network);
    EXPECT_EQ(error.http_status, 0);
    EXPECT_NE(error.message.find("certificate"), std::string::npos) << error.message;
}

TEST_F(AnthropicMockTest, TheSameListenerIsGoodWhereItsIssuerIsTrusted) {
    CurlHttpClient trusting(
        loop(), timers(), actions_, {.ca_file = environment("KHEISH_TLS_CERTIFICATE")});
    AnthropicModel model(
        trusting, clock_, timers(), {.base_url = environment("KHEISH_TLS_URL"), .api_key = [this] {
                                         return Result<Secret>(Secret(key_));
                                     }});
    std::optional<Outcome> outcome;
    const std::unique_ptr<Call> call = model.call(
        request_with("say hello"),
        "run-1/turn-1/attempt-1",
        {.on_text = {}, .on_finished = [&outcome](Outcome result) {
             outcome = result;
         }});
    ASSERT_TRUE(turn_until([&outcome] { return outcome.has_value(); }));
    EXPECT_TRUE(outcome->has_value()) << outcome->error().message;
}

} // namespace
} // namespace kheish::models
