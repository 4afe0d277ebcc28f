#include "launcher/workspace.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

namespace kheish::launcher {
namespace {

TEST(WorkspacePath, OrdinaryDirectoriesAreFine) {
    for (const char* path :
         {"/home/alice",
          "/home/alice/project",
          "/tmp/x",
          "/srv/data",
          "/var/www",
          "/var/lib/kheish-workspaces/demo",
          "/var/lib/kheish-other",
          "/usrlocal",
          "/home/alice/..x"})
        EXPECT_TRUE(check_workspace_path(path)) << path;
}

TEST(WorkspacePath, TheRestIsRefusedWithAReason) {
    for (const char* path :
         {"",
          "relative",
          "/",
          "//home/alice",
          "/home//alice",
          "/home/alice/",
          "/home/./alice",
          "/home/alice/..",
          "/home/../etc",
          "/usr",
          "/usr/src",
          "/etc/x",
          "/proc/self",
          "/sys/fs",
          "/dev/shm",
          "/home",
          "/tmp",
          "/var/tmp",
          "/opt",
          "/run",
          "/var",
          "/var/lib",
          "/run/kheish",
          "/run/kheish/runs",
          "/var/run/kheish",
          "/var/lib/kheish",
          "/var/lib/kheish/journal",
          "/var/lib/kheish-workspaces"}) {
        const Status status = check_workspace_path(path);
        ASSERT_FALSE(status) << path;
        EXPECT_EQ(status.error().code, Errc::launch_refused) << path;
    }
}

class OpenWorkspace : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "workspace-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        base_ = std::filesystem::canonical(pattern).string();
    }
    void TearDown() override { std::filesystem::remove_all(base_); }

    std::string base_;
};

TEST_F(OpenWorkspace, OpensADirectory) {
    const Result<Fd> directory = open_workspace(base_);
    EXPECT_TRUE(directory) << directory.error().to_string();
}

TEST_F(OpenWorkspace, OneOfItsOwnIsMadeWhereTheyBelong) {
    const std::string parent = base_ + "/own";
    ASSERT_EQ(::mkdir(parent.c_str(), 0700), 0);
    const auto found = [&parent](const std::string& path) {
        const Result<std::optional<OwnWorkspace>> own = find_own_workspace(parent, path);
        EXPECT_TRUE(own) << path;
        return own && own->has_value();
    };
    const Result<std::optional<OwnWorkspace>> own =
        find_own_workspace(parent, parent + "/session-1");
    ASSERT_TRUE(own && *own);
    EXPECT_EQ((*own)->group, ::getgid());
    EXPECT_TRUE((*own)->make());
    EXPECT_TRUE((*own)->make()) << "by another attempt";
    EXPECT_TRUE((*own)->give_to(::getgid()));
    struct stat made {};
    ASSERT_EQ(::stat((parent + "/session-1").c_str(), &made), 0);
    EXPECT_EQ(made.st_mode & 0777U, 0700U);
    EXPECT_FALSE(found(parent + "/session-1")) << "it is there";
    for (const std::string& path :
         {parent, parent + "/", parent + "/..", parent + "/a/b", base_ + "/other", parent + "x"})
        EXPECT_FALSE(found(path)) << path;
    ASSERT_EQ(::symlink("/etc", (parent + "/link").c_str()), 0);
    EXPECT_FALSE(found(parent + "/link")) << "whatever it is";
    EXPECT_FALSE(find_own_workspace(base_ + "/gone", base_ + "/gone/a"));
}

TEST_F(OpenWorkspace, FollowsALinkAndJudgesWhereItLeads) {
    std::filesystem::create_directory(base_ + "/real");
    std::filesystem::create_symlink(base_ + "/real", base_ + "/good");
    std::filesystem::create_symlink("/usr", base_ + "/bad");
    EXPECT_TRUE(open_workspace(base_ + "/good"));
    const Result<Fd> bad = open_workspace(base_ + "/bad");
    ASSERT_FALSE(bad);
    EXPECT_NE(bad.error().message.find("/usr"), std::string::npos);
}

TEST_F(OpenWorkspace, RefusesFilesAndMissingOnes) {
    EXPECT_EQ(open_workspace(base_ + "/none").error().sys_errno, ENOENT);
    std::filesystem::create_symlink("/etc/passwd", base_ + "/file");
    EXPECT_EQ(open_workspace(base_ + "/file").error().sys_errno, ENOTDIR);
}

} // namespace
} // namespace kheish::launcher
