#include "sandbox/plan.hpp"

#include "base/fd.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

namespace kheish::sandbox {
namespace {

constexpr std::size_t kGoldenLimitBytes = 65536;

PlanInput input_with(Profile profile) {
    PlanInput input;
    input.profile = std::move(profile);
    input.user_name = "alice";
    input.workspace = "/home/alice/project";
    input.tasks_max = 512;
    input.workspace_fd = 7;
    input.user_namespace_fd = 6;
    input.seccomp_fd = 5;
    input.runner = "/usr/libexec/kheish/kheish-runner";
    input.host.root_entries = {{"/bin", "usr/bin"}, {"/lib", "usr/lib"}, {"/lib64", ""}};
    return input;
}

/// One argument a line.
std::string text_of(const std::vector<std::string>& arguments) {
    std::string text;
    for (const std::string& argument : arguments)
        text += argument + "\n";
    return text;
}

std::string golden(const std::string& name) {
    const char* data = std::getenv("KHEISH_TEST_DATA");
    if (data == nullptr)
        return "KHEISH_TEST_DATA is not set";
    const Result<std::string> text =
        read_file(std::string(data) + "/sandbox/" + name, kGoldenLimitBytes);
    return text ? *text : text.error().to_string();
}

bool contains(const std::vector<std::string>& arguments, std::string_view word) {
    return std::find(arguments.begin(), arguments.end(), word) != arguments.end();
}

TEST(Plan, DefaultProfileIsAsRecorded) {
    const PlanInput input = input_with(*load_profile("default", {}, 0));
    EXPECT_EQ(text_of(plan(input)), golden("default.golden"));
}

TEST(Plan, NetworkProfileIsAsRecorded) {
    PlanInput input = input_with(*load_profile("network", {}, 0));
    input.host.has_kheish_configuration = true;
    EXPECT_EQ(text_of(plan(input)), golden("network.golden"));
}

TEST(Plan, CustomProfileIsAsRecorded) {
    PlanInput input = input_with(*parse_profile(
        "build",
        "hostname = builder\nread_only = /srv/toolchain\nread_only = /var/cache/sources\n"
        "tmp_size_bytes = 2097152\n"));
    input.tasks_max = 0;
    EXPECT_EQ(text_of(plan(input)), golden("custom.golden"));
}

TEST(Plan, IsAFunctionOfItsInput) {
    const PlanInput input = input_with(*load_profile("network", {}, 0));
    EXPECT_EQ(plan(input), plan(input));
}

TEST(Plan, NeverDiesWithTheLauncher) {
    for (const char* profile : {"default", "network"}) {
        const std::vector<std::string> arguments = plan(input_with(*load_profile(profile, {}, 0)));
        EXPECT_FALSE(contains(arguments, "--die-with-parent"));
        EXPECT_TRUE(contains(arguments, "--as-pid-1"));
        EXPECT_TRUE(contains(arguments, "--clearenv"));
    }
}

TEST(Plan, OnlyTheNetworkProfileKeepsTheNetwork) {
    EXPECT_TRUE(contains(plan(input_with(*load_profile("default", {}, 0))), "--unshare-net"));
    EXPECT_FALSE(contains(plan(input_with(*load_profile("network", {}, 0))), "--unshare-net"));
}

TEST(Plan, AWorkspaceThatLooksLikeAnOptionStaysAnArgument) {
    PlanInput input = input_with(*load_profile("default", {}, 0));
    input.workspace = "/home/alice/--share-net";
    const std::vector<std::string> arguments = plan(input);
    const auto bind = std::find(arguments.begin(), arguments.end(), "--bind-fd");
    ASSERT_LT(std::distance(bind, arguments.end()) > 2 ? 0 : 1, 1);
    EXPECT_EQ(*(bind + 2), input.workspace);
}

TEST(Plan, HostLayoutNamesUsersOfMergedUsr) {
    const Result<HostLayout> layout = read_host_layout();
    ASSERT_TRUE(layout) << layout.error().to_string();
    const bool has_bin = std::any_of(
        layout->root_entries.begin(), layout->root_entries.end(), [](const RootEntry& entry) {
            return entry.path == "/bin";
        });
    EXPECT_TRUE(has_bin);
}

} // namespace
} // namespace kheish::sandbox
