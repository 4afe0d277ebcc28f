#include "sandbox/profile.hpp"

#include "base/fd.hpp"
#include "sandbox/settings.hpp"

#include <gtest/gtest.h>

#include <array>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kheish::sandbox {
namespace {

class ProfileFiles : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "kheish-profile-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        directory_ = pattern;
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }

    std::string write(const std::string& name, std::string_view text, mode_t mode = 0644) {
        const std::string path = directory_ + "/" + name;
        const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        EXPECT_TRUE(write_all(file.get(), text));
        EXPECT_EQ(::fchmod(file.get(), mode), 0);
        return path;
    }

    std::string directory_;
};

TEST(Settings, ReadsKeysCommentsAndBlankLines) {
    const Result<std::vector<Setting>> settings = parse_settings("# note\n\n a = b c \nd=\n");
    ASSERT_TRUE(settings);
    ASSERT_EQ(settings->size(), 2U);
    EXPECT_EQ((*settings)[0].key, "a");
    EXPECT_EQ((*settings)[0].value, "b c");
    EXPECT_EQ((*settings)[0].line, 3);
    EXPECT_EQ((*settings)[1].value, "");
}

TEST(Settings, NamesTheBadLine) {
    const Result<std::vector<Setting>> settings = parse_settings("a = b\nnonsense\n");
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().code, Errc::invalid_configuration);
    EXPECT_NE(settings.error().message.find("line 2"), std::string::npos);
    EXPECT_FALSE(parse_settings("= b"));
    EXPECT_FALSE(parse_settings(std::string_view("a = \0", 5)));
}

TEST(Profile, NamesAreShortLabels) {
    for (const char* good : {"default", "network", "a", "go-1"})
        EXPECT_TRUE(check_profile_name(good)) << good;
    for (const char* bad : {"", "../x", "A", "-a", "1a", "a b", "a/b", "a."})
        EXPECT_FALSE(check_profile_name(bad)) << bad;
    EXPECT_FALSE(check_profile_name(std::string(64, 'a')));
}

TEST(Profile, BuiltInOnesNeedNoFile) {
    const Result<Profile> standard = load_profile("default", {}, 0);
    ASSERT_TRUE(standard);
    EXPECT_FALSE(standard->network);
    EXPECT_EQ(standard->hostname, "kheish");
    EXPECT_TRUE(load_profile("network", {}, 0)->network);
    const Result<Profile> unknown = load_profile("other", {}, 0);
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Errc::not_found);
}

TEST(Profile, RefusesWhatItDoesNotKnow) {
    for (const char* bad :
         {"colour = red",
          "network = maybe",
          "hostname = A.B",
          "read_only = relative",
          "read_only = /",
          "read_only = /a/../b",
          "read_only = /a:b",
          "read_only = /a/",
          "tmp_size_bytes = 5",
          "tmp_size_bytes = many"}) {
        const Result<Profile> profile = parse_profile("x", bad);
        ASSERT_FALSE(profile) << bad;
        EXPECT_EQ(profile.error().code, Errc::invalid_configuration) << bad;
        EXPECT_NE(profile.error().message.find("line 1"), std::string::npos) << bad;
    }
    std::string many;
    for (std::size_t i = 0; i <= kProfileReadOnlyPathsLimit; ++i)
        many += "read_only = /a\n";
    EXPECT_FALSE(parse_profile("x", many));
}

TEST_F(ProfileFiles, TheLastDirectoryWins) {
    (void)write("default.conf", "network = yes\n");
    const std::array<std::string_view, 2> directories{"/nonexistent", directory_};
    const Result<Profile> profile = load_profile("default", directories, ::getuid());
    ASSERT_TRUE(profile) << profile.error().to_string();
    EXPECT_TRUE(profile->network);
}

TEST_F(ProfileFiles, AFileThatOthersCouldWriteIsRefused) {
    (void)write("default.conf", "network = yes\n", 0666);
    const std::array<std::string_view, 1> directories{directory_};
    const Result<Profile> profile = load_profile("default", directories, ::getuid());
    ASSERT_FALSE(profile);
    EXPECT_EQ(profile.error().code, Errc::invalid_configuration);
    (void)write("other.conf", "network = yes\n");
    EXPECT_FALSE(load_profile("other", directories, ::getuid() + 1));
}

TEST_F(ProfileFiles, ABadFileIsNotReplacedByTheBuiltInOne) {
    const std::string path = write("default.conf", "nonsense\n");
    const std::array<std::string_view, 1> directories{directory_};
    const Result<Profile> profile = load_profile("default", directories, ::getuid());
    ASSERT_FALSE(profile);
    EXPECT_NE(profile.error().message.find(path), std::string::npos);
}

} // namespace
} // namespace kheish::sandbox
