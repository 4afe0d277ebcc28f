#include "http/tls.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace kheish::http {

namespace {

/// Nothing older than TLS 1.2, and no second handshake on a connection.
constexpr const char* kPriorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE";
constexpr std::size_t kRecordBytes = 16384;

[[nodiscard]] tl::unexpected<Error> no_tls(const std::string& what, int error) {
    return fail(Errc::invalid_configuration, what + ": " + gnutls_strerror(error));
}

gnutls_datum_t protocol_http() {
    static std::array<unsigned char, 8> name{'h', 't', 't', 'p', '/', '1', '.', '1'};
    return {name.data(), name.size()};
}

} // namespace

Result<std::shared_ptr<const TlsCredentials>> TlsCredentials::load(const Files& files) {
    const auto loaded = std::make_shared<TlsCredentials>(Key());
    gnutls_certificate_credentials_t certificates = nullptr;
    if (const int error = gnutls_certificate_allocate_credentials(&certificates); error < 0)
        return no_tls("http.tls_certificate", error);
    loaded->certificates_.reset(certificates);
    int error = gnutls_certificate_set_x509_key_file(
        certificates, files.certificate.c_str(), files.key.c_str(), GNUTLS_X509_FMT_PEM);
    if (error < 0)
        return no_tls(
            "http.tls_certificate " + files.certificate + " and http.tls_key " + files.key, error);
    loaded->wants_client_ = !files.client_ca.empty();
    if (loaded->wants_client_) {
        error = gnutls_certificate_set_x509_trust_file(
            certificates, files.client_ca.c_str(), GNUTLS_X509_FMT_PEM);
        if (error <= 0)
            return no_tls(
                "http.tls_client_ca " + files.client_ca,
                error == 0 ? GNUTLS_E_NO_CERTIFICATE_FOUND : error);
    }
    gnutls_priority_t priorities = nullptr;
    error = gnutls_priority_init(&priorities, kPriorities, nullptr);
    KHEISH_ASSERT(error == GNUTLS_E_SUCCESS); // a constant
    loaded->priorities_.reset(priorities);
    return loaded;
}

TlsSession::TlsSession(
    std::shared_ptr<const TlsCredentials> credentials, evbuffer* from_peer, evbuffer* to_peer)
    : credentials_(std::move(credentials)), from_peer_(from_peer), to_peer_(to_peer) {
    gnutls_session_t session = nullptr;
    int error = gnutls_init(
        &session, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_TICKETS);
    KHEISH_ASSERT(error == GNUTLS_E_SUCCESS); // but for memory
    session_.reset(session);
    error = gnutls_priority_set(session, credentials_->priorities());
    KHEISH_ASSERT(error == GNUTLS_E_SUCCESS);
    error = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials_->certificates());
    KHEISH_ASSERT(error == GNUTLS_E_SUCCESS);
    if (credentials_->wants_client()) {
        gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
        gnutls_session_set_verify_cert(session, nullptr, 0);
    }
    const gnutls_datum_t http = protocol_http();
    (void)gnutls_alpn_set_protocols(session, &http, 1, 0);
    gnutls_transport_set_ptr(session, this);
    gnutls_transport_set_pull_function(session, pull);
    gnutls_transport_set_push_function(session, push);
}

ssize_t TlsSession::pull(gnutls_transport_ptr_t self, void* bytes, std::size_t size) noexcept {
    TlsSession& session = *static_cast<TlsSession*>(self);
    const int taken = evbuffer_remove(session.from_peer_, bytes, size);
    if (taken > 0)
        return taken;
    gnutls_transport_set_errno(session.session_.get(), EAGAIN);
    return -1;
}

ssize_t
TlsSession::push(gnutls_transport_ptr_t self, const void* bytes, std::size_t size) noexcept {
    TlsSession& session = *static_cast<TlsSession*>(self);
    KHEISH_ASSERT(evbuffer_add(session.to_peer_, bytes, size) == 0);
    return static_cast<ssize_t>(size);
}

TlsSession::State TlsSession::fail_with(int error) {
    error_ = error;
    state_ = State::failed;
    gnutls_alert_send_appropriate(session_.get(), error);
    return state_;
}

TlsSession::State TlsSession::receive(evbuffer* plain) {
    if (state_ == State::handshake) {
        int error = gnutls_handshake(session_.get());
        // A warning of the peer's is none of ours.
        while (error < 0 && error != GNUTLS_E_AGAIN && gnutls_error_is_fatal(error) == 0)
            error = gnutls_handshake(session_.get());
        if (error == GNUTLS_E_AGAIN)
            return state_;
        if (error < 0)
            return fail_with(error);
        state_ = State::open;
    }
    return state_ == State::open ? read_records(plain) : state_;
}

TlsSession::State TlsSession::read_records(evbuffer* plain) {
    std::array<char, kRecordBytes> bytes;
    for (;;) {
        const ssize_t size = gnutls_record_recv(session_.get(), bytes.data(), bytes.size());
        if (size > 0) {
            KHEISH_ASSERT(evbuffer_add(plain, bytes.data(), static_cast<std::size_t>(size)) == 0);
            continue;
        }
        if (size == 0)
            state_ = State::ended;
        if (size == 0 || size == GNUTLS_E_AGAIN)
            return state_;
        const int error = static_cast<int>(size);
        if (error == GNUTLS_E_REHANDSHAKE || gnutls_error_is_fatal(error) != 0)
            return fail_with(error);
    }
}

void TlsSession::send(std::string_view plain) {
    if (state_ != State::open && state_ != State::ended)
        return;
    while (!plain.empty()) {
        const ssize_t sent =
            gnutls_record_send(session_.get(), plain.data(), std::min(plain.size(), kRecordBytes));
        if (sent < 0) { // push() takes everything, so that it is the session itself
            (void)fail_with(static_cast<int>(sent));
            return;
        }
        plain.remove_prefix(static_cast<std::size_t>(sent));
    }
}

void TlsSession::end() {
    if (state_ == State::open || state_ == State::ended)
        (void)gnutls_bye(session_.get(), GNUTLS_SHUT_WR);
}

} // namespace kheish::http
