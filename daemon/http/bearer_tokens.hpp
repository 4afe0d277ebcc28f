#pragma once

#include "http/browser_guard.hpp"
#include "http/failures.hpp"
#include "http/identity.hpp"

#include <functional>
#include <string_view>

namespace kheish::http {

/// A listener that anybody who reaches the host may reach: a bearer token (RFC 6750, section 2.1)
/// with every request, and the browser's own signs that no page of somebody else is asking.
class BearerTokens final : public Identity {
  public:
    using Authenticate = std::function<Result<control::Caller>(std::string_view secret)>;
    static constexpr std::size_t kSecretLimitBytes = 512;

    /// Without `tls`, connections are not encrypted.
    BearerTokens(
        BrowserGuard guard,
        Authenticate authenticate,
        Failures failures,
        std::shared_ptr<const TlsCredentials> tls = nullptr)
        : guard_(std::move(guard)), authenticate_(std::move(authenticate)),
          failures_(std::move(failures)), tls_(std::move(tls)) {}

    /// By its address. Errc::unauthorized where `fd` is no socket of the internet families.
    Result<Peer> peer(int fd) const override;
    Status admit(const Peer& peer, const Request& request) override;
    /// Errc::missing_token, malformed_token, invalid_token or authentication_rate_limited.
    Result<control::Caller> caller(const Peer& peer, const Request& request) override;
    HeaderFields fields(const Request& request) const override { return guard_.fields(request); }
    std::shared_ptr<const TlsCredentials> tls() const override { return tls_; }

  private:
    BrowserGuard guard_;
    Authenticate authenticate_;
    Failures failures_;
    std::shared_ptr<const TlsCredentials> tls_;
};

} // namespace kheish::http
