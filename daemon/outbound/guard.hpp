#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>

#include <sys/socket.h>

namespace kheish::outbound {

/// Where a request may go.
enum class Reach {
    /// A URL that somebody else chose (a model, a page, a webhook): https to global addresses.
    global,
    /// A URL that the operator wrote into the configuration: also loopback and private networks,
    /// those without TLS if need be. Link-local addresses (cloud metadata) stay closed.
    configured,
};

/// What an address is for (the special-purpose registries of IANA, RFC 6890).
enum class AddressClass {
    global,
    loopback,
    private_network, ///< RFC 1918, RFC 6598 shared space, RFC 4193 unique local
    link_local,
    special, ///< unspecified, multicast, documentation, reserved and everything not allotted
};

std::string_view to_string(AddressClass address_class);

/// The class of an IPv4 or IPv6 address; special for any other family. An address that carries
/// another one inside is classed by that: IPv4-mapped (RFC 4291), NAT64 64:ff9b::/96 (RFC 6052),
/// 6to4 (RFC 3056).
AddressClass classify(const sockaddr& address);
/// classify() of an address in text form; Errc::bad_request where it is none.
Result<AddressClass> classify_text(const std::string& address);

/// A URL that may be asked for.
struct Target {
    std::string scheme; ///< "https" or "http"
    std::string host;   ///< lower case; an IPv6 address without brackets
    std::uint16_t port = 0;
    std::string display; ///< scheme, host, port where not the default, path: safe to log and record
};

/// Errc::invalid_argument where `url` is no absolute http or https URL, has a user or a password,
/// or names an address that `reach` does not allow. A host name is judged by check_address once it
/// is resolved. Pure: resolves nothing.
Result<Target> check_url(std::string_view url, Reach reach);

/// What `reference`, absolute or not, means in a document at `base` (RFC 3986, 5).
/// Errc::invalid_argument where either is malformed.
Result<std::string> resolve_url(std::string_view base, std::string_view reference);

/// Errc::forbidden where the address that `target` has resolved to is out of `reach`.
Status check_address(const Target& target, const sockaddr& address, Reach reach);

} // namespace kheish::outbound
