#pragma once

#include "base/result.hpp"
#include "codec/json.hpp"

#include <string>

/// What administrators ask for about subjects and leases.
namespace kheish::control {

inline constexpr std::size_t kSubjectLimitBytes = 160;

/// Errc::bad_request for what is neither "session:<id>" nor "agent:<id>".
Status check_subject(const std::string& subject);

/// One that is to be ended, or given back, by its name.
struct NamedRequest {
    std::string name; ///< of a subject, a lease or a slot
    std::string reason = {};
};
/// Members: name, reason.
Result<NamedRequest> parse_named(const codec::Json& options);
/// The name is in the path: members reason.
Result<NamedRequest> parse_named(std::string name, const codec::Json& body);

} // namespace kheish::control
