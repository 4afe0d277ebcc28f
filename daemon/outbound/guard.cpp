#include "outbound/guard.hpp"

#include "base/handle.hpp"
#include "base/text.hpp"

#include <array>
#include <cstring>
#include <optional>
#include <span>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>

namespace kheish::outbound {

namespace {

using UrlHandle = Handle<CURLU, curl_url_cleanup>;
using CurlString = Handle<char, curl_free>;

template <std::size_t Size>
struct Block {
    std::array<std::uint8_t, Size> prefix;
    unsigned bits;
    AddressClass address_class;
};

// clang-format off
constexpr Block<4> kBlocks4[] = {
    {{0, 0, 0, 0}, 8, AddressClass::special},
    {{10, 0, 0, 0}, 8, AddressClass::private_network},
    {{100, 64, 0, 0}, 10, AddressClass::private_network},
    {{127, 0, 0, 0}, 8, AddressClass::loopback},
    {{169, 254, 0, 0}, 16, AddressClass::link_local},
    {{172, 16, 0, 0}, 12, AddressClass::private_network},
    {{192, 0, 0, 0}, 24, AddressClass::special},
    {{192, 0, 2, 0}, 24, AddressClass::special},
    {{192, 31, 196, 0}, 24, AddressClass::special},
    {{192, 52, 193, 0}, 24, AddressClass::special},
    {{192, 88, 99, 0}, 24, AddressClass::special},
    {{192, 168, 0, 0}, 16, AddressClass::private_network},
    {{192, 175, 48, 0}, 24, AddressClass::special},
    {{198, 18, 0, 0}, 15, AddressClass::special},
    {{198, 51, 100, 0}, 24, AddressClass::special},
    {{203, 0, 113, 0}, 24, AddressClass::special},
    {{224, 0, 0, 0}, 3, AddressClass::special},
};

// The first match counts; what is outside 2000::/3 and not listed is not allotted.
constexpr Block<16> kBlocks6[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, AddressClass::loopback},
    {{0xfc}, 7, AddressClass::private_network},
    {{0xfe, 0x80}, 10, AddressClass::link_local},
    {{0x20, 0x01, 0x00}, 23, AddressClass::special},
    {{0x20, 0x01, 0x0d, 0xb8}, 32, AddressClass::special},
    {{0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}, 48, AddressClass::special},
    {{0x3f, 0xff}, 20, AddressClass::special},
    {{0x20}, 3, AddressClass::global},
};

/// Prefixes behind which an IPv4 address stands.
struct Carrier {
    std::array<std::uint8_t, 16> prefix;
    unsigned bits;
    std::size_t offset; ///< of the IPv4 address, in bytes
};
constexpr Carrier kCarriers[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 12}, // IPv4-mapped
    {{0, 0x64, 0xff, 0x9b}, 96, 12},                      // NAT64
    {{0x20, 0x02}, 16, 2},                                // 6to4
};
// clang-format on

bool has_prefix(
    std::span<const std::uint8_t> address, std::span<const std::uint8_t> prefix, unsigned bits) {
    const std::size_t whole_bytes = bits / 8;
    if (std::memcmp(address.data(), prefix.data(), whole_bytes) != 0)
        return false;
    const unsigned rest = bits % 8;
    if (rest == 0)
        return true;
    const unsigned difference = static_cast<unsigned>(address[whole_bytes] ^ prefix[whole_bytes]);
    return (difference >> (8 - rest)) == 0;
}

AddressClass classify4(std::span<const std::uint8_t> address) {
    for (const Block<4>& block : kBlocks4) {
        if (has_prefix(address, block.prefix, block.bits))
            return block.address_class;
    }
    return AddressClass::global;
}

AddressClass classify6(std::span<const std::uint8_t> address) {
    for (const Carrier& carrier : kCarriers) {
        if (has_prefix(address, carrier.prefix, carrier.bits))
            return classify4(address.subspan(carrier.offset, 4));
    }
    for (const Block<16>& block : kBlocks6) {
        if (has_prefix(address, block.prefix, block.bits))
            return block.address_class;
    }
    return AddressClass::special;
}

bool is_allowed(AddressClass address_class, Reach reach) {
    switch (address_class) {
    case AddressClass::global:
        return true;
    case AddressClass::loopback:
    case AddressClass::private_network:
        return reach == Reach::configured;
    case AddressClass::link_local:
    case AddressClass::special:
        break;
    }
    return false;
}

Status check_class(const Target& target, AddressClass address_class, Reach reach) {
    if (!is_allowed(address_class, reach))
        return fail(
            Errc::forbidden,
            target.display + " leads to a " + std::string(to_string(address_class)) +
                " address, which is not allowed");
    if (target.scheme == "http" && address_class == AddressClass::global)
        return fail(
            Errc::forbidden, target.display + " would leave this network without TLS: use https");
    return {};
}

std::optional<std::string> url_part(const UrlHandle& url, CURLUPart part, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url.get(), part, &text, flags) != CURLUE_OK)
        return std::nullopt;
    const CurlString owned(text);
    return std::string(text);
}

