#include "models/anthropic_errors.hpp"

#include <gtest/gtest.h>

#include <tuple>
#include <utility>

namespace kheish::models {
namespace {

using Kind = CallError::Kind;
using std::chrono::seconds;

constexpr std::int64_t kNow = 784'111'777'000'000; // Sun, 06 Nov 1994 08:49:37 GMT

TEST(RetryAfter, SecondsAndDates) {
    EXPECT_EQ(parse_retry_after("0", kNow), seconds(0));
    EXPECT_EQ(parse_retry_after("120", kNow), seconds(120));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:47 GMT", kNow), seconds(10));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", kNow), seconds(0));
    EXPECT_EQ(parse_retry_after("999999999999999999", kNow), seconds(366 * 86'400));
    EXPECT_EQ(parse_retry_after("Fri, 31 Dec 9999 23:59:59 GMT", kNow), seconds(366 * 86'400));
    for (const char* text :
         {"",
          "-1",
          "1.5",
          "soon",
          "Sun, 06 Nov 1994 08:49:37",
          "Sun, 06 Foo 1994 08:49:37 GMT",
          "Sunday, 06-Nov-94 08:49:37 GMT"})
        EXPECT_EQ(parse_retry_after(text, kNow), std::nullopt) << text;
}

std::string body(const std::string& type, const std::string& message) {
    return R"({"type":"error","error":{"type":")" + type + R"(","message":")" + message + "\"}}";
}

TEST(AnthropicErrors, ByStatusAndType) {
    const std::tuple<int, std::string, Kind> cases[] = {
        {400, body("invalid_request_error", "max_tokens: required"), Kind::invalid_request},
        {400,
         body("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
         Kind::context_overflow},
        {400,
         body("invalid_request_error", "input length and `max_tokens` exceed context limit: 1"),
         Kind::context_overflow},
        {401, body("authentication_error", "invalid x-api-key"), Kind::authentication},
        {402, body("billing_error", "pay"), Kind::invalid_request},
        {403, body("permission_error", "no"), Kind::authentication},
        {404, body("not_found_error", "model"), Kind::invalid_request},
        {408, "", Kind::timeout},
        {413, body("request_too_large", "big"), Kind::context_overflow},
        {429, body("rate_limit_error", "slow"), Kind::rate_limited},
        {500, body("api_error", "oops"), Kind::server},
        {500, "<html>oops</html>", Kind::server},
        {502, "", Kind::server},
        {500, body("overloaded_error", "busy"), Kind::overloaded},
        {503, "", Kind::overloaded},
        {529, body("overloaded_error", "busy"), Kind::overloaded},
        {302, "", Kind::protocol},
        {418, "[]", Kind::invalid_request},
    };
    for (const auto& [status, text, kind] : cases) {
        const CallError error = anthropic_http_error({.status = status, .headers = {}}, text, kNow);
        EXPECT_EQ(error.kind, kind) << status << " " << text << " " << to_string(error.kind);
        EXPECT_EQ(error.http_status, status);
        EXPECT_TRUE(error.message.starts_with("HTTP " + std::to_string(status)));
        EXPECT_EQ(error.retry_after, std::nullopt);
    }
}

TEST(AnthropicErrors, MessagesAreBoundedAndRetryAfterIsRead) {
    const CallError error = anthropic_http_error(
        {.status = 429, .headers = {{"retry-after", "7"}}}, std::string(100'000, 'x'), kNow);
    EXPECT_LE(error.message.size(), kErrorMessageLimitBytes);
    EXPECT_EQ(error.retry_after, seconds(7));
}

TEST(AnthropicErrors, WithinAStream) {
    EXPECT_EQ(anthropic_stream_error(body("overloaded_error", "x")).kind, Kind::overloaded);
    EXPECT_EQ(anthropic_stream_error(body("rate_limit_error", "x")).kind, Kind::rate_limited);
    EXPECT_EQ(anthropic_stream_error(body("new_error", "x")).kind, Kind::server);
    EXPECT_EQ(anthropic_stream_error("{}").kind, Kind::protocol);
    EXPECT_EQ(anthropic_stream_error(body("api_error", "why")).message, "api_error: why");
}

TEST(AnthropicErrors, OfTheTransport) {
    using Transport = outbound::TransportError::Kind;
    const std::pair<Transport, Kind> cases[] = {
        {Transport::refused, Kind::invalid_request},
        {Transport::unrecorded, Kind::unrecorded},
        {Transport::resolve, Kind::network},
        {Transport::connect, Kind::network},
        {Transport::tls, Kind::network},
        {Transport::timeout, Kind::timeout},
        {Transport::cut, Kind::network},
        {Transport::too_large, Kind::protocol},
        {Transport::protocol, Kind::protocol},
    };
    for (const auto& [transport, kind] : cases)
        EXPECT_EQ(call_error_of({transport, "x"}).kind, kind);
}

} // namespace
} // namespace kheish::models
