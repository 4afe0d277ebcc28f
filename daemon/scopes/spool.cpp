#include "scopes/spool.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kheish::scopes {
namespace {

bool is_file_name(std::string_view text) {
    constexpr std::string_view kAllowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return !text.empty() && text.size() <= 128 && text.front() != '.' &&
           text.find_first_not_of(kAllowed) == std::string_view::npos;
}

tl::unexpected<Error> cannot_open(const std::string& path, int sys_errno) {
    return fail_errno(
        "opening " + path,
        sys_errno,
        sys_errno == ENOENT   ? Errc::not_found
        : sys_errno == ENOSPC ? Errc::storage_full
                              : Errc::internal);
}

} // namespace

Result<std::string> SpoolStore::path(RunId run, const CallId& call) const {
    if (!run || !is_file_name(call.value))
        return fail(Errc::invalid_argument, "a spool needs a run and a plain call id");
    return directory_ + "/" + run.to_string() + "/" + call.value;
}

Result<Fd> SpoolStore::create(RunId run, const CallId& call) const {
    KHEISH_TRY(const std::string path, this->path(run, call));
    const std::string folder = directory_ + "/" + run.to_string();
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        return cannot_open(folder, errno);
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file)
        return cannot_open(path, errno);
    return file;
}

Result<std::string> SpoolStore::read(
    RunId run, const CallId& call, std::int64_t offset_bytes, std::int64_t limit_bytes) const {
    if (offset_bytes < 0 || limit_bytes < 0)
        return fail(Errc::invalid_argument, "offset and limit must not be negative");
    KHEISH_TRY(const std::string path, this->path(run, call));
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file)
        return cannot_open(path, errno);
    std::string data(static_cast<std::size_t>(std::min(limit_bytes, kReadBytes)), '\0');
    std::size_t filled = 0;
    while (filled < data.size()) {
        const ssize_t count = ::pread(
            file.get(),
            data.data() + filled,
            data.size() - filled,
            offset_bytes + static_cast<std::int64_t>(filled));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fail_errno("reading " + path, errno);
        if (count == 0)
            break;
        filled += static_cast<std::size_t>(count);
    }
    data.resize(filled);
    return data;
}

Result<std::int64_t> SpoolStore::size_bytes(RunId run, const CallId& call) const {
    KHEISH_TRY(const std::string path, this->path(run, call));
    struct stat state = {};
    if (::lstat(path.c_str(), &state) != 0)
        return cannot_open(path, errno);
    return state.st_size;
}

Status SpoolStore::remove(RunId run, const CallId& call) const {
    KHEISH_TRY(const std::string path, this->path(run, call));
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return fail_errno("removing " + path, errno);
    return {};
}

} // namespace kheish::scopes
