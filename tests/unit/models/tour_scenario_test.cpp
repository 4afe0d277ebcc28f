// The scenario that is installed, played against the tools that there are.

#include "models/scripted_model.hpp"
#include "tools/tool.hpp"

#include <gtest/gtest.h>

namespace kheish::models {
namespace {

/// The results of one turn: a line with the call's own id for each.
Message results_of(const Message& answer, int& calls) {
    Message results{.role = Message::Role::user, .parts = {}};
    for (const Part& part : answer.parts)
        if (const auto* call = std::get_if<ToolCall>(&part)) {
            const tools::Tool* tool = tools::find_tool(call->tool);
            EXPECT_NE(tool, nullptr) << call->tool;
            const Result<std::string> valid = tools::validate_input(*tool, call->input);
            EXPECT_TRUE(valid.has_value()) << valid.error().message;
            results.parts.emplace_back(ToolResult{call->id, "result of " + call->id});
            ++calls;
        }
    return results;
}

TEST(TourScenario, PlaysToAnAnswerMadeOfWhatTheToolsReturned) {
    const Result<Scenario> scenario = Scenario::load(KHEISH_TOUR_SCENARIO);
    ASSERT_TRUE(scenario.has_value()) << scenario.error().message;
    ASSERT_EQ(scenario->plays.size(), 1U);
    Request request;
    request.messages.push_back(
        {.role = Message::Role::user, .parts = {Text{"Inspect this repo and summarize it."}}});
    int calls = 0;
    const std::size_t turns = scenario->plays[0].turns.size();
    for (std::size_t turn = 1; turn < turns; ++turn) {
        const ScriptedAnswer answer = scripted_answer(
            *scenario, request, "run-1/turn-" + std::to_string(turn) + "/attempt-1");
        ASSERT_TRUE(answer.result.has_value()) << answer.result.error().message;
        EXPECT_EQ(answer.result->stop_reason, Response::StopReason::tool_use);
        request.messages.push_back(answer.result->message);
        request.messages.push_back(results_of(answer.result->message, calls));
    }
    EXPECT_EQ(calls, 5);

    const ScriptedAnswer last =
        scripted_answer(*scenario, request, "run-1/turn-" + std::to_string(turns) + "/attempt-1");
    ASSERT_TRUE(last.result.has_value()) << last.result.error().message;
    EXPECT_EQ(last.result->stop_reason, Response::StopReason::end_turn);
    const std::string text = std::get<Text>(last.result->message.parts.at(0)).text;
    for (const char* call : {"turn-1-top", "turn-1-readme", "turn-1-programs", "turn-2-count"})
        EXPECT_NE(text.find(std::string("result of ") + call), std::string::npos) << text;
}

TEST(TourScenario, ItsCommandRunsLongEnoughToRestartTheDaemonMeanwhile) {
    const Result<Scenario> scenario = Scenario::load(KHEISH_TOUR_SCENARIO);
    ASSERT_TRUE(scenario.has_value());
    const Scenario::PlannedCall& count = scenario->plays[0].turns.at(1).calls.at(0);
    EXPECT_EQ(count.tool, "bash");
    EXPECT_NE(count.input.find("command")->string().find("sleep 1"), std::string::npos);
}

} // namespace
} // namespace kheish::models
