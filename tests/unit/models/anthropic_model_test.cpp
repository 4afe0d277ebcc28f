#include "models/anthropic_model.hpp"

#include "codec/sse_parser.hpp"
#include "fake_http_client.hpp"
#include "manual_timers.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace kheish::models {
namespace {

using outbound::FakeHttpClient;
using Outcome = tl::expected<Response, CallError>;

class FixedClock final : public Clock {
  public:
    Instant now() const override { return {.wall_us = 1'000'000, .boot_us = 0}; }
    std::string boot_id() const override { return std::string(32, '0'); }
};

constexpr const char* kStart =
    "event: message_start\n"
    R"(data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",)"
    R"("content":[],"model":"claude-x-1","stop_reason":null,"usage":{"input_tokens":25,)"
    R"("cache_read_input_tokens":5,"cache_creation_input_tokens":3,"output_tokens":1}}})"
    "\n\n";

/// Thinking, text, two tool calls, pings, an event and a block of a later version.
std::string full_stream() {
    return std::string(kStart) + R"(event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: ping
data: {"type": "ping"}

data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Let \u00e9 \"me"}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\n\ud83d\ude00"}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"Sig+/=="}}

data: {"type":"content_block_stop","index":0}

data: {"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking", "data" : "x\/y"}}

data: {"type":"content_block_stop","index":1}

data: {"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}

data: {"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"Hello"}}

data: {"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":", caf\u00e9"}}

data: {"type":"content_block_stop","index":2}

data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_1","name":"bash","input":{}}}

data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\"command\": \"l"}}

data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"s\", \"a\":1.0}"}}

data: {"type":"content_block_start","index":4,"content_block":{"type":"tool_use","id":"toolu_2","name":"ls","input":{}}}

data: {"type":"content_block_stop","index":3}

data: {"type":"content_block_stop","index":4}

data: {"type":"later_event","x":1}

data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":42}}

event: message_stop
data: {"type":"message_stop"}

)";
}

class AnthropicModelTest : public testing::Test {
  protected:
    std::unique_ptr<Call> call(std::string base_url = "") {
        AnthropicModel model(
            client_, clock_, timers_, {.base_url = std::move(base_url), .api_key = [this] {
                                           return key();
                                       }});
        Request request;
        request.model = "claude-x";
        request.messages.push_back({.role = Message::Role::user, .parts = {Text{"hi"}}});
        return model.call(
            std::move(request),
            "run-1/turn-1/attempt-1",
            {.on_text = [this](std::string_view text) { streamed_ += text; },
             .on_finished =
                 [this](Outcome outcome) {
                     EXPECT_FALSE(outcome_.has_value());
                     outcome_ = std::move(outcome);
                 }});
    }
    Result<Secret> key() const {
        if (key_.empty())
            return fail(Errc::not_found, "there is no secret claude: set it");
        return Secret(key_);
    }
    FakeHttpClient::Exchange& exchange() { return *client_.exchanges.back(); }
    void head(int status, const std::string& type = "text/event-stream; charset=utf-8") {
        exchange().handlers.on_head({.status = status, .headers = {{"content-type", type}}});
    }
    void body(std::string_view bytes) {
        if (!exchange().aborted)
            exchange().handlers.on_body(bytes);
    }
    void end() {
        if (!exchange().aborted)
            exchange().handlers.on_finished({});
    }
    void cut() {
        if (!exchange().aborted)
            exchange().handlers.on_finished(tl::unexpected(
                outbound::TransportError{outbound::TransportError::Kind::cut, "cut"}));
    }
    /// Plays a whole successful answer and gives the outcome.
    Outcome play(std::string_view stream) {
        outcome_.reset();
        const std::unique_ptr<Call> running = call();
        head(200);
        body(stream);
        end();
        EXPECT_TRUE(outcome_.has_value());
        return outcome_.value_or(Outcome{});
    }
    CallError::Kind failure(std::string_view stream) {
        const Outcome outcome = play(stream);
        EXPECT_FALSE(outcome.has_value()) << stream;
        return outcome ? CallError::Kind::unrecorded : outcome.error().kind;
    }

    FakeHttpClient client_;
    FixedClock clock_;
    ManualTimers timers_;
    std::string key_ = "sk-secret";
    std::string streamed_;
    std::optional<Outcome> outcome_;
};

TEST_F(AnthropicModelTest, WithoutAKeyNothingLeavesAndTheReasonIsTold) {
    key_.clear();
    const std::unique_ptr<Call> running = call();
    EXPECT_FALSE(outcome_.has_value()) << "never from within call()";
    timers_.advance(std::chrono::microseconds(0));
    ASSERT_TRUE(outcome_.has_value());
    ASSERT_FALSE(outcome_->has_value());
    EXPECT_EQ(outcome_->error().kind, CallError::Kind::authentication);
    EXPECT_EQ(outcome_->error().message, "there is no secret claude: set it");
    EXPECT_TRUE(client_.exchanges.empty());
}

