#include "scopes/spool.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace kheish::scopes {
namespace {

class Spool : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "/spool-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::string directory_;
};

TEST_F(Spool, KeepsWhatIsWritten) {
    const SpoolStore store(directory_);
    const RunId run{3};
    const CallId call{"call-1-0"};
    {
        const Fd file = store.create(run, call).value();
        ASSERT_TRUE(write_all(file.get(), "0123456789"));
    }
    const SpoolStore other(directory_); // as after a restart
    EXPECT_EQ(other.read(run, call, 0, 100).value(), "0123456789");
    EXPECT_EQ(other.read(run, call, 4, 3).value(), "456");
    EXPECT_EQ(other.read(run, call, 10, 3).value(), "");
    EXPECT_EQ(other.size_bytes(run, call).value(), 10);
    const std::filesystem::perms mode =
        std::filesystem::status(directory_ + "/run-3/call-1-0").permissions();
    EXPECT_EQ(mode & std::filesystem::perms(0077), std::filesystem::perms::none);
}

TEST_F(Spool, AnotherExecutionBeginsAgain) {
    const SpoolStore store(directory_);
    ASSERT_TRUE(write_all(store.create(RunId{3}, CallId{"c"}).value().get(), "old output"));
    ASSERT_TRUE(write_all(store.create(RunId{3}, CallId{"c"}).value().get(), "new"));
    EXPECT_EQ(store.read(RunId{3}, CallId{"c"}, 0, 100).value(), "new");
}

TEST_F(Spool, ReadsAreBounded) {
    const SpoolStore store(directory_);
    const std::string data(SpoolStore::kReadBytes + 10, 'x');
    ASSERT_TRUE(write_all(store.create(RunId{3}, CallId{"c"}).value().get(), data));
    EXPECT_EQ(
        store.read(RunId{3}, CallId{"c"}, 0, 1 << 30).value().size(),
        static_cast<std::size_t>(SpoolStore::kReadBytes));
}

TEST_F(Spool, MissingAndImproperNamesAreErrors) {
    const SpoolStore store(directory_);
    EXPECT_EQ(store.read(RunId{3}, CallId{"c"}, 0, 1).error().code, Errc::not_found);
    EXPECT_EQ(store.size_bytes(RunId{3}, CallId{"c"}).error().code, Errc::not_found);
    EXPECT_TRUE(store.remove(RunId{3}, CallId{"c"}).has_value());
    EXPECT_EQ(store.read(RunId{3}, CallId{"c"}, -1, 1).error().code, Errc::invalid_argument);
    for (const char* name : {"", ".", "..", "a/b", "../x", "a b", ".hidden"})
        EXPECT_EQ(store.create(RunId{3}, CallId{name}).error().code, Errc::invalid_argument)
            << name;
    EXPECT_EQ(store.create(RunId{0}, CallId{"c"}).error().code, Errc::invalid_argument);
}

TEST_F(Spool, RemovedIsGone) {
    const SpoolStore store(directory_);
    (void)store.create(RunId{3}, CallId{"c"});
    EXPECT_TRUE(store.remove(RunId{3}, CallId{"c"}).has_value());
    EXPECT_EQ(store.read(RunId{3}, CallId{"c"}, 0, 1).error().code, Errc::not_found);
}

TEST_F(Spool, AnUnusableDirectoryIsAnError) {
    const SpoolStore store(directory_ + "/none");
    EXPECT_EQ(store.create(RunId{3}, CallId{"c"}).error().code, Errc::not_found);
}

} // namespace
} // namespace kheish::scopes
