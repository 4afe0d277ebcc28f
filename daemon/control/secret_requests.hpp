#pragma once

#include "base/result.hpp"
#include "base/secret.hpp"
#include "codec/json.hpp"

#include <string>

/// What administrators ask for about secrets. A request that holds one is moved, never copied.
namespace kheish::control {

inline constexpr std::size_t kSecretNameLimitBytes = 64;
inline constexpr std::size_t kSecretLimitBytes = 8192;

/// Errc::bad_request for what is no name: 1 to 64 characters of [A-Za-z0-9._-], not a "." first, as
/// a systemd credential's.
Status check_secret_name(const std::string& name);

/// `value` without a newline at its end. Errc::bad_request for what is empty, too long or no line
/// of printable ASCII; the message holds none of it.
Result<Secret> check_secret_value(const Secret& value);

struct SetSecret {
    std::string name;
    Secret value;
};
/// Members: name. The value comes beside it.
Result<SetSecret> parse_set_secret(const codec::Json& options, const Secret& value);
/// AuthSlotRecord of the wire contract: slot_id, provider, mode (api_key or opaque_secret), state
/// {value}, updated_at_ms. What the provider and the moment are is taken and not kept.
Result<SetSecret> parse_slot_record(const codec::Json& body);

struct NameSecret {
    std::string name;
    std::string reason = {};
};
/// Members: name, reason.
Result<NameSecret> parse_name_secret(const codec::Json& options);

struct ImportSecret {
    std::string name;
    std::string credential; ///< of systemd
};
/// Members: name, credential.
Result<ImportSecret> parse_import_secret(const codec::Json& options);

} // namespace kheish::control
