#pragma once

#include "outbound/http_client.hpp"
#include "outbound/web_fetch.hpp"

#include <vector>

namespace kheish::outbound {

/// WebFetch by HTTP. Pages of the web are asked for by https and at global addresses only; hosts of
/// `internal` also by http and at addresses of this host and of private networks.
class HttpWebFetch final : public WebFetch {
  public:
    /// `client` outlives this, and this its calls.
    HttpWebFetch(HttpClient& client, std::vector<codec::HostPattern> internal)
        : client_(client), internal_(std::move(internal)) {}

    [[nodiscard]] std::unique_ptr<WebCall>
    start(WebRequest request, UniqueFunction<void(WebAnswer)> done) override;

  private:
    class Fetch;
    Reach reach_of(const codec::Url& url) const;

    HttpClient& client_;
    std::vector<codec::HostPattern> internal_;
};

} // namespace kheish::outbound
