#include "sandbox/landlock.hpp"
#include "sandbox/rlimits.hpp"

#include "base/fd.hpp"
#include "base/unique_function.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kheish::sandbox {
namespace {

/// The exit status of `body` run in a child: what restricts a process stays with it.
int in_child(UniqueFunction<int()> body) {
    const pid_t child = ::fork();
    if (child == 0)
        ::_exit(body());
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

bool can_write(const std::string& path) {
    const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    return static_cast<bool>(file);
}

bool can_read(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    return static_cast<bool>(file);
}

class Confinement : public ::testing::Test {
  protected:
    // /tmp and /var/tmp are open to a run anyway, so the workspace lies elsewhere where it can.
    void SetUp() override {
        std::string pattern = std::filesystem::current_path().string();
        if (::access(pattern.c_str(), W_OK) != 0)
            pattern = ::testing::TempDir();
        pattern += "/landlock-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        base_ = pattern;
        for (const char* name : {"/workspace", "/workspace/a", "/workspace/b"})
            ASSERT_TRUE(std::filesystem::create_directory(base_ + name));
        ASSERT_TRUE(can_read("/") && can_read("/var"));
    }
    void TearDown() override { std::filesystem::remove_all(base_); }

    Status restrict_here() const {
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
            return fail_errno("no_new_privs", errno);
        return restrict_to({base_ + "/workspace", {}, false});
    }

    std::string base_;
};

TEST_F(Confinement, TheWorkspaceIsOpenAndTheRestIsNot) {
    const int failed = in_child([this] {
        if (!restrict_here())
            return 1;
        if (!can_write(base_ + "/workspace/a/file"))
            return 2;
        if (can_read("/") || can_read("/var") || can_read("/home"))
            return 3;
        if (!can_read("/etc/passwd") || can_write("/etc/kheish-landlock-test"))
            return 4;
        return can_write("/dev/null") && can_read("/proc/self/status") ? 0 : 5;
    });
    EXPECT_EQ(failed, 0);
}

TEST_F(Confinement, FilesMoveBetweenDirectoriesOfTheWorkspace) {
    const Result<int> abi = landlock_abi();
    if (!abi || *abi < 2)
        FAIL() << "this kernel's Landlock cannot allow renames across directories";
    const int failed = in_child([this] {
        if (!restrict_here() || !can_write(base_ + "/workspace/a/file"))
            return 1;
        return ::rename(
            (base_ + "/workspace/a/file").c_str(), (base_ + "/workspace/b/file").c_str());
    });
    EXPECT_EQ(failed, 0);
}

TEST_F(Confinement, AMissingWorkspaceGrantsNothing) {
    const int failed = in_child([this] {
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
            return 1;
        const Status status = restrict_to({base_ + "/none", {base_ + "/none"}, false});
        return status ? 2 : 0;
    });
    EXPECT_EQ(failed, 0);
}

TEST(Rlimits, AreSetAndNeverRaised) {
    const int failed = in_child([] {
        const rlimit low{100, 200};
        if (::setrlimit(RLIMIT_NOFILE, &low) != 0 || !apply_rlimits({.tasks_max = 77}))
            return 1;
        rlimit now{};
        if (::getrlimit(RLIMIT_NOFILE, &now) != 0 || now.rlim_max != 200)
            return 2;
        if (::getrlimit(RLIMIT_NPROC, &now) != 0 || now.rlim_cur != 77)
            return 3;
        return ::getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_max == 0 ? 0 : 4;
    });
    EXPECT_EQ(failed, 0);
}

} // namespace
} // namespace kheish::sandbox
