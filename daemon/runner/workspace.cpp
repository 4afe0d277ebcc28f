#include "runner/workspace.hpp"

#include "base/text.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace kheish::runner {

Error path_error(const std::string& path, int sys_errno) {
    std::string problem;
    switch (sys_errno) {
    case ENOENT:
        problem = "does not exist";
        break;
    case EXDEV:
        problem = "leads out of the workspace";
        break;
    case ELOOP:
        problem = "is a symbolic link or leads through too many of them";
        break;
    case EACCES:
    case EPERM:
        problem = "permission denied";
        break;
    case ENOTDIR:
        problem = "is not a directory, or goes through something that is none";
        break;
    case EISDIR:
        problem = "is a directory";
        break;
    default:
        problem = ::strerror(sys_errno);
    }
    return Error{
        .code = Errc::bad_request,
        .message = escape_for_display(path) + ": " + problem,
        .sys_errno = sys_errno};
}

Result<Fd> open_beneath(int directory, const std::string& path, int flags, mode_t mode) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC));
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    for (int attempt = 0; attempt < 8; ++attempt) {
        const long fd = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
        if (fd >= 0)
            return Fd(static_cast<int>(fd));
        // EAGAIN: a rename elsewhere raced with the resolution; openat2(2) says to try again.
        if (errno != EAGAIN && errno != EINTR)
            break;
    }
    return fail(path_error(path, errno));
}

Result<Workspace> Workspace::open(const std::string& path) {
    Fd root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root)
        return fail_errno("opening the workspace", errno);
    return Workspace(std::move(root));
}

Result<Fd> Workspace::open_beneath(const std::string& path, int flags) const {
    return runner::open_beneath(root_.get(), path, flags);
}

Result<Fd> Workspace::open_directory(const std::string& path) const {
    return open_beneath(path, O_RDONLY | O_DIRECTORY);
}

Result<Workspace::File> Workspace::open_file(const std::string& path) const {
    // O_NONBLOCK: a FIFO without a writer must not hold the call until its timeout.
    KHEISH_TRY(Fd fd, open_beneath(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    return as_regular_file(std::move(fd), path);
}

Result<Workspace::File> as_regular_file(Fd fd, const std::string& path) {
    Workspace::File file{std::move(fd), {}};
    if (::fstat(file.fd.get(), &file.state) != 0)
        return fail(path_error(path, errno));
    if (S_ISDIR(file.state.st_mode))
        return fail(path_error(path, EISDIR));
    if (!S_ISREG(file.state.st_mode))
        return fail(Errc::bad_request, escape_for_display(path) + ": is not a regular file");
    return file;
}

} // namespace kheish::runner
