#include "control/secret_requests.hpp"

#include "codec/object_reader.hpp"
#include "control/requests.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kheish::control {

using codec::Json;
using codec::ObjectReader;

namespace {

std::string read_name(ObjectReader& reader, std::string_view key) {
    std::string name = reader.required_string(key, kSecretNameLimitBytes);
    if (reader.ok())
        if (const Status status = check_secret_name(name); !status)
            reader.reject_with(status.error());
    return name;
}

} // namespace

Status check_secret_name(const std::string& name) {
    constexpr std::string_view kAllowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const bool good = !name.empty() && name.size() <= kSecretNameLimitBytes &&
                      name.front() != '.' && name.find_first_not_of(kAllowed) == std::string::npos;
    if (good)
        return {};
    return fail(
        Errc::bad_request,
        "the name of a secret is 1 to 64 letters, digits, \".\", \"_\" and \"-\", of which the "
        "first is no \".\"");
}

Result<Secret> check_secret_value(const Secret& value) {
    std::string_view text = value.reveal();
    if (text.ends_with('\n'))
        text.remove_suffix(1);
    const bool printable =
        std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
    if (text.empty() || text.size() > kSecretLimitBytes || !printable)
        return fail(
            Errc::bad_request,
            "a secret is one line of printable ASCII without spaces, at most " +
                std::to_string(kSecretLimitBytes) + " bytes");
    return Secret(text);
}

Result<SetSecret> parse_set_secret(const Json& options, const Secret& value) {
    ObjectReader reader(options, "options");
    SetSecret request;
    request.name = read_name(reader, "name");
    KHEISH_CHECK(reader.finish());
    KHEISH_TRY(request.value, check_secret_value(value));
    return request;
}

Result<SetSecret> parse_slot_record(const Json& body) {
    static constexpr std::array<std::string_view, 2> kModes{"api_key", "opaque_secret"};
    ObjectReader reader(body, "body");
    SetSecret request;
    request.name = read_name(reader, "slot_id");
    (void)reader.optional_string("provider", kLabelLimitBytes);
    (void)reader.optional_word("mode", kModes);
    (void)reader.optional_integer("updated_at_ms");
    const Json state = reader.required_object("state");
    KHEISH_CHECK(reader.finish());
    ObjectReader inner(state, "body.state");
    std::string text = inner.required_string("value", kSecretLimitBytes);
    const Secret value = Secret::take(text);
    KHEISH_CHECK(inner.finish());
    KHEISH_TRY(request.value, check_secret_value(value));
    return request;
}

Result<NameSecret> parse_name_secret(const Json& options) {
    ObjectReader reader(options, "options");
    NameSecret request;
    request.name = read_name(reader, "name");
    request.reason = reader.optional_string("reason", kReasonLimitBytes).value_or("");
    KHEISH_CHECK(reader.finish());
    return request;
}

Result<ImportSecret> parse_import_secret(const Json& options) {
    ObjectReader reader(options, "options");
    ImportSecret request;
    request.name = read_name(reader, "name");
    request.credential = read_name(reader, "credential");
    KHEISH_CHECK(reader.finish());
    return request;
}

} // namespace kheish::control
