#pragma once

#include "base/handle.hpp"
#include "base/result.hpp"

#include <memory>
#include <string>
#include <string_view>

#include <event2/buffer.h>
#include <gnutls/gnutls.h>

namespace kheish::http {

/// What a listener shows of itself and wants to be shown, shared by its connections.
class TlsCredentials {
    struct Key {}; ///< only load() makes one

  public:
    /// PEM files.
    struct Files {
        std::string certificate = {}; ///< with the chain up to, but not with, the root
        std::string key = {};
        std::string client_ca = {}; ///< not empty: a client must show a certificate of these
    };
    /// Errc::invalid_configuration where a file cannot be read or key and certificate do not match.
    static Result<std::shared_ptr<const TlsCredentials>> load(const Files& files);
    explicit TlsCredentials(Key) {}

    gnutls_certificate_credentials_t certificates() const { return certificates_.get(); }
    gnutls_priority_t priorities() const { return priorities_.get(); }
    bool wants_client() const { return wants_client_; }

  private:
    Handle<gnutls_certificate_credentials_st, gnutls_certificate_free_credentials> certificates_;
    Handle<gnutls_priority_st, gnutls_priority_deinit> priorities_;
    bool wants_client_ = false;
};

/// The server's side of one connection: TLS 1.2 (RFC 5246) or 1.3 (RFC 8446) between the buffers of
/// its socket and plain bytes. It never blocks; whoever has the socket calls it when there is more.
class TlsSession {
  public:
    enum class State {
        handshake,
        open,
        ended,  ///< the peer has said that it sends no more
        failed, ///< nothing can be said any more
    };

    /// `from_peer` and `to_peer` outlive it.
    TlsSession(
        std::shared_ptr<const TlsCredentials> credentials, evbuffer* from_peer, evbuffer* to_peer);
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    /// Takes all that has come from the peer; what it says is added to `plain`.
    State receive(evbuffer* plain);
    /// Nothing comes of it before the handshake is over: there is nobody to say it to.
    void send(std::string_view plain);
    /// Tells the peer that no more comes.
    void end();
    /// Why it failed, for the log.
    std::string failure() const { return gnutls_strerror(error_); }

  private:
    static ssize_t pull(gnutls_transport_ptr_t self, void* bytes, std::size_t size) noexcept;
    static ssize_t push(gnutls_transport_ptr_t self, const void* bytes, std::size_t size) noexcept;
    State read_records(evbuffer* plain);
    State fail_with(int error);

    std::shared_ptr<const TlsCredentials> credentials_;
    evbuffer* from_peer_;
    evbuffer* to_peer_;
    Handle<gnutls_session_int, gnutls_deinit> session_;
    State state_ = State::handshake;
    int error_ = 0;
};

} // namespace kheish::http
