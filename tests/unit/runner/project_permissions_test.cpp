#include "runner/project_permissions.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace kheish::runner {
namespace {

using codec::runner::kPayloadBytes;
using codec::runner::ProjectPermissions;
namespace fs = std::filesystem;

class ProjectFile : public testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = (fs::temp_directory_path() / "kheish-project-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        top_ = pattern;
        workspace_ = top_ / "workspace";
        folder_ = workspace_ / ".kheish";
        file_ = folder_ / "permissions.toml";
        fs::create_directories(folder_);
    }
    void TearDown() override { fs::remove_all(top_); }

    void write(const std::string& content) const {
        std::ofstream(file_, std::ios::binary) << content;
    }
    ProjectPermissions found() const { return read_project_permissions(workspace_.string()); }
    /// It is there, and why it cannot be read.
    std::string problem() const {
        const ProjectPermissions project = found();
        EXPECT_TRUE(project.found);
        EXPECT_EQ(project.text, "");
        return project.error;
    }

    fs::path top_;
    fs::path workspace_;
    fs::path folder_;
    fs::path file_;
};

TEST_F(ProjectFile, IsNotThere) {
    EXPECT_EQ(found(), ProjectPermissions{});
    fs::remove(folder_);
    EXPECT_EQ(found(), ProjectPermissions{});
}

TEST_F(ProjectFile, IsTakenAsItIs) {
    write("");
    EXPECT_EQ(found(), (ProjectPermissions{true, "", ""}));
    const std::string longest(kPayloadBytes, '#');
    write(longest);
    EXPECT_EQ(found(), (ProjectPermissions{true, longest, ""}));
}

TEST_F(ProjectFile, ThatCannotBeReadIsNoneThatIsMissing) {
    write(std::string(kPayloadBytes + 1, '#'));
    EXPECT_EQ(problem(), ".kheish/permissions.toml: is longer than 49152 bytes");
    write("# \xff\n");
    EXPECT_EQ(problem(), ".kheish/permissions.toml: is not UTF-8");
    fs::remove(file_);
    fs::create_directory(file_);
    EXPECT_EQ(problem(), ".kheish/permissions.toml: is a directory");
    fs::remove(file_);
    ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
    EXPECT_EQ(problem(), ".kheish/permissions.toml: is not a regular file");
    fs::remove_all(folder_);
    std::ofstream(workspace_ / ".kheish") << "a file";
    EXPECT_NE(problem().find("is not a directory"), std::string::npos);
    EXPECT_NE(read_project_permissions("/nonexistent").error, "");
}

TEST_F(ProjectFile, OutsideOfTheWorkspaceIsNotThisProjects) {
    std::ofstream(top_ / "rules") << "rules = []\n";
    fs::create_symlink(top_ / "rules", file_);
    EXPECT_EQ(problem(), ".kheish/permissions.toml: leads out of the workspace");
}

TEST_F(ProjectFile, ThatIsNotItsUsersIsAProblem) {
    ASSERT_NE(::geteuid(), uid_t{0}) << "root may read everything";
    write("rules = []\n");
    fs::permissions(file_, fs::perms::none);
    EXPECT_EQ(problem(), ".kheish/permissions.toml: permission denied");
}

} // namespace
} // namespace kheish::runner
