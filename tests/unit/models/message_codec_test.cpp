#include "models/model.hpp"

#include <gtest/gtest.h>

namespace kheish::models {
namespace {

Message full_message() {
    Message message{.role = Message::Role::assistant, .parts = {}};
    message.parts.emplace_back(Text{"caf\xC3\xA9 \"quoted\"\n"});
    message.parts.emplace_back(ToolCall{"toolu_1", "bash", R"({"command":"ls"})"});
    message.parts.emplace_back(ToolResult{"toolu_1", "a\tb", true});
    message.parts.emplace_back(Opaque{"anthropic", R"({"type" : "thinking", "n":1.50})"});
    message.parts.emplace_back(Opaque{"other", std::string("\x00\xFF\x80", 3)});
    return message;
}

CallError error_of(CallError::Kind kind) {
    CallError error;
    error.kind = kind;
    return error;
}

TEST(MessageCodec, WritesCanonicalVersionedJson) {
    const Message message{.role = Message::Role::user, .parts = {Text{"hi"}}};
    EXPECT_EQ(
        encode_message(message),
        R"({"parts":[{"text":"hi","type":"text"}],"role":"user","version":1})");
}

TEST(MessageCodec, RoundTripKeepsEveryByte) {
    const std::string bytes = encode_message(full_message());
    const Result<Message> decoded = decode_message(bytes);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_EQ(encode_message(*decoded), bytes);
    ASSERT_EQ(decoded->parts.size(), 5U);
    EXPECT_EQ(decoded->role, Message::Role::assistant);
    EXPECT_EQ(std::get<ToolCall>(decoded->parts[1]).input, R"({"command":"ls"})");
    EXPECT_TRUE(std::get<ToolResult>(decoded->parts[2]).is_error);
    EXPECT_EQ(std::get<Opaque>(decoded->parts[3]).bytes, R"({"type" : "thinking", "n":1.50})");
    EXPECT_EQ(std::get<Opaque>(decoded->parts[4]).bytes, std::string("\x00\xFF\x80", 3));
}

TEST(MessageCodec, InvalidUtf8InTextBecomesReplacementCharacters) {
    const Message message{.role = Message::Role::user, .parts = {Text{"a\xFF"}}};
    const Result<Message> decoded = decode_message(encode_message(message));
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(std::get<Text>(decoded->parts[0]).text, "a\xEF\xBF\xBD");
}

TEST(MessageCodec, RefusesWhatItCannotHaveWritten) {
    for (
        const std::string_view bytes : {
            "",
            "[]",
            R"({"parts":[],"role":"user","version":2})",
            R"({"parts":[],"role":"system","version":1})",
            R"({"parts":[],"role":"user","version":1} )",
            R"({"role":"user","parts":[],"version":1})",
            R"({"role":"user","version":1})",
            R"({"extra":1,"parts":[],"role":"user","version":1})",
            R"({"parts":[{"text":1,"type":"text"}],"role":"user","version":1})",
            R"({"parts":[{"text":"x","type":"image"}],"role":"user","version":1})",
            R"({"parts":[{"driver":"d","type":"opaque"}],"role":"user","version":1})",
            R"({"parts":[{"base64":"!","driver":"d","type":"opaque"}],"role":"user","version":1})",
            R"({"parts":[{"base64":"YQ==","driver":"d","type":"opaque"}],"role":"user","version":1})",
        }) {
        const Result<Message> decoded = decode_message(bytes);
        ASSERT_FALSE(decoded.has_value()) << bytes;
        EXPECT_EQ(decoded.error().code, Errc::journal_corrupt) << bytes;
    }
}

TEST(ModelWords, RoundTrip) {
    for (int i = 0; i <= static_cast<int>(CallError::Kind::unrecorded); ++i) {
        const CallError::Kind kind = static_cast<CallError::Kind>(i);
        EXPECT_EQ(parse_call_error_kind(to_string(kind)), kind);
    }
    for (int i = 0; i <= static_cast<int>(Response::StopReason::refusal); ++i) {
        const Response::StopReason reason = static_cast<Response::StopReason>(i);
        EXPECT_EQ(parse_stop_reason(to_string(reason)), reason);
    }
    EXPECT_EQ(parse_call_error_kind("nonsense"), std::nullopt);
    EXPECT_EQ(parse_stop_reason(""), std::nullopt);
    EXPECT_TRUE(error_of(CallError::Kind::network).is_retryable());
    EXPECT_FALSE(error_of(CallError::Kind::context_overflow).is_retryable());
    EXPECT_TRUE(error_of(CallError::Kind::authentication).is_retryable());
}

} // namespace
} // namespace kheish::models
