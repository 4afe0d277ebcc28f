#include "launcher/child.hpp"
#include "launcher/operations.hpp"
#include "launcher/options.hpp"

#include <gtest/gtest.h>

#include <array>

namespace kheish::launcher {
namespace {

using sandbox::Attempt;
using sandbox::ListEntry;

constexpr sandbox::JournalId kOurs{1};
constexpr sandbox::JournalId kTheirs{2};

TEST(Operations, ListsComeInPages) {
    std::vector<ListEntry> all;
    for (int i = 1; i <= 300; ++i)
        all.push_back({{RunId{i}, 1}, kOurs});
    const sandbox::ListReply first = list_page({}, all);
    ASSERT_EQ(first.entries.size(), sandbox::kListPageEntries);
    EXPECT_TRUE(first.more);
    const sandbox::ListReply second = list_page({first.entries.back().attempt}, all);
    EXPECT_EQ(second.entries.size(), 300 - sandbox::kListPageEntries);
    EXPECT_FALSE(second.more);
    EXPECT_EQ(second.entries.front().attempt.run.number, 257);
    EXPECT_TRUE(list_page({second.entries.back().attempt}, all).entries.empty());
}

TEST(Operations, ASweepSparesExactlyWhatIsNamed) {
    const std::vector<ListEntry> found{
        {{RunId{1}, 1}, kOurs},
        {{RunId{1}, 2}, kOurs},
        {{RunId{2}, 1}, kTheirs},
        {{RunId{3}, 1}, {}}};
    const sandbox::SweepRequest request{
        kOurs, {{RunId{1}, 2}, {RunId{2}, 1}, {RunId{3}, 1}, {RunId{9}, 9}}};
    EXPECT_EQ(
        sweep_victims(request, found),
        (std::vector<Attempt>{{RunId{1}, 1}, {RunId{2}, 1}, {RunId{3}, 1}}));
    EXPECT_TRUE(sweep_victims(request, {}).empty());
}

TEST(Operations, ASweepReleasesTheSlicesOfRunsThatAreNotNamed) {
    const std::vector<ListEntry> found{{{RunId{1}, 1}, kOurs}, {{RunId{2}, 1}, kOurs}};
    const std::vector<RunId> slices{RunId{1}, RunId{2}, RunId{3}, RunId{4}, RunId{5}};
    const sandbox::SweepRequest request{kOurs, {{RunId{1}, 1}, {RunId{3}, 0}, {RunId{4}, 7}}};
    EXPECT_EQ(slice_victims(request, found, slices), std::vector<RunId>{RunId{5}});
    EXPECT_EQ(slice_victims({kOurs, {}}, {}, {RunId{1}, RunId{3}}).size(), 2U);
}

TEST(Operations, ASweepThatMayNotNameAllReleasesNoSlice) {
    sandbox::SweepRequest request{kOurs, {}};
    for (std::size_t i = 1; i < sandbox::kSweepLiveRunsLimit; ++i)
        request.live.push_back({RunId{static_cast<std::int64_t>(i)}, 0});
    const std::vector<RunId> slices{RunId{5000}};
    EXPECT_EQ(slice_victims(request, {}, slices), slices);
    request.live.push_back({RunId{4000}, 0});
    EXPECT_TRUE(slice_victims(request, {}, slices).empty());
}

TEST(LaunchFailure, RoundTrips) {
    const Error error{Errc::launch_refused, "workspace /x:\nno", EACCES, false};
    const std::optional<Error> read = parse_launch_failure(launch_failure_line(error));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->code, error.code);
    EXPECT_EQ(read->sys_errno, EACCES);
    EXPECT_EQ(read->message, "workspace /x: no");
}

TEST(LaunchFailure, OtherTextIsNone) {
    for (const char* text :
         {"",
          "bwrap: no\n",
          "kheish-launcher: ",
          "kheish-launcher: 1\n",
          "kheish-launcher: 1 2\n",
          "kheish-launcher: 9999 2 x\n",
          "kheish-launcher: x 2 y\n",
          "kheish-launcher: 1 2 unfinished"})
        EXPECT_FALSE(parse_launch_failure(text)) << text;
}

Result<Options> options_of(std::vector<std::string> words) {
    words.insert(words.begin(), "kheish-launcher");
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    return parse_options(arguments);
}

TEST(Options, AreRead) {
    const Result<Options> options =
        options_of({"--service-user", "svc", "--runner=/opt/runner", "--agent-user=a"});
    ASSERT_TRUE(options) << options.error().to_string();
    EXPECT_EQ(options->service_user, "svc");
    EXPECT_EQ(options->runner, "/opt/runner");
    EXPECT_EQ(options->agent_user, "a");
    EXPECT_EQ(options_of({})->service_user, "kheish");
}

TEST(Options, BadOnesAreRefused) {
    EXPECT_FALSE(options_of({"--colour", "red"}));
    EXPECT_FALSE(options_of({"--runner"}));
    EXPECT_FALSE(options_of({"--runner=relative"}));
    EXPECT_FALSE(options_of({"--service-user="}));
    EXPECT_FALSE(options_of({"word"}));
}

} // namespace
} // namespace kheish::launcher