TEST_F(AnthropicModelTest, AsksAsTheApiWants) {
    const std::unique_ptr<Call> running = call();
    const outbound::HttpRequest& request = exchange().request;
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.url, "https://api.anthropic.com/v1/messages");
    EXPECT_EQ(request.reach, outbound::Reach::global);
    EXPECT_EQ(request.key, "run-1/turn-1/attempt-1");
    const outbound::HeaderList expected{
        {"accept", "text/event-stream"},
        {"anthropic-version", "2023-06-01"},
        {"content-type", "application/json"},
        {"x-api-key", "sk-secret"}};
    EXPECT_EQ(request.headers, expected);
    EXPECT_EQ(request.body.find("sk-secret"), std::string::npos);
    const std::unique_ptr<Call> other = call("http://127.0.0.1:4010//");
    EXPECT_EQ(exchange().request.url, "http://127.0.0.1:4010/v1/messages");
    EXPECT_EQ(exchange().request.reach, outbound::Reach::configured);
}

TEST_F(AnthropicModelTest, PutsTheStreamTogether) {
    const Outcome outcome = play(full_stream());
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_EQ(streamed_, "Hello, caf\xC3\xA9");
    EXPECT_EQ(outcome->stop_reason, Response::StopReason::tool_use);
    EXPECT_EQ(outcome->model, "claude-x-1");
    EXPECT_EQ(outcome->provider_request_id, "msg_1");
    EXPECT_EQ(outcome->usage.input_tokens, 25);
    EXPECT_EQ(outcome->usage.output_tokens, 42);
    EXPECT_EQ(outcome->usage.cache_read_tokens, 5);
    EXPECT_EQ(outcome->usage.cache_write_tokens, 3);
    const std::vector<Part>& parts = outcome->message.parts;
    ASSERT_EQ(parts.size(), 5U);
    // Escapes as they came.
    EXPECT_EQ(
        std::get<Opaque>(parts[0]).bytes,
        R"({"type":"thinking","thinking":"Let \u00e9 \"me\n\ud83d\ude00","signature":"Sig+/=="})");
    EXPECT_EQ(std::get<Opaque>(parts[1]).bytes, R"({"type":"redacted_thinking", "data" : "x\/y"})");
    EXPECT_EQ(std::get<Text>(parts[2]).text, "Hello, caf\xC3\xA9");
    EXPECT_EQ(std::get<ToolCall>(parts[3]).input, R"({"a":1,"command":"ls"})");
    EXPECT_EQ(std::get<ToolCall>(parts[4]).id, "toolu_2");
    EXPECT_EQ(std::get<ToolCall>(parts[4]).input, "{}");
}

TEST_F(AnthropicModelTest, EverySplitGivesTheSame) {
    const std::string stream = full_stream();
    const Outcome whole = play(stream);
    ASSERT_TRUE(whole.has_value());
    const std::string expected = encode_message(whole->message);
    for (std::size_t at = 0; at <= stream.size(); ++at) {
        outcome_.reset();
        const std::unique_ptr<Call> running = call();
        head(200);
        body(std::string_view(stream).substr(0, at));
        body(std::string_view(stream).substr(at));
        end();
        ASSERT_TRUE(outcome_ && outcome_->has_value()) << at;
        EXPECT_EQ(encode_message((*outcome_)->message), expected) << at;
    }
}

TEST_F(AnthropicModelTest, ACutAnywhereBeforeTheEndIsANetworkError) {
    const std::string stream = full_stream();
    // The blank line after message_stop is what dispatches it.
    for (std::size_t at = 0; at + 1 < stream.size(); at += 1) {
        for (const bool orderly : {true, false}) {
            outcome_.reset();
            const std::unique_ptr<Call> running = call();
            head(200);
            body(std::string_view(stream).substr(0, at));
            orderly ? end() : cut();
            ASSERT_TRUE(outcome_ && !outcome_->has_value()) << at;
            EXPECT_EQ(outcome_->error().kind, CallError::Kind::network) << at;
        }
    }
}

TEST_F(AnthropicModelTest, ACutAfterTheEndIsNone) {
    const std::unique_ptr<Call> running = call();
    head(200);
    body(full_stream());
    cut();
    ASSERT_TRUE(outcome_.has_value());
    EXPECT_TRUE(outcome_->has_value());
}

TEST_F(AnthropicModelTest, ErrorsWithinTheStream) {
    EXPECT_EQ(
        failure(
            std::string(kStart) + "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
                                  "\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n"),
        CallError::Kind::overloaded);
    EXPECT_TRUE(exchange().aborted);
    for (const std::string events :
         {"data: nonsense\n\n",
          "data: []\n\n",
          R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}})"
          "\n\n",
          R"(data: {"type":"content_block_start","index":0})"
          "\n\n",
          R"(data: {"type":"content_block_stop","index":7})"
          "\n\n",
          R"(data: {"type":"message_delta","delta":{"stop_reason":"odd"}})"
          "\n\ndata: {\"type\":\"message_stop\"}\n\n",
          R"(data: {"type":"message_delta","delta":{"stop_reason":"tool_use"}})"
          "\n\ndata: {\"type\":\"message_stop\"}\n\n",
          "data: {\"type\":\"message_stop\"}\n\n",
          kStart})
        EXPECT_EQ(failure(kStart + events), CallError::Kind::protocol) << events;
    EXPECT_EQ(failure("data: {\"type\":\"message_stop\"}\n\n"), CallError::Kind::protocol);
    EXPECT_EQ(
        failure(":" + std::string(codec::SseParser::kEventLimitBytes, 'x')),
        CallError::Kind::protocol);
}

