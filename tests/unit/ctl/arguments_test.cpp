#include "arguments.hpp"

#include <gtest/gtest.h>

namespace kheish::ctl {
namespace {

TEST(Arguments, OptionsStandAnywhere) {
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"--output", "json", "sessions", "input", "demo", "text", "--wait"},
             {"sessions", "--output=json", "input", "--wait", "demo", "text"},
             {"sessions", "input", "demo", "text", "--wait", "--output", "json"}}) {
        const Result<Arguments> arguments = parse_arguments(words);
        ASSERT_TRUE(arguments) << arguments.error().message;
        ASSERT_NE(arguments->command, nullptr);
        EXPECT_EQ(arguments->command->words, "sessions input");
        EXPECT_EQ(arguments->invocation.value("--output"), "json");
        EXPECT_EQ(arguments->invocation.value("SESSION"), "demo");
        EXPECT_EQ(arguments->invocation.value("CONTENT"), "text");
        EXPECT_TRUE(arguments->invocation.flag("--wait"));
        EXPECT_FALSE(arguments->invocation.flag("--stdin"));
    }
}

TEST(Arguments, OfTwoCommandsWithTheSameOptionEachHasItsOwn) {
    const Result<Arguments> runs = parse_arguments({"runs", "list", "--session-id", "x"});
    ASSERT_TRUE(runs);
    EXPECT_EQ(runs->command->words, "runs list");
    EXPECT_EQ(runs->invocation.value("--session-id"), "x");
    EXPECT_FALSE(parse_arguments({"runs", "get", "run-1", "--session-id", "x"}));
}

TEST(Arguments, WhatFollowsTwoDashesIsText) {
    const Result<Arguments> arguments = parse_arguments({"run", "--wait", "--", "--stdin"});
    ASSERT_TRUE(arguments);
    EXPECT_EQ(arguments->invocation.value("TEXT"), "--stdin");
}

TEST(Arguments, SayWhatIsWrong) {
    const auto message = [](const std::vector<std::string>& words) {
        const Result<Arguments> arguments = parse_arguments(words);
        return arguments ? std::string() : arguments.error().message;
    };
    EXPECT_EQ(message({}), "a command is missing; see kheishctl --help");
    EXPECT_EQ(message({"runs"}), "a command is missing behind \"runs\"; see kheishctl runs --help");
    EXPECT_EQ(message({"runs", "get"}), "RUN is missing; see kheishctl runs get --help");
    EXPECT_NE(message({"runs", "get", "run-1", "run-2"}), "");
    EXPECT_NE(message({"status", "--output", "yaml"}), "");
    EXPECT_NE(message({"status", "--output"}), "");
    EXPECT_EQ(message({"runs", "get", "--help"}), "");
}

} // namespace
} // namespace kheish::ctl