Result<UrlHandle> parse_url(std::string_view text) {
    if (text.find_first_of(std::string_view("\0\t\r\n ", 5)) != std::string_view::npos)
        return fail(Errc::invalid_argument, "a URL must not hold spaces or control characters");
    // libcurl would take the path of "https:///path" for the host.
    if (const std::size_t slashes = text.find("://");
        slashes == std::string_view::npos || text.substr(slashes + 3).starts_with('/'))
        return fail(Errc::invalid_argument, "a URL starts with a scheme, \"://\" and a host");
    UrlHandle url(curl_url());
    const std::string terminated(text);
    const CURLUcode code =
        curl_url_set(url.get(), CURLUPART_URL, terminated.c_str(), CURLU_NON_SUPPORT_SCHEME);
    if (code != CURLUE_OK)
        return fail(
            Errc::invalid_argument,
            std::string("the URL is malformed: ") + curl_url_strerror(code));
    return url;
}

std::string without_brackets(std::string host) {
    if (host.starts_with('[') && host.ends_with(']'))
        return host.substr(1, host.size() - 2);
    return host;
}

std::string display_of(const UrlHandle& url, const Target& target) {
    const std::string port = url_part(url, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT).value_or("");
    const bool is_ipv6 = target.host.find(':') != std::string::npos;
    return target.scheme + "://" + (is_ipv6 ? "[" + target.host + "]" : target.host) +
           (port.empty() ? "" : ":" + port) + url_part(url, CURLUPART_PATH).value_or("/");
}

} // namespace

std::string_view to_string(AddressClass address_class) {
    switch (address_class) {
    case AddressClass::global:
        return "global";
    case AddressClass::loopback:
        return "loopback";
    case AddressClass::private_network:
        return "private";
    case AddressClass::link_local:
        return "link-local";
    case AddressClass::special:
        break;
    }
    return "special-purpose";
}

AddressClass classify(const sockaddr& address) {
    // Copied out: the caller's storage may be of any alignment.
    if (address.sa_family == AF_INET) {
        sockaddr_in ipv4{};
        std::memcpy(&ipv4, &address, sizeof ipv4);
        std::array<std::uint8_t, 4> bytes{};
        std::memcpy(bytes.data(), &ipv4.sin_addr, bytes.size());
        return classify4(bytes);
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 ipv6{};
        std::memcpy(&ipv6, &address, sizeof ipv6);
        std::array<std::uint8_t, 16> bytes{};
        std::memcpy(bytes.data(), &ipv6.sin6_addr, bytes.size());
        return classify6(bytes);
    }
    return AddressClass::special;
}

Result<AddressClass> classify_text(const std::string& address) {
    std::array<std::uint8_t, 16> bytes{};
    if (inet_pton(AF_INET, address.c_str(), bytes.data()) == 1)
        return classify4(std::span(bytes).first<4>());
    if (inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1)
        return classify6(bytes);
    return fail(Errc::bad_request, "\"" + address + "\" is no IP address");
}

Result<Target> check_url(std::string_view text, Reach reach) {
    KHEISH_TRY(const UrlHandle url, parse_url(text));
    Target target;
    target.scheme = url_part(url, CURLUPART_SCHEME).value_or("");
    if (target.scheme != "https" && !(target.scheme == "http" && reach == Reach::configured))
        return fail(
            Errc::invalid_argument, "the URL's scheme is not allowed: \"" + target.scheme + "\"");
    if (url_part(url, CURLUPART_USER) || url_part(url, CURLUPART_PASSWORD))
        return fail(Errc::invalid_argument, "the URL must not hold a user or a password");
    target.host = without_brackets(url_part(url, CURLUPART_HOST).value_or(""));
    for (char& c : target.host)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    const std::optional<std::uint16_t> port =
        parse_number<std::uint16_t>(url_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT).value_or(""));
    if (target.host.empty() || !port || *port == 0)
        return fail(Errc::invalid_argument, "the URL needs a host, and a port from 1 to 65535");
    target.port = *port;
    if (url_part(url, CURLUPART_ZONEID))
        return fail(Errc::invalid_argument, "the URL's host must not name a network interface");
    target.display = display_of(url, target);
    const Result<AddressClass> literal = classify_text(target.host);
    if (literal) {
        if (Status allowed = check_class(target, *literal, reach); !allowed)
            return fail(Errc::invalid_argument, allowed.error().message);
    }
    return target;
}

Result<std::string> resolve_url(std::string_view base, std::string_view reference) {
    KHEISH_TRY(const UrlHandle url, parse_url(base));
    const std::string terminated(reference);
    const CURLUcode code =
        terminated.find('\0') != std::string::npos
            ? CURLUE_BAD_PARTPOINTER
            : curl_url_set(url.get(), CURLUPART_URL, terminated.c_str(), CURLU_NON_SUPPORT_SCHEME);
    const std::optional<std::string> whole =
        code == CURLUE_OK ? url_part(url, CURLUPART_URL) : std::nullopt;
    if (!whole)
        return fail(Errc::invalid_argument, "the new address is malformed");
    return *whole;
}

Status check_address(const Target& target, const sockaddr& address, Reach reach) {
    return check_class(target, classify(address), reach);
}

} // namespace kheish::outbound
