#include "http/identity.hpp"

#include <cerrno>

#include <sys/socket.h>

namespace kheish::http {

Result<Peer> PeerCredentials::peer(int fd) const {
    int domain = 0;
    socklen_t size = sizeof domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0)
        return fail_errno("asking for the family of a connection", errno, Errc::unauthorized);
    if (domain != AF_UNIX)
        return fail(Errc::unauthorized, "only an AF_UNIX socket tells who is at its other end");
    ucred credentials{};
    size = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return fail_errno("asking who is at the other end", errno, Errc::unauthorized);
    return Peer{credentials.uid, Principal::user(credentials.uid).to_string()};
}

Result<control::Caller> PeerCredentials::caller(const Peer& peer, const Request& /*request*/) {
    control::Caller caller = control::Caller::user(peer.uid);
    if (peer.uid == 0)
        caller.role = control::Role::admin;
    return caller;
}

} // namespace kheish::http
