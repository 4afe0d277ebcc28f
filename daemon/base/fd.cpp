#include "base/fd.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace kheish {

void Fd::reset(int fd) noexcept {
    // close(2) releases the descriptor even when it reports EINTR or EIO, so there is no retry.
    if (fd_ >= 0)
        (void)::close(fd_);
    fd_ = fd;
}

Result<Fd> duplicate(const Fd& fd) {
    Fd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
    if (!copy)
        return fail_errno("duplicating a file descriptor", errno);
    return copy;
}

Result<std::string> read_all(int fd, std::size_t limit_bytes) {
    constexpr std::size_t kChunkBytes = 65536;
    std::string data;
    for (;;) {
        const std::size_t old_size = data.size();
        data.resize(old_size + kChunkBytes);
        const ssize_t count = ::read(fd, data.data() + old_size, kChunkBytes);
        if (count < 0) {
            data.resize(old_size);
            if (errno == EINTR)
                continue;
            return fail_errno("reading", errno);
        }
        data.resize(old_size + static_cast<std::size_t>(count));
        if (data.size() > limit_bytes)
            return fail(
                Errc::payload_too_large,
                "longer than the limit of " + std::to_string(limit_bytes) + " bytes");
        if (count == 0)
            return data;
    }
}

Result<std::string> read_file(const std::string& path, std::size_t limit_bytes) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd)
        return fail_errno(
            "opening " + path, errno, errno == ENOENT ? Errc::not_found : Errc::internal);
    Result<std::string> data = read_all(fd.get(), limit_bytes);
    if (!data)
        return fail(std::move(data).error().wrap(path));
    return data;
}

Status write_all(int fd, std::string_view data) {
    while (!data.empty()) {
        const ssize_t count = ::write(fd, data.data(), data.size());
        if (count < 0) {
            if (errno == EINTR)
                continue;
            return fail_errno(
                "writing", errno, errno == ENOSPC ? Errc::storage_full : Errc::internal);
        }
        data.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}

Status set_nonblocking(int fd, bool nonblocking) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0)
        return fail_errno("reading descriptor flags", errno);
    const int wanted = nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (::fcntl(fd, F_SETFL, wanted) < 0)
        return fail_errno("setting descriptor flags", errno);
    return {};
}

} // namespace kheish
