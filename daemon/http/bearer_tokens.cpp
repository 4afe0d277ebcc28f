#include "http/bearer_tokens.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace kheish::http {

namespace {

constexpr std::string_view kScheme = "bearer";

bool is_secret_character(char c) {
    constexpr std::string_view kMarks = "-._~+/=";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
}

bool is_scheme(std::string_view text) {
    return text.size() == kScheme.size() &&
           std::equal(text.begin(), text.end(), kScheme.begin(), [](char given, char wanted) {
               return given == wanted || given == wanted - 'a' + 'A';
           });
}

/// The token68 behind "Bearer " (RFC 9110, section 11.2).
Result<std::string_view> secret_of(const Request& request) {
    const std::string* header = request.header("authorization");
    if (header == nullptr)
        return fail(
            Errc::missing_token, "this listener takes a token: Authorization: Bearer <token>");
    std::string_view text = *header;
    const std::size_t space = std::min(text.find(' '), text.size());
    const bool good = is_scheme(text.substr(0, space));
    text.remove_prefix(std::min(text.find_first_not_of(' ', space), text.size()));
    if (!good || text.empty() || text.size() > BearerTokens::kSecretLimitBytes ||
        !std::all_of(text.begin(), text.end(), is_secret_character))
        return fail(
            Errc::malformed_token,
            "the Authorization header must read \"Bearer \" and then the token");
    return text;
}

std::string address_text(const sockaddr_storage& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const void* bytes = nullptr;
    if (address.ss_family == AF_INET)
        bytes = &reinterpret_cast<const sockaddr_in*>(&address)->sin_addr;
    else if (address.ss_family == AF_INET6)
        bytes = &reinterpret_cast<const sockaddr_in6*>(&address)->sin6_addr;
    if (bytes == nullptr ||
        inet_ntop(address.ss_family, bytes, text.data(), text.size()) == nullptr)
        return {};
    return text.data();
}

} // namespace

Result<Peer> BearerTokens::peer(int fd) const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
        return fail_errno("asking where a connection comes from", errno, Errc::unauthorized);
    std::string name = address_text(address);
    if (name.empty())
        return fail(Errc::unauthorized, "a connection comes from nowhere that has an address");
    return Peer{static_cast<uid_t>(-1), std::move(name)};
}

Status BearerTokens::admit(const Peer& peer, const Request& request) {
    Status status = guard_.admit(request);
    if (!status)
        return fail(failures_.note(peer.name, request, std::move(status).error()));
    return {};
}

Result<control::Caller> BearerTokens::caller(const Peer& peer, const Request& request) {
    const Result<std::string_view> secret = secret_of(request);
    Result<control::Caller> caller =
        secret ? authenticate_(*secret) : Result<control::Caller>(fail(secret.error()));
    if (!caller)
        return fail(failures_.note(peer.name, request, std::move(caller).error()));
    return caller;
}

} // namespace kheish::http
