#include "journal/process_lock.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace kheish::journal {

namespace {

constexpr std::size_t kHolderLimitBytes = 64;

std::string holder(int fd) {
    Result<std::string> text = read_all(fd, kHolderLimitBytes);
    while (text && !text->empty() && text->back() == '\n')
        text->pop_back();
    return text && !text->empty() ? "process " + *text : "another process";
}

} // namespace

Result<Fd> lock_process(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd)
        return fail_errno("opening " + path, errno, Errc::journal_unavailable);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return fail(
                Errc::journal_unavailable,
                "the journal is in use by " + holder(fd.get()) + " (" + path + " is locked)");
        return fail_errno("locking " + path, errno, Errc::journal_unavailable);
    }
    if (::ftruncate(fd.get(), 0) != 0)
        return fail_errno("writing " + path, errno, Errc::journal_unavailable);
    KHEISH_CHECK(write_all(fd.get(), std::to_string(::getpid()) + "\n"));
    return fd;
}

} // namespace kheish::journal
