#include "upkeep/privileges.hpp"

#include <cerrno>
#include <cstdlib>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kheish::upkeep {

namespace {

bool become(uid_t uid, gid_t gid) {
    return ::setgroups(0, nullptr) == 0 && ::setresgid(gid, gid, gid) == 0 &&
           ::setresuid(uid, uid, uid) == 0;
}

} // namespace

Result<int> run_as_owner(const std::string& directory, UniqueFunction<int()> work) {
    struct stat owner {};
    if (::stat(directory.c_str(), &owner) != 0)
        return fail_errno(
            "looking at " + directory, errno, errno == EACCES ? Errc::forbidden : Errc::not_found);
    if (::geteuid() == owner.st_uid)
        return work();
    if (::geteuid() != 0)
        return fail(
            Errc::forbidden, directory + " belongs to another user: root or that user may do this");
    const pid_t child = ::fork();
    if (child < 0)
        return fail_errno("starting a process", errno);
    if (child == 0) {
        if (!become(owner.st_uid, owner.st_gid))
            ::_exit(EXIT_FAILURE);
        ::_exit(work());
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return fail_errno("waiting for a process", errno);
    if (!WIFEXITED(status))
        return fail(Errc::internal, "the work was killed");
    return WEXITSTATUS(status);
}

} // namespace kheish::upkeep
