#include "codec/url.hpp"

#include "base/text.hpp"
#include "codec/ascii.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace kheish::codec {

namespace {

constexpr std::size_t kHostBytes = 253; ///< of a name of the DNS (RFC 1035)
constexpr std::size_t kLabelBytes = 63;
constexpr std::uint16_t kHttpPort = 80;
constexpr std::uint16_t kHttpsPort = 443;
/// Printable, and yet not in any URL (RFC 3986, 2).
constexpr std::string_view kNotInUrls = "\"<>\\^`{|}";

tl::unexpected<Error> wrong(std::string what) {
    return fail(Errc::bad_request, std::move(what));
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_hexadecimal(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_letter(char c) {
    return c >= 'a' && c <= 'z';
}

/// What is wrong with the characters, or nothing.
std::string_view character_problem(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c <= ' ' || c > '~')
            return "holds a space, a control character or one that is not ASCII: percent-encode it";
        if (kNotInUrls.find(c) != std::string_view::npos)
            return "holds a quote, a bracket or a backslash that must be percent-encoded";
        if (c == '%' &&
            (i + 2 >= text.size() || !is_hexadecimal(text[i + 1]) || !is_hexadecimal(text[i + 2])))
            return "has a % that no two hexadecimal digits follow";
    }
    return {};
}

bool is_dns_label(std::string_view label) {
    return !label.empty() && label.size() <= kLabelBytes && label.front() != '-' &&
           label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
               return is_letter(c) || is_digit(c) || c == '-' || c == '_';
           });
}

bool is_name(std::string_view host) {
    if (host.empty() || host.size() > kHostBytes)
        return false;
    for (;;) {
        const std::size_t dot = host.find('.');
        if (!is_dns_label(host.substr(0, dot)))
            return false;
        if (dot == std::string_view::npos)
            return true;
        host.remove_prefix(dot + 1);
    }
}

/// A name whose last label begins with a digit is read as an address by some and as a name by
/// others ("0x7f.1", "2130706433").
bool looks_like_address(std::string_view host) {
    const std::size_t dot = host.rfind('.');
    const std::string_view last = dot == std::string_view::npos ? host : host.substr(dot + 1);
    return !last.empty() && is_digit(last.front());
}

Result<std::string> canonical_ipv6(std::string_view inside) {
    in6_addr address{};
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (inet_pton(AF_INET6, std::string(inside).c_str(), &address) != 1 ||
        inet_ntop(AF_INET6, &address, text.data(), text.size()) == nullptr)
        return wrong("\"[" + std::string(inside) + "]\" is no IPv6 address");
    return "[" + std::string(text.data()) + "]";
}

Result<std::string> canonical_host(std::string_view written) {
    if (written.starts_with('[') && written.ends_with(']'))
        return canonical_ipv6(written.substr(1, written.size() - 2));
    std::string host = lower_case(written);
    if (host.size() > 1 && host.ends_with('.'))
        host.pop_back();
    if (!is_name(host))
        return wrong(
            "\"" + escape_for_display(truncate_utf8(written, kHostBytes)) +
            "\" is no host name: letters, digits, hyphens and dots, others in their xn-- form");
    in_addr address{};
    if (looks_like_address(host) && inet_pton(AF_INET, host.c_str(), &address) != 1)
        return wrong("\"" + host + "\" is no address as it is usually written");
    return host;
}

Result<std::uint16_t> port_of(std::string_view text) {
    const std::optional<int> port = parse_number<int>(text);
    const bool is_plain = std::all_of(text.begin(), text.end(), is_digit);
    if (!port || !is_plain || *port < 1 || *port > std::numeric_limits<std::uint16_t>::max())
        return wrong("a port is a number from 1 to 65535");
    return static_cast<std::uint16_t>(*port);
}

struct Site {
    std::string host;
    std::optional<std::uint16_t> port;
};

Result<Site> parse_site(std::string_view text) {
    const std::size_t bracket = text.rfind(']');
    const std::size_t colon = text.rfind(':');
    const bool has_port =
        colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
    Site site;
    KHEISH_TRY(site.host, canonical_host(text.substr(0, has_port ? colon : text.size())));
    if (has_port) {
        KHEISH_TRY(site.port, port_of(text.substr(colon + 1)));
    }
    return site;
}

std::uint16_t default_port(std::string_view scheme) {
    return scheme == "http" ? kHttpPort : kHttpsPort;
}

bool is_host_of(const HostPattern& pattern, const Url& url) {
    if (!pattern.below)
        return url.host == pattern.host;
    const std::string_view host = url.host;
    return host.size() > pattern.host.size() + 1 && host.ends_with(pattern.host) &&
           host[host.size() - pattern.host.size() - 1] == '.';
}

} // namespace

bool Url::has_default_port() const {
    return port == default_port(scheme);
}

std::string Url::site() const {
    return has_default_port() ? host : host + ":" + std::to_string(port);
}

std::string Url::without_query() const {
    return scheme + "://" + site() + path;
}

std::string Url::to_string() const {
    return without_query() + query;
}

Result<Url> parse_url(std::string_view text) {
    if (text.size() > kUrlBytes)
        return wrong("is longer than " + std::to_string(kUrlBytes) + " bytes");
    if (const std::string_view problem = character_problem(text); !problem.empty())
        return wrong(std::string(problem));
    const std::size_t slashes = std::min(text.find("://"), text.size());
    Url url;
    url.scheme = lower_case(text.substr(0, slashes));
    if (slashes == text.size() || (url.scheme != "https" && url.scheme != "http"))
        return wrong("must begin with https:// or http://");
    text.remove_prefix(slashes + 3);
    text = text.substr(0, text.find('#'));
    const std::size_t end = std::min(text.find_first_of("/?"), text.size());
    const std::string_view authority = text.substr(0, end);
    if (authority.find('@') != std::string_view::npos)
        return wrong("must not hold a user or a password");
    KHEISH_TRY(Site site, parse_site(authority));
    url.host = std::move(site.host);
    url.port = site.port.value_or(default_port(url.scheme));
    const std::string_view rest = text.substr(end);
    const std::size_t question = std::min(rest.find('?'), rest.size());
    if (question > 0)
        url.path = rest.substr(0, question);
    url.query = rest.substr(question);
    return url;
}

Result<HostPattern> parse_host_pattern(std::string_view text) {
    constexpr std::string_view kBelow = "*.";
    HostPattern pattern;
    pattern.text = text;
    pattern.below = text.starts_with(kBelow);
    const std::string_view written = text.substr(pattern.below ? kBelow.size() : 0);
    Result<Site> site =
        text.size() > kHostPatternBytes
            ? Result<Site>(
                  wrong("it has more than " + std::to_string(kHostPatternBytes) + " bytes"))
            : parse_site(written);
    if (site && pattern.below && (site->host.starts_with('[') || looks_like_address(site->host)))
        site = wrong("nothing is below an address");
    if (!site)
        return wrong(
            "\"" + escape_for_display(truncate_utf8(text, kHostPatternBytes)) +
            "\" is no host such as example.com, *.example.com or example.com:8443: " +
            site.error().message);
    pattern.host = std::move(site->host);
    pattern.port = site->port;
    return pattern;
}

bool covers(const HostPattern& pattern, const Url& url) {
    const bool is_port = pattern.port ? url.port == *pattern.port : url.has_default_port();
    return is_port && is_host_of(pattern, url);
}

bool concerns(const HostPattern& pattern, const Url& url) {
    return (!pattern.port || url.port == *pattern.port) && is_host_of(pattern, url);
}

} // namespace kheish::codec