std::string tool_stream(const std::string& input, const std::string& stop_reason) {
    return std::string(kStart) +
           R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use",)"
           R"("id":"t","name":"n","input":{}}})"
           "\n\n"
           R"(data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta",)"
           R"("partial_json":)" +
           codec::canonical_json(codec::Json(input)) +
           "}}\n\n"
           R"(data: {"type":"message_delta","delta":{"stop_reason":")" +
           stop_reason + "\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n";
}

TEST_F(AnthropicModelTest, ACallCutByTheTokenLimitIsDropped) {
    const Outcome cut_short = play(tool_stream("{\"a\":", "max_tokens"));
    ASSERT_TRUE(cut_short.has_value());
    EXPECT_TRUE(cut_short->message.parts.empty());
    EXPECT_EQ(cut_short->stop_reason, Response::StopReason::max_tokens);
    EXPECT_EQ(failure(tool_stream("{\"a\":", "tool_use")), CallError::Kind::protocol);
    EXPECT_EQ(failure(tool_stream("[]", "tool_use")), CallError::Kind::protocol);
    const Outcome mislabelled = play(tool_stream("{}", "end_turn"));
    ASSERT_TRUE(mislabelled.has_value());
    EXPECT_EQ(mislabelled->stop_reason, Response::StopReason::tool_use);
}

TEST_F(AnthropicModelTest, StopReasons) {
    const std::pair<std::string, Response::StopReason> cases[] = {
        {"end_turn", Response::StopReason::end_turn},
        {"stop_sequence", Response::StopReason::end_turn},
        {"max_tokens", Response::StopReason::max_tokens},
        {"refusal", Response::StopReason::refusal}};
    for (const auto& [word, reason] : cases) {
        const Outcome outcome = play(
            std::string(kStart) + R"(data: {"type":"message_delta","delta":{"stop_reason":")" +
            word + "\"}}\n\ndata: {\"type\":\"message_stop\"}\n\n");
        ASSERT_TRUE(outcome.has_value()) << word;
        EXPECT_EQ(outcome->stop_reason, reason);
    }
}

TEST_F(AnthropicModelTest, AnswersThatAreNoStream) {
    std::unique_ptr<Call> running = call();
    exchange().handlers.on_head({.status = 429, .headers = {{"retry-after", "3"}}});
    body(R"({"type":"error","error":{"type":"rate_limit_error",)");
    body(R"("message":"slow"}})");
    end();
    ASSERT_TRUE(outcome_ && !outcome_->has_value());
    EXPECT_EQ(outcome_->error().kind, CallError::Kind::rate_limited);
    EXPECT_EQ(outcome_->error().message, "HTTP 429: rate_limit_error: slow");
    EXPECT_EQ(outcome_->error().retry_after, std::chrono::seconds(3));
    outcome_.reset();
    running = call();
    head(200, "text/html");
    ASSERT_TRUE(outcome_ && !outcome_->has_value());
    EXPECT_EQ(outcome_->error().kind, CallError::Kind::protocol);
    EXPECT_EQ(outcome_->error().http_status, 200);
    EXPECT_TRUE(exchange().aborted);
}

TEST_F(AnthropicModelTest, DestroyingTheCallAbortsTheRequest) {
    std::unique_ptr<Call> running = call();
    running.reset();
    EXPECT_TRUE(exchange().aborted);
    EXPECT_FALSE(outcome_.has_value());
}

TEST_F(AnthropicModelTest, ACallMayBeDestroyedWhileItShowsText) {
    AnthropicModel model(client_, clock_, timers_, {.base_url = {}, .api_key = [this] {
                                                        return key();
                                                    }});
    std::unique_ptr<Call> running;
    const std::string capture(100, 'c');
    std::string shown;
    running = model.call(
        Request{},
        "r/turn-1/attempt-1",
        {.on_text =
             [&running, &shown, capture](std::string_view) {
                 running.reset();
                 shown += capture;
             },
         .on_finished =
             [](const Outcome&) {
                 FAIL();
             }});
    const std::shared_ptr<FakeHttpClient::Exchange> kept = client_.exchanges.back();
    head(200);
    kept->handlers.on_body(full_stream());
    EXPECT_EQ(shown, capture);
    EXPECT_TRUE(kept->aborted);
}

} // namespace
} // namespace kheish::models
