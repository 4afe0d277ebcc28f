#include "listen_sockets.hpp"

#include "handles.hpp"

#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace kheish {

namespace {

constexpr int kBacklog = 4096;

Result<sockaddr_un> unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        return fail(
            Errc::invalid_argument,
            path + " is too long for a socket: at most " +
                std::to_string(sizeof(address.sun_path) - 1) + " bytes");
    std::memcpy(static_cast<void*>(address.sun_path), path.data(), path.size());
    return address;
}

const sockaddr* generic(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address); // bind(2) and connect(2) want it so
}

} // namespace

Result<ListenSockets> take_listen_sockets() {
    char** raw_names = nullptr;
    const int count = sd_listen_fds_with_names(1, &raw_names);
    const StringList names(raw_names);
    if (count < 0)
        return fail_errno("taking the sockets of the service manager", -count);
    ListenSockets sockets;
    for (int i = 0; i < count; ++i)
        sockets.emplace(names.get()[i], Fd(SD_LISTEN_FDS_START + i));
    return sockets;
}

Result<Fd> bind_listen_socket(const std::string& path) {
    KHEISH_TRY(const sockaddr_un address, unix_address(path));
    const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(probe.get(), generic(address), sizeof(address)) == 0)
        return fail(Errc::conflict, "somebody listens at " + path + " already");
    if (errno == ECONNREFUSED)
        (void)::unlink(path.c_str()); // where it fails, bind says so
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket)
        return fail_errno("making a socket", errno);
    if (::bind(socket.get(), generic(address), sizeof(address)) < 0)
        return fail_errno("binding " + path, errno);
    if (::chmod(path.c_str(), 0666) < 0)
        return fail_errno("opening " + path + " to everybody", errno);
    if (::listen(socket.get(), kBacklog) < 0)
        return fail_errno("listening at " + path, errno);
    return socket;
}

} // namespace kheish
