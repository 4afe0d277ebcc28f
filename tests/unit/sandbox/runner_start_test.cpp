#include "sandbox/runner_start.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace kheish::sandbox {
namespace {

TEST(RunnerStart, EnvironmentRoundTrips) {
    const RunnerView view{"/home/alice/a b", {"/srv/x", "/opt/y"}, true, 512};
    for (const EnvironmentEntry& entry : runner_environment(view))
        ASSERT_EQ(::setenv(entry.name.c_str(), entry.value.c_str(), 1), 0);
    const Result<RunnerView> read = read_runner_environment();
    for (const EnvironmentEntry& entry : runner_environment(view))
        ASSERT_EQ(::unsetenv(entry.name.c_str()), 0);
    ASSERT_TRUE(read) << read.error().to_string();
    EXPECT_EQ(*read, view);
}

TEST(RunnerStart, OutsideASandboxThereIsNoView) {
    const Result<RunnerView> view = read_runner_environment();
    ASSERT_FALSE(view);
    EXPECT_EQ(view.error().code, Errc::sandbox_unavailable);
}

TEST(RunnerStart, ReportsAreTold) {
    EXPECT_TRUE(parse_runner_report(runner_report_line({})).ready);
    const RunnerReport refused = parse_runner_report(
        runner_report_line(fail(Errc::sandbox_unavailable, "Landlock: two\nlines")));
    EXPECT_FALSE(refused.ready);
    ASSERT_TRUE(refused.error);
    EXPECT_NE(refused.error->message.find("Landlock: two lines"), std::string::npos);
}

TEST(RunnerStart, OtherTextIsNoReport) {
    for (const char* text :
         {"", "bwrap: Can't mount proc\n", "kheish-runner: ready", "x kheish-runner: ready\n"}) {
        const RunnerReport report = parse_runner_report(text);
        EXPECT_FALSE(report.ready) << text;
        EXPECT_FALSE(report.error) << text;
    }
    EXPECT_TRUE(parse_runner_report("a warning\nkheish-runner: ready\n").ready);
}

} // namespace
} // namespace kheish::sandbox
