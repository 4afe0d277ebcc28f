#include "control/token_requests.hpp"

#include "codec/object_reader.hpp"
#include "control/requests.hpp"

#include <algorithm>
#include <array>

namespace kheish::control {

namespace {

using codec::ObjectReader;

bool is_first(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

std::string read_name(ObjectReader& reader) {
    std::string name = reader.required_string("name", kTokenNameLimitBytes);
    if (reader.ok())
        if (const Status status = check_token_name(name); !status)
            reader.reject_with(status.error());
    return name;
}

std::optional<std::chrono::milliseconds> read_lifetime(ObjectReader& reader) {
    const std::optional<std::int64_t> lifetime = reader.optional_integer(
        "expires_after_ms",
        1000,
        std::chrono::duration_cast<std::chrono::milliseconds>(kTokenLifetimeMax).count());
    if (!lifetime)
        return std::nullopt;
    return std::chrono::milliseconds(*lifetime);
}

} // namespace

Status check_token_name(std::string_view name) {
    const bool good = !name.empty() && name.size() <= kTokenNameLimitBytes &&
                      is_first(name.front()) && std::all_of(name.begin(), name.end(), [](char c) {
                          return is_first(c) || c == '.' || c == '_' || c == '-';
                      });
    if (good)
        return {};
    return fail(
        Errc::bad_request,
        "\"" + std::string(name) +
            "\" is no name for a token: 1 to 64 lower-case letters, digits, \".\", \"_\" and "
            "\"-\", of which the first is a letter or a digit");
}

Result<CreateToken> parse_create_token(const codec::Json& options) {
    static constexpr std::array kRoles{Role::reader, Role::operate, Role::admin};
    static const std::array<std::string_view, 3> words{
        to_string(kRoles[0]), to_string(kRoles[1]), to_string(kRoles[2])};
    ObjectReader reader(options, "options");
    CreateToken request;
    request.name = read_name(reader);
    request.role = kRoles.at(reader.required_word("role", words));
    request.expires_after = read_lifetime(reader);
    KHEISH_CHECK(reader.finish());
    return request;
}

Result<RotateToken> parse_rotate_token(const codec::Json& options) {
    ObjectReader reader(options, "options");
    RotateToken request;
    request.name = read_name(reader);
    request.expires_after = read_lifetime(reader);
    KHEISH_CHECK(reader.finish());
    return request;
}

Result<RevokeToken> parse_revoke_token(const codec::Json& options) {
    ObjectReader reader(options, "options");
    RevokeToken request;
    request.name = read_name(reader);
    request.reason = reader.optional_string("reason", kReasonLimitBytes).value_or("");
    KHEISH_CHECK(reader.finish());
    return request;
}

} // namespace kheish::control
