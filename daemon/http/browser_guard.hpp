#pragma once

#include "base/result.hpp"
#include "http/request.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kheish::http {

using HeaderFields = std::vector<std::pair<std::string_view, std::string>>;

/// Keeps web pages away from a listener that browsers reach. A page whose own name has been pointed
/// at this address (DNS rebinding) shows by its Host, a page of another site by its Origin
/// (RFC 6454, section 7; the Fetch standard, "CORS protocol").
class BrowserGuard {
  public:
    struct Names {
        /// Names of this host besides localhost and the loopback addresses; a port does not matter.
        std::vector<std::string> hosts = {};
        /// Origins whose pages may ask, as browsers send them ("https://panel.example:8443"). None:
        /// those of this very machine's loopback names, at any port.
        std::vector<std::string> origins = {};
    };
    /// Errc::invalid_configuration for what is no host, or no origin.
    static Status check(const Names& names);

    explicit BrowserGuard(Names names);

    /// Errc::host_not_allowed, or Errc::origin_not_allowed.
    Status admit(const Request& request) const;
    /// What a browser wants to read in the answer to a request that was admitted.
    HeaderFields fields(const Request& request) const;

  private:
    bool is_our_host(std::string_view authority) const;
    bool is_allowed_origin(std::string_view origin) const;

    Names names_;
};

} // namespace kheish::http
