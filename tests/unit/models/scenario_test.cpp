#include "models/scenario.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <utility>

namespace kheish::models {
namespace {

TEST(Scenario, ReadsEverything) {
    const Result<Scenario> scenario = Scenario::parse(R"({"version":1,"runs":[
        {"when_input_contains":"fail","turns":[
          {"errors":[{"kind":"overloaded","retry_after_ms":1500,"delay_ms":7}]}]},
        {"turns":[
          {"text":"a","tool_calls":[{"name":"ls","tool":"list_files","input":{"path":"."}}]},
          {"delay_ms":5,"chunk_chars":3,"chunk_delay_ms":2,"text":"{{result 'ls'}}",
           "usage":{"input_tokens":10,"output_tokens":20}},
          {"text":"cut","stop_reason":"max_tokens"}]}]})");
    ASSERT_TRUE(scenario.has_value()) << scenario.error().message;
    ASSERT_EQ(scenario->plays.size(), 2U);
    const Scenario::Turn& failing = scenario->plays[0].turns[0];
    EXPECT_TRUE(failing.errors_only);
    EXPECT_EQ(failing.errors[0].error.kind, CallError::Kind::overloaded);
    EXPECT_EQ(failing.errors[0].error.message, "scripted overloaded");
    EXPECT_EQ(failing.errors[0].error.retry_after, std::chrono::milliseconds(1500));
    EXPECT_EQ(failing.errors[0].delay, std::chrono::milliseconds(7));
    const std::vector<Scenario::Turn>& turns = scenario->plays[1].turns;
    ASSERT_EQ(turns.size(), 3U);
    EXPECT_EQ(turns[0].stop_reason, Response::StopReason::tool_use);
    EXPECT_EQ(turns[0].calls[0].tool, "list_files");
    EXPECT_EQ(turns[1].chunk_chars, 3);
    EXPECT_EQ(turns[1].usage->output_tokens, 20);
    EXPECT_EQ(turns[2].stop_reason, Response::StopReason::max_tokens);
}

TEST(Scenario, ErrorsAreOfConfigurationAndNameThePlace) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"{", "JSON"},
        {"[]", "scenario must be an object"},
        {R"({"turns":[{"text":"a"}]})", "scenario.version"},
        {R"({"version":2,"turns":[{"text":"a"}]})", "scenario.version"},
        {R"({"version":1})", "scenario.turns or runs"},
        {R"({"version":1,"turns":[],"runs":[]})", "scenario.turns or runs"},
        {R"({"version":1,"turns":[]})", "turns must hold at least one turn"},
        {R"({"version":1,"turns":[{"txt":"a"}]})", "turns[0]"},
        {R"({"version":1,"turns":[{}]})", "turns[0].text or tool_calls"},
        {R"({"version":1,"turns":[{"text":1}]})", "turns[0].text must be a string"},
        {R"({"version":1,"turns":[{"text":"a","delay_ms":-1}]})", "turns[0].delay_ms"},
        {R"({"version":1,"turns":[{"text":"a","delay_ms":3600001}]})", "turns[0].delay_ms"},
        {R"({"version":1,"turns":[{"text":"{{x}}"}]})", "turns[0].text: a placeholder"},
        {R"({"version":1,"turns":[{"text":"{{result 'a'}}"}]})", "no earlier turn calls"},
        {R"({"version":1,"turns":[{"errors":[{"kind":"odd"}]}]})", "turns[0].errors[0].kind"},
        {R"({"version":1,"turns":[{"text":"a","stop_reason":"tool_use"}]})", "stop_reason"},
        {R"({"version":1,"turns":[{"tool_calls":[{"name":"a b","tool":"t","input":{}}]}]})",
         "turns[0].tool_calls[0].name"},
        {R"({"version":1,"turns":[{"tool_calls":[{"name":"a","tool":"t","input":[]}]}]})",
         "turns[0].tool_calls[0].input must be an object"},
        {R"({"version":1,"turns":[{"tool_calls":[{"name":"a","tool":"t","input":{}},
             {"name":"a","tool":"t","input":{}}]}]})",
         "tool_calls[1].name is used twice"},
        // A turn cannot quote the calls that it makes itself.
        {R"({"version":1,"turns":[{"tool_calls":[{"name":"a","tool":"t","input":{}},
             {"name":"b","tool":"t","input":{"x":["{{result 'a'}}"]}}]}]})",
         "turns[0].tool_calls[1].input.x[0] quotes \"a\""},
    };
    for (const auto& [json, message] : cases) {
        const Result<Scenario> scenario = Scenario::parse(json);
        ASSERT_FALSE(scenario.has_value()) << json;
        EXPECT_EQ(scenario.error().code, Errc::invalid_configuration);
        EXPECT_NE(scenario.error().message.find(message), std::string::npos)
            << scenario.error().message;
    }
}

TEST(Scenario, LoadNamesTheFile) {
    const Result<Scenario> missing = Scenario::load("/nonexistent/scenario.json");
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().code, Errc::invalid_configuration);
    EXPECT_TRUE(missing.error().message.starts_with("/nonexistent/scenario.json: "));
    const std::string path = testing::TempDir() + "kheish-scenario-test.json";
    std::ofstream(path) << R"({"version":1,"turns":[{"text":"hello"}]})";
    EXPECT_TRUE(Scenario::load(path).has_value());
    std::ofstream(path) << "{}";
    const Result<Scenario> broken = Scenario::load(path);
    ASSERT_FALSE(broken.has_value());
    EXPECT_TRUE(broken.error().message.starts_with(path)) << broken.error().message;
}

} // namespace
} // namespace kheish::models
