#include "upkeep/durable_file.hpp"

#include "base/fd.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace kheish::upkeep {

Status write_durably(const std::string& path, std::string_view text) {
    const std::string partial = path + ".partial";
    // Of one that was interrupted; whatever it is, it is not written through.
    if (::unlink(partial.c_str()) != 0 && errno != ENOENT)
        return fail_errno("removing " + partial, errno, Errc::journal_unavailable);
    {
        const Fd fd(::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (!fd)
            return fail_errno("making " + partial, errno, Errc::journal_unavailable);
        KHEISH_CHECK(write_all(fd.get(), text));
        if (::fsync(fd.get()) != 0)
            return fail_errno("writing " + partial, errno, Errc::journal_unavailable);
    }
    return rename_durably(partial, path);
}

Status rename_durably(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0)
        return fail_errno(
            "putting " + from + " in place of " + to, errno, Errc::journal_unavailable);
    return sync_directory_of(to);
}

Status sync_directory_of(const std::string& path) {
    const std::string directory = path.substr(0, path.rfind('/') + 1);
    const Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0)
        return fail_errno("making " + directory + " durable", errno, Errc::journal_unavailable);
    return {};
}

} // namespace kheish::upkeep
