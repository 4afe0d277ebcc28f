#include "scopes/cgroup.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace kheish::scopes {
namespace {

class CgroupFiles : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "/cgroup-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }
    void file(const std::string& name, const std::string& text) const {
        std::ofstream(directory_ + "/" + name) << text;
    }

    std::string directory_;
};

TEST(Cgroup, FlatValuesAreFoundByWholeKey) {
    const std::string text = "usage_usec 1234\nuser_usec 1000\nsystem_usec x\n";
    EXPECT_EQ(flat_value(text, "usage_usec"), 1234);
    EXPECT_EQ(flat_value(text, "user_usec"), 1000);
    EXPECT_EQ(flat_value(text, "usec"), std::nullopt);
    EXPECT_EQ(flat_value(text, "usage"), std::nullopt);
    EXPECT_EQ(flat_value(text, "system_usec"), std::nullopt);
    EXPECT_EQ(flat_value("", "usage_usec"), std::nullopt);
}

TEST(Cgroup, IoAddsUpOverDevices) {
    const std::string text = "8:0 rbytes=100 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n"
                             "252:0 rbytes=5 wbytes=7 rios=1\n";
    EXPECT_EQ(io_sum(text, "rbytes"), 105);
    EXPECT_EQ(io_sum(text, "wbytes"), 27);
    EXPECT_EQ(io_sum(text, "bytes"), 0);
    EXPECT_EQ(io_sum("", "rbytes"), 0);
}

TEST(Cgroup, DirectoriesFollowTheUnitNames) {
    EXPECT_EQ(slice_directory("/r", RunId{7}), "/r/kheish-runs-7.slice");
    EXPECT_EQ(scope_directory("/r", RunId{7}, 2), "/r/kheish-runs-7.slice/kheish-run-7-2.scope");
}

TEST_F(CgroupFiles, AccountingTakesWhatIsThere) {
    file("cpu.stat", "usage_usec 42\nuser_usec 40\n");
    Accounting used = read_accounting(directory_);
    EXPECT_EQ(used.cpu_usage_us, 42);
    EXPECT_EQ(used.memory_peak_bytes, std::nullopt);
    EXPECT_EQ(used.tasks_peak, std::nullopt);
    EXPECT_EQ(used.io_read_bytes, std::nullopt);
    file("memory.peak", "1048576\n");
    file("pids.peak", "9\n");
    file("io.stat", "");
    used = read_accounting(directory_);
    EXPECT_EQ(used.memory_peak_bytes, 1048576);
    EXPECT_EQ(used.tasks_peak, 9);
    EXPECT_EQ(used.io_read_bytes, 0);
    EXPECT_EQ(used.io_write_bytes, 0);
}

TEST_F(CgroupFiles, PopulatedIsWhatTheEventsSay) {
    EXPECT_FALSE(is_populated(directory_));
    file("cgroup.events", "populated 1\nfrozen 0\n");
    EXPECT_TRUE(is_populated(directory_));
    file("cgroup.events", "populated 0\nfrozen 0\n");
    EXPECT_FALSE(is_populated(directory_));
    EXPECT_EQ(read_accounting(directory_ + "/gone").cpu_usage_us, 0);
}

} // namespace
} // namespace kheish::scopes
