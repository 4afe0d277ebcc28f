#include "models/scripted_model.hpp"

#include "manual_timers.hpp"

#include <gtest/gtest.h>

namespace kheish::models {
namespace {

using std::chrono::milliseconds;

Scenario tour() {
    Result<Scenario> scenario = Scenario::parse(R"({"version":1,"runs":[
        {"when_input_contains":"errors","turns":[
          {"errors":[{"kind":"rate_limited","message":"slow","retry_after_ms":250},
                     {"kind":"network"}],"text":"at last"}]},
        {"when_input_contains":"down","turns":[
          {"errors":[{"kind":"server"},{"kind":"overloaded"}]}]},
        {"when_input_contains":"look","turns":[
          {"delay_ms":100,"text":"You said: {{input}}",
           "tool_calls":[{"name":"ls","tool":"list_files","input":{"path":"."}},
                         {"name":"sh","tool":"bash","input":{"command":"wc","n":[1,true]}}]},
          {"tool_calls":[{"name":"next","tool":"read_file",
                          "input":{"path":"{{result 'ls' lines=1}}"}}]},
          {"text":"{{result 'ls'}}|{{result 'sh' '/stdout'}}|{{result 'next' chars=2}}",
           "chunk_chars":4,"chunk_delay_ms":10}]}]})");
    KHEISH_ASSERT(scenario.has_value());
    return std::move(*scenario);
}

Request request_with(std::string_view input) {
    Request request;
    request.model = "rehearsal";
    request.messages.push_back({.role = Message::Role::user, .parts = {Text{std::string(input)}}});
    return request;
}

void add_turn(Request& request, const Response& response, std::vector<std::string> results) {
    request.messages.push_back(response.message);
    Message answers{.role = Message::Role::user, .parts = {}};
    std::size_t next = 0;
    for (const Part& part : response.message.parts) {
        if (const ToolCall* call = std::get_if<ToolCall>(&part))
            answers.parts.emplace_back(ToolResult{call->id, results.at(next++)});
    }
    request.messages.push_back(answers);
}

TEST(ScriptedAnswer, ALaterTurnIsMadeOfWhatTheToolsReturned) {
    const Scenario scenario = tour();
    Request request = request_with("look around");
    const ScriptedAnswer first = scripted_answer(scenario, request, "run-1/turn-1/attempt-1");
    ASSERT_TRUE(first.result.has_value()) << first.result.error().message;
    EXPECT_EQ(first.delay, milliseconds(100));
    EXPECT_EQ(std::get<Text>(first.result->message.parts[0]).text, "You said: look around");
    const ToolCall& listing = std::get<ToolCall>(first.result->message.parts[1]);
    EXPECT_EQ(listing.id, "turn-1-ls");
    EXPECT_EQ(listing.tool, "list_files");
    EXPECT_EQ(
        std::get<ToolCall>(first.result->message.parts[2]).input,
        R"({"command":"wc","n":[1,true]})");
    EXPECT_EQ(first.result->stop_reason, Response::StopReason::tool_use);
    add_turn(request, *first.result, {"README.md\nsrc", R"({"stdout":"12 lines"})"});

    const ScriptedAnswer second = scripted_answer(scenario, request, "run-1/turn-2/attempt-1");
    ASSERT_TRUE(second.result.has_value());
    EXPECT_EQ(std::get<ToolCall>(second.result->message.parts[0]).input, R"({"path":"README.md"})");
    add_turn(request, *second.result, {"# Title"});

    const ScriptedAnswer third = scripted_answer(scenario, request, "run-1/turn-3/attempt-1");
    ASSERT_TRUE(third.result.has_value());
    EXPECT_EQ(std::get<Text>(third.result->message.parts[0]).text, "README.md\nsrc|12 lines|# ");
    EXPECT_EQ(third.result->stop_reason, Response::StopReason::end_turn);
    EXPECT_GT(third.result->usage.input_tokens, first.result->usage.input_tokens);
    EXPECT_EQ(third.result->model, "rehearsal");
    std::string streamed;
    for (const std::string& chunk : third.chunks)
        streamed += chunk;
    EXPECT_EQ(third.chunks.size(), 7U);
    EXPECT_EQ(streamed, "README.md\nsrc|12 lines|# ");
}

