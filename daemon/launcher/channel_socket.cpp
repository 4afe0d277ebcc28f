#include "launcher/channel_socket.hpp"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace kheish::launcher {

namespace {

constexpr int kBacklog = 4;
constexpr mode_t kMode = 0660;

/// The file gets the group from the process, so that no right to change owners is needed; nobody
/// may connect before its mode is set.
Status bind_for_group(const ChannelSocket& socket, const sockaddr_un& address, gid_t group) {
    const sockaddr* const generic = reinterpret_cast<const sockaddr*>(&address);
    const gid_t old_group = ::getegid();
    if (::setegid(group) != 0)
        return fail_errno("taking the group of the run's socket", errno);
    const mode_t old_mask = ::umask(0777);
    const int bound = ::bind(socket.listener.get(), generic, sizeof address);
    const int bind_errno = errno;
    ::umask(old_mask);
    if (::setegid(old_group) != 0)
        return fail_errno("giving the group back", errno);
    if (bound != 0)
        return fail_errno("binding " + socket.path, bind_errno);
    return {};
}

} // namespace

std::string channel_path(const std::string& directory, RunId run) {
    return directory + "/" + std::to_string(run.number) + ".sock";
}

Status remove_channel(const std::string& directory, RunId run) {
    const std::string path = channel_path(directory, run);
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return fail_errno("removing " + path, errno);
    return {};
}

Result<ChannelSocket> ChannelSocket::bind(const std::string& directory, RunId run, gid_t group) {
    ChannelSocket socket;
    socket.path = channel_path(directory, run);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (socket.path.size() >= sizeof address.sun_path)
        return fail(Errc::internal, "the path of the run's socket is too long: " + socket.path);
    std::copy(socket.path.begin(), socket.path.end(), address.sun_path);
    KHEISH_CHECK(remove_channel(directory, run));
    socket.listener.reset(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.listener)
        return fail_errno("making the run's socket", errno);
    KHEISH_CHECK(bind_for_group(socket, address, group));
    struct stat status = {};
    if (::chmod(socket.path.c_str(), kMode) != 0 || ::stat(socket.path.c_str(), &status) != 0 ||
        ::listen(socket.listener.get(), kBacklog) != 0) {
        const int saved = errno;
        (void)::unlink(socket.path.c_str()); // the failure above is the one to report
        return fail_errno("preparing " + socket.path, saved);
    }
    socket.inode = status.st_ino;
    return socket;
}

void ChannelSocket::remove() const {
    struct stat status = {};
    if (::stat(path.c_str(), &status) == 0 && status.st_ino == inode)
        (void)::unlink(path.c_str()); // gone already is as good
}

} // namespace kheish::launcher
