#include "bus_client.hpp"
#include "command.hpp"
#include "help.hpp"

#include "base/fd.hpp"
#include "control/operations.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <set>
#include <sstream>
#include <string>

namespace kheish::ctl {
namespace {

using Words = std::set<std::string>;

/// What works past kheishd: on the journal's files, or on nothing.
const Words kOfTheFiles{
    "audit checkpoint",
    "audit epochs",
    "audit export",
    "audit generate-key",
    "audit key",
    "audit list",
    "audit prove",
    "audit rotate-key",
    "audit show",
    "audit verify",
    "journal backup",
    "journal export",
    "journal prune",
    "journal rebuild",
    "journal verify",
    "secrets generate"};

/// What kheishctl makes of several operations.
const Words kComposed{
    "run", "runs explain", "runs wait", "approvals allow-all", "approvals deny-all"};

Words words_of(const std::string& text) {
    std::istringstream stream(text);
    Words words;
    for (std::string word; stream >> word;)
        words.insert(word);
    return words;
}

/// What bash offers behind `line`.
Words bash_offers(const std::string& line) {
    const std::string script = "bash -c 'source " KHEISH_SOURCE_ROOT
                               "/ctl/completions/kheishctl.bash; COMP_WORDS=(" +
                               line +
                               "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _kheishctl; "
                               "echo \"${COMPREPLY[@]}\"'";
    FILE* const pipe = popen(script.c_str(), "r");
    EXPECT_NE(pipe, nullptr);
    std::string text;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe))
        text.push_back(static_cast<char>(c));
    EXPECT_EQ(pclose(pipe), 0) << line;
    return words_of(text);
}

Words options_of(const Command& command) {
    Words names{"-H"};
    for (const Option& option : command.options)
        names.emplace(option.name);
    for (const Option& option : global_options())
        names.emplace(option.name);
    return names;
}

TEST(CtlContract, EveryOperationHasItsCommandAndTheOtherWayRound) {
    Words declared = kComposed;
    declared.insert(kOfTheFiles.begin(), kOfTheFiles.end());
    for (const control::OperationInfo& info : control::operations())
        if (!info.command.empty())
            declared.emplace(info.command);
    Words implemented;
    for (const Command& command : commands())
        EXPECT_TRUE(implemented.emplace(command.words).second) << command.words;
    EXPECT_EQ(declared, implemented);
}

TEST(CtlContract, WhatIsAskedAgainChangesNothing) {
    for (const control::OperationInfo& info : control::operations())
        if (!info.dbus_member.empty()) {
            EXPECT_EQ(is_read(info.dbus_member), !info.changes_state) << info.name;
        }
}

TEST(CtlContract, HelpShowsEverythingInEightyColumns) {
    std::string all = program_help("");
    for (const Command& command : commands()) {
        EXPECT_NE(all.find(std::string("  ") + std::string(command.words)), std::string::npos);
        const std::string help = command_help(command);
        for (const Option& option : command.options)
            EXPECT_NE(help.find(option.name), std::string::npos) << option.name;
        all += help;
    }
    std::istringstream lines(all);
    for (std::string line; std::getline(lines, line);)
        EXPECT_LE(line.size(), 80U) << line;
}

TEST(CtlContract, BashOffersExactlyTheTable) {
    Words first;
    for (const Command& command : commands()) {
        const std::string words(command.words);
        Words options = options_of(command);
        options.erase("-H"); // has one dash
        EXPECT_EQ(bash_offers("kheishctl " + words + " --"), options) << words;
        const std::size_t space = words.find(' ');
        first.insert(words.substr(0, space));
        const Words last = bash_offers("kheishctl " + words);
        EXPECT_TRUE(space == std::string::npos || last.contains(words.substr(space + 1))) << words;
    }
    EXPECT_EQ(bash_offers("kheishctl \"\""), first);
}

TEST(CtlContract, ZshKnowsTheTable) {
    const std::string text =
        read_file(KHEISH_SOURCE_ROOT "/ctl/completions/_kheishctl", 1 << 20).value_or("");
    for (const Command& command : commands()) {
        const std::string words(command.words);
        const std::string word = words.substr(words.find(' ') + 1); // npos + 1 is the beginning
        EXPECT_NE(text.find("'" + word + ":"), std::string::npos) << words;
        if (command.options.empty())
            continue;
        const std::string label =
            words.find(' ') == std::string::npos ? words + " " : words; // "run "*
        const std::size_t begin = text.find("\"" + label + "\"");
        ASSERT_NE(begin, std::string::npos) << words;
        const std::string options = text.substr(begin, text.find(";;", begin) - begin);
        for (const Option& option : command.options)
            EXPECT_NE(options.find("'" + std::string(option.name) + "["), std::string::npos)
                << words << option.name;
    }
}

} // namespace
} // namespace kheish::ctl
