#include "models/anthropic_request.hpp"

#include <gtest/gtest.h>

namespace kheish::models {
namespace {

TEST(AnthropicRequest, TheSmallestOne) {
    Request request;
    request.model = "claude-x";
    request.max_output_tokens = 100;
    request.messages.push_back({.role = Message::Role::user, .parts = {Text{"hi"}}});
    EXPECT_EQ(
        anthropic_request_body(request),
        R"({"max_tokens":100,"messages":[{"content":[{"text":"hi","type":"text"}],"role":"user"}],)"
        R"("model":"claude-x","stream":true})");
}

TEST(AnthropicRequest, CarriesEverythingAndKeepsOpaqueBytes) {
    Request request;
    request.model = "m";
    request.system = "be \"brief\"";
    request.temperature = 0.5;
    request.tools.push_back(
        {.name = "ls",
         .description = "lists",
         .input_schema = codec::Json::object({{"type", "object"}})});
    request.messages.push_back({.role = Message::Role::user, .parts = {Text{"go"}}});
    request.messages.push_back(
        {.role = Message::Role::assistant,
         .parts = {
             Opaque{"anthropic", R"({"type" : "thinking", "n":1.50})"},
             Opaque{"openai", "{}"},
             Text{""},
             ToolCall{"t1", "ls", R"({"path":"."})"}}});
    request.messages.push_back(
        {.role = Message::Role::user,
         .parts = {Text{"and"}, ToolResult{"t1", "a\xFF", true}, ToolResult{"t2", "b"}}});
    request.messages.push_back({.role = Message::Role::assistant, .parts = {Opaque{"xai", "{}"}}});
    const std::string body = anthropic_request_body(request);
    EXPECT_EQ(
        body,
        R"({"max_tokens":8192,"messages":[)"
        R"({"content":[{"text":"go","type":"text"}],"role":"user"},)"
        R"({"content":[{"type" : "thinking", "n":1.50},)"
        R"({"id":"t1","input":{"path":"."},"name":"ls","type":"tool_use"}],"role":"assistant"},)"
        R"({"content":[{"content":"a)"
        "\xEF\xBF\xBD"
        R"(","is_error":true,"tool_use_id":"t1","type":"tool_result"},)"
        R"({"content":"b","tool_use_id":"t2","type":"tool_result"},{"text":"and","type":"text"}],)"
        R"("role":"user"}],"model":"m","stream":true,"system":"be \"brief\"","temperature":0.5,)"
        R"("tools":[{"description":"lists","input_schema":{"type":"object"},"name":"ls"}]})");
    EXPECT_TRUE(codec::parse_json(body).has_value());
}

} // namespace
} // namespace kheish::models
