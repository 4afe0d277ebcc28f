#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Absolute http and https URLs, in the one spelling that every part of kheish reads alike: who
/// judges a request must see the host that it goes to.
namespace kheish::codec {

inline constexpr std::size_t kUrlBytes = 8192;

/// A URL taken apart. What to_string() gives is read the same by parse_url().
struct Url {
    std::string scheme;     ///< "https" or "http"
    std::string host;       ///< lower case, without a dot at its end; IPv6 in brackets (RFC 5952)
    std::uint16_t port = 0; ///< the scheme's own where none is written
    std::string path = "/"; ///< as written
    std::string query;      ///< as written, with its "?"; empty where there is none

    bool has_default_port() const;
    /// "host" or "host:port".
    std::string site() const;
    std::string to_string() const;
    /// Without the query, which may hold what is nobody's business.
    std::string without_query() const;

    friend bool operator==(const Url&, const Url&) = default;
};

/// A strict part of RFC 3986: printable ASCII without spaces, quotes and backslashes; no user; a
/// host of letters, digits, hyphens and dots, or an address written the usual way. A fragment is
/// dropped. Errc::bad_request says what is wrong.
Result<Url> parse_url(std::string_view text);

/// "example.com", "*.example.com", "192.0.2.7", "[2001:db8::1]", each with ":port" or without.
struct HostPattern {
    std::string text;   ///< as written
    std::string host;   ///< as Url has it
    bool below = false; ///< names below `host`, and not itself
    std::optional<std::uint16_t> port = {};

    friend bool operator==(const HostPattern&, const HostPattern&) = default;
};

inline constexpr std::size_t kHostPatternBytes = 300;

/// Errc::bad_request for anything else.
Result<HostPattern> parse_host_pattern(std::string_view text);

/// Whether requests to `url` go where the pattern says: without a port in the pattern, to the
/// scheme's own.
bool covers(const HostPattern& pattern, const Url& url);
/// The same, but a pattern without a port means every port.
bool concerns(const HostPattern& pattern, const Url& url);

} // namespace kheish::codec