TEST(ScriptedAnswer, ErrorsAnswerTheFirstAttempts) {
    const Scenario scenario = tour();
    const Request request = request_with("errors please");
    const ScriptedAnswer first = scripted_answer(scenario, request, "run-1/turn-1/attempt-1");
    ASSERT_FALSE(first.result.has_value());
    EXPECT_EQ(first.result.error().kind, CallError::Kind::rate_limited);
    EXPECT_EQ(first.result.error().message, "slow");
    EXPECT_EQ(first.result.error().retry_after, milliseconds(250));
    const ScriptedAnswer second = scripted_answer(scenario, request, "run-1/turn-1/attempt-2");
    EXPECT_EQ(second.result.error().kind, CallError::Kind::network);
    const ScriptedAnswer third = scripted_answer(scenario, request, "run-1/turn-1/attempt-3");
    ASSERT_TRUE(third.result.has_value());
    EXPECT_EQ(std::get<Text>(third.result->message.parts[0]).text, "at last");
}

TEST(ScriptedAnswer, ATurnOfErrorsAloneNeverAnswers) {
    const Scenario scenario = tour();
    const Request request = request_with("down");
    for (const char* key : {"r/turn-1/attempt-2", "r/turn-1/attempt-9"})
        EXPECT_EQ(
            scripted_answer(scenario, request, key).result.error().kind,
            CallError::Kind::overloaded);
}

TEST(ScriptedAnswer, WhatTheScenarioDoesNotForeseeIsRefusedByName) {
    const Scenario scenario = tour();
    const Request request = request_with("look");
    const auto message = [&scenario](const Request& asked, std::string_view key) {
        const ScriptedAnswer answer = scripted_answer(scenario, asked, key);
        EXPECT_FALSE(answer.result.has_value());
        EXPECT_EQ(answer.result.error().kind, CallError::Kind::invalid_request);
        return answer.result.error().message;
    };
    EXPECT_EQ(
        message(request, "r/turn-4/attempt-1"),
        "scenario: it ends after turn 3, and turn 4 was asked for");
    EXPECT_EQ(
        message(request_with("else"), "r/turn-1/attempt-1"), "scenario: no play matches the input");
    EXPECT_EQ(message(request, "r/turn-2/attempt-1"), "scenario: there is no result of \"ls\"");
    for (const char* key : {"", "run-1", "r/turn-0/attempt-1", "r/turn-1/attempt-x", "turn-1"})
        EXPECT_NE(message(request, key).find("names no turn and attempt"), std::string::npos);
}

TEST(ScriptedModel, PlaysWithItsDelays) {
    ManualTimers timers;
    ScriptedModel model(tour(), timers);
    Request request = request_with("look");
    std::string text;
    bool finished = false;
    const std::unique_ptr<Call> call = model.call(
        request,
        "r/turn-1/attempt-1",
        {.on_text = [&text](std::string_view chunk) { text += chunk; },
         .on_finished =
             [&finished](const tl::expected<Response, CallError>&) {
                 finished = true;
             }});
    timers.advance(milliseconds(99));
    EXPECT_EQ(text, "");
    timers.advance(milliseconds(1));
    EXPECT_EQ(text, "You said: look");
    EXPECT_TRUE(finished);
}

TEST(ScriptedModel, StreamsInChunksAndCanBeAbortedFromWithin) {
    ManualTimers timers;
    Result<Scenario> scenario = Scenario::parse(
        R"({"version":1,"turns":[{"text":"abcdef","chunk_chars":2,"chunk_delay_ms":5}]})");
    ASSERT_TRUE(scenario.has_value());
    ScriptedModel model(std::move(*scenario), timers);
    std::string text;
    std::unique_ptr<Call> call;
    call = model.call(
        request_with("x"),
        "r/turn-1/attempt-1",
        {.on_text =
             [&text, &call](std::string_view chunk) {
                 text += chunk;
                 if (text.size() == 4)
                     call.reset();
             },
         .on_finished =
             [](const tl::expected<Response, CallError>&) {
                 FAIL();
             }});
    timers.advance(milliseconds(0));
    EXPECT_EQ(text, "ab");
    timers.advance(milliseconds(50));
    EXPECT_EQ(text, "abcd");
    EXPECT_EQ(timers.pending(), 0U);
}

} // namespace
} // namespace kheish::models
