#include "http/browser_guard.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace kheish::http {

namespace {

constexpr std::array<std::string_view, 3> kLoopbackHosts{"localhost", "127.0.0.1", "[::1]"};
constexpr std::array<std::string_view, 2> kSchemes{"http://", "https://"};
constexpr std::size_t kHostLimitBytes = 255;
constexpr std::size_t kShownLimitBytes = 256;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '.' || c == '_';
}

bool is_port(std::string_view text) {
    return text.size() <= 5 && std::all_of(text.begin(), text.end(), is_digit);
}

/// The host of "host[:port]" (RFC 3986, section 3.2), in lower case; nothing for what is none.
std::optional<std::string> host_of(std::string_view authority) {
    std::string text(authority);
    for (char& c : text)
        if (c >= 'A' && c <= 'Z')
            c = static_cast<char>(c - 'A' + 'a');
    const std::size_t bracket = text.starts_with('[') ? text.find(']') : std::string::npos;
    const std::size_t colon = text.find(':', bracket == std::string::npos ? 0 : bracket);
    const std::string host = text.substr(0, colon);
    if (colon != std::string::npos && !is_port(std::string_view(text).substr(colon + 1)))
        return std::nullopt;
    const bool literal = bracket != std::string::npos && bracket + 1 == host.size();
    const bool name = !host.empty() && host.size() <= kHostLimitBytes &&
                      std::all_of(host.begin(), host.end(), is_host_character);
    if (!literal && !name)
        return std::nullopt;
    return host;
}

bool is_loopback(std::string_view host) {
    return std::find(kLoopbackHosts.begin(), kLoopbackHosts.end(), host) != kLoopbackHosts.end();
}

/// What stands behind the scheme of an origin.
std::optional<std::string_view> authority_of(std::string_view origin) {
    for (const std::string_view scheme : kSchemes)
        if (origin.starts_with(scheme))
            return origin.substr(scheme.size());
    return std::nullopt;
}

/// "http://host:port" of a target in absolute form, which counts for more than Host (RFC 9112,
/// section 3.2.2).
std::optional<std::string_view> authority_of_target(std::string_view target) {
    if (target.starts_with('/') || target == "*")
        return std::nullopt;
    const std::size_t scheme = target.find("://");
    if (scheme == std::string_view::npos)
        return std::nullopt;
    target.remove_prefix(scheme + 3);
    return target.substr(0, target.find_first_of("/?"));
}

std::string quoted(std::string_view text) {
    return "\"" + std::string(text.substr(0, kShownLimitBytes)) + "\"";
}

} // namespace

Status BrowserGuard::check(const Names& names) {
    for (const std::string& host : names.hosts)
        if (host_of(host) != host)
            return fail(
                Errc::invalid_configuration,
                "http.allowed_hosts: " + quoted(host) + " is no host name in lower case");
    for (const std::string& origin : names.origins) {
        const std::optional<std::string_view> authority = authority_of(origin);
        if (!authority || !host_of(*authority))
            return fail(
                Errc::invalid_configuration,
                "http.allowed_origins: " + quoted(origin) +
                    " is no origin such as \"https://panel.example:8443\"");
    }
    return {};
}

BrowserGuard::BrowserGuard(Names names) : names_(std::move(names)) {}

bool BrowserGuard::is_our_host(std::string_view authority) const {
    const std::optional<std::string> host = host_of(authority);
    return host &&
           (is_loopback(*host) ||
            std::find(names_.hosts.begin(), names_.hosts.end(), *host) != names_.hosts.end());
}

bool BrowserGuard::is_allowed_origin(std::string_view origin) const {
    if (!names_.origins.empty())
        return std::find(names_.origins.begin(), names_.origins.end(), origin) !=
               names_.origins.end();
    const std::optional<std::string_view> authority = authority_of(origin);
    const std::optional<std::string> host = authority ? host_of(*authority) : std::nullopt;
    return host && is_loopback(*host);
}

Status BrowserGuard::admit(const Request& request) const {
    const std::string* host = request.header("host");
    const std::optional<std::string_view> authority = authority_of_target(request.target);
    if ((host == nullptr && !authority) || (host != nullptr && !is_our_host(*host)) ||
        (authority && !is_our_host(*authority)))
        return fail(
            Errc::host_not_allowed,
            "this is not " + quoted(host != nullptr ? *host : authority.value_or("")) +
                "; names of this host belong into http.allowed_hosts of kheish.toml");
    const std::string* origin = request.header("origin");
    if (origin != nullptr && !is_allowed_origin(*origin))
        return fail(
            Errc::origin_not_allowed,
            "pages of " + quoted(*origin) +
                " may not ask; those that may belong into http.allowed_origins of kheish.toml");
    return {};
}

HeaderFields BrowserGuard::fields(const Request& request) const {
    HeaderFields fields{{"Vary", "Origin"}};
    const std::string* origin = request.header("origin");
    if (origin == nullptr)
        return fields;
    fields.emplace_back("Access-Control-Allow-Origin", *origin);
    if (request.method != "OPTIONS" || request.header("access-control-request-method") == nullptr)
        return fields;
    fields.emplace_back("Access-Control-Allow-Methods", "GET, HEAD, POST, OPTIONS");
    fields.emplace_back(
        "Access-Control-Allow-Headers",
        "authorization, content-type, idempotency-key, last-event-id");
    fields.emplace_back("Access-Control-Max-Age", "600");
    return fields;
}

} // namespace kheish::http
