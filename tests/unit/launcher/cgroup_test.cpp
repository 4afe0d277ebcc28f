#include "launcher/cgroup.hpp"

#include "launcher/unit_manager.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace kheish::launcher {
namespace {

using sandbox::Attempt;

TEST(Cgroup, FindsTheUnifiedLineOfHybridHosts) {
    EXPECT_EQ(
        unified_path("12:pids:/other\n1:name=systemd:/a\n0::/kheish.slice/x\n"), "/kheish.slice/x");
    EXPECT_EQ(unified_path("0::/"), "/");
    EXPECT_FALSE(unified_path("1:name=systemd:/a\n"));
    EXPECT_FALSE(unified_path(""));
}

TEST(Cgroup, UnitNamesHaveOneSpelling) {
    EXPECT_EQ(parse_scope_name("kheish-run-17-3.scope"), (Attempt{RunId{17}, 3}));
    EXPECT_EQ(parse_slice_name("kheish-runs-17.slice"), RunId{17});
    for (const char* bad :
         {"kheish-run-17.scope",
          "kheish-run-017-3.scope",
          "kheish-run-17-03.scope",
          "kheish-run-0-1.scope",
          "kheish-run-17-0.scope",
          "kheish-run--1-1.scope",
          "kheish-run-17-3-1.scope",
          "kheish-run-17-3.service",
          "kheish-run-17-99999999999.scope",
          ""})
        EXPECT_FALSE(parse_scope_name(bad)) << bad;
    for (const char* bad : {"kheish-runs.slice", "kheish-runs-.slice", "kheish-runs-01.slice"})
        EXPECT_FALSE(parse_slice_name(bad)) << bad;
}

TEST(Cgroup, DescriptionsCarryTheJournal) {
    const sandbox::JournalId journal{0x01, 0xff, 3};
    const std::string text = scope_description({RunId{17}, 3}, journal);
    EXPECT_EQ(text, "Kheish run-17, attempt 3, journal 01ff0300000000000000000000000000");
    EXPECT_EQ(parse_scope_description(text), journal);
    for (const char* other : {"", "Kheish", "x, journal 01ff", "x, journal zz"})
        EXPECT_EQ(parse_scope_description(other), sandbox::JournalId{}) << other;
    EXPECT_EQ(
        parse_scope_description("x, journal " + std::string(31, '0') + "g"), sandbox::JournalId{});
}

TEST(Cgroup, ManagerVersionsAreTheirLeadingNumber) {
    EXPECT_EQ(parse_manager_version("252.39-1~deb12u2"), 252);
    EXPECT_EQ(parse_manager_version("257"), 257);
    EXPECT_EQ(parse_manager_version("v252"), 0);
    EXPECT_EQ(parse_manager_version(""), 0);
}

/// Plain files in the place of a cgroup file system: what is read, not what the kernel does.
class RunTree : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "cgroups-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        base_ = pattern;
        add("kheish-runs-2.slice/kheish-run-2-10.scope", 1);
        add("kheish-runs-2.slice/kheish-run-2-9.scope", 0);
        add("kheish-runs-1.slice", 0);
        add("kheish-runs-3.slice/kheish-run-2-1.scope", 1);
        add("other.slice/kheish-run-9-1.scope", 1);
    }
    void TearDown() override { std::filesystem::remove_all(base_); }

    void add(const std::string& name, int populated) {
        std::filesystem::create_directories(base_ + "/" + name);
        std::ofstream(base_ + "/" + name + "/cgroup.events")
            << "populated " << populated << "\nfrozen 0\n";
    }

    std::string base_;
};

TEST_F(RunTree, ListsWhatIsARunsInOrder) {
    const RunCgroups cgroups(base_, "/kheish.slice/kheish-runs.slice");
    EXPECT_EQ(*cgroups.scopes(), (std::vector<Attempt>{{RunId{2}, 9}, {RunId{2}, 10}}));
    EXPECT_EQ(*cgroups.slices(), (std::vector<RunId>{RunId{1}, RunId{2}, RunId{3}}));
    EXPECT_TRUE(cgroups.scopes_of(RunId{77})->empty());
    EXPECT_TRUE(RunCgroups(base_ + "/none", "/x").scopes()->empty());
}

TEST_F(RunTree, PopulatedIsRead) {
    const RunCgroups cgroups(base_, "/kheish.slice/kheish-runs.slice");
    const auto events = [&cgroups](int attempt) {
        return std::move(**open_cgroup_events(cgroups.scope_directory({RunId{2}, attempt})));
    };
    EXPECT_TRUE(*is_populated(events(10)));
    EXPECT_FALSE(*is_populated(events(9)));
    EXPECT_FALSE(*open_cgroup_events(base_ + "/gone"));
}

TEST_F(RunTree, KillingWhatIsGoneIsDone) {
    EXPECT_TRUE(kill_cgroup(base_ + "/gone"));
}

TEST_F(RunTree, MissingControllersAreDegraded) {
    std::ofstream(base_ + "/kheish-runs-1.slice/cgroup.controllers") << "cpuset cpu memory\n";
    const RunCgroups cgroups(base_, "/x");
    const sandbox::Degraded degraded = cgroups.degraded(RunId{1});
    EXPECT_EQ(degraded, (sandbox::Degraded{false, true, false, true}));
    EXPECT_EQ(cgroups.degraded(RunId{77}), (sandbox::Degraded{true, true, true, true}));
}

TEST_F(RunTree, AProcessElsewhereIsNoMember) {
    const RunCgroups cgroups(base_, "/kheish.slice/kheish-runs.slice");
    const Status member = cgroups.verify_member(::getpid(), {RunId{2}, 10});
    ASSERT_FALSE(member);
    EXPECT_EQ(member.error().code, Errc::launch_refused);
    EXPECT_NE(member.error().message.find("kheish-run-2-10.scope"), std::string::npos);
}

} // namespace
} // namespace kheish::launcher
