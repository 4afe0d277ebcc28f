#pragma once

#include "base/result.hpp"
#include "control/caller.hpp"
#include "http/browser_guard.hpp"
#include "http/request.hpp"
#include "http/tls.hpp"

#include <memory>
#include <string>

namespace kheish::http {

/// Who is at the other end of a connection, as far as the connection itself tells.
struct Peer {
    uid_t uid = static_cast<uid_t>(-1); ///< -1 where there is none
    std::string name;                   ///< what the limits count by, "user:1000"
};

/// How a listener finds out who calls; one for each kind of listener.
class Identity {
  public:
    Identity() = default;
    Identity(const Identity&) = delete;
    Identity& operator=(const Identity&) = delete;
    virtual ~Identity() = default;

    /// Once, when the connection `fd` has been accepted.
    virtual Result<Peer> peer(int fd) const = 0;
    /// For each request, once its head is there, before anything else: whether it may come this
    /// way.
    virtual Status admit(const Peer& /*peer*/, const Request& /*request*/) { return {}; }
    /// Who asks, before the role is looked at. An error refuses the
    /// request.
    virtual Result<control::Caller> caller(const Peer& peer, const Request& request) = 0;
    /// How its connections are encrypted; null where they are not.
    virtual std::shared_ptr<const TlsCredentials> tls() const { return nullptr; }
    /// What belongs into the head of every answer to a request that was admitted.
    virtual HeaderFields fields(const Request& /*request*/) const { return {}; }
};

/// AF_UNIX: the uid that the kernel recorded when the peer connected (SO_PEERCRED, unix(7)). uid 0
/// is an admin, every other an operator.
class PeerCredentials final : public Identity {
  public:
    /// Errc::unauthorized where `fd` is no AF_UNIX socket.
    Result<Peer> peer(int fd) const override;
    Result<control::Caller> caller(const Peer& peer, const Request& request) override;
};

} // namespace kheish::http
