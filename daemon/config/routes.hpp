#pragma once

#include "base/result.hpp"
#include "config/settings.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kheish::config {

/// One model route as configured. Nothing in it is secret.
struct Route {
    std::string id;
    std::string driver; ///< "anthropic" or "scripted"
    std::string default_model;
    std::string base_url;          ///< empty is the driver's own
    std::string credential;        ///< name of the credential; empty where the driver needs none
    std::string scenario;          ///< path of the scripted driver's file
    bool from_environment = false; ///< made from $ANTHROPIC_API_KEY, not from a file
};

struct Routes {
    std::vector<Route> routes; ///< ordered by id
    std::string default_route; ///< empty where there is no route
};

using Environment = std::map<std::string, std::string, std::less<>>;

/// Reads routes.toml of the local directory, or the vendor's where there is no local one:
///
///     version = 1
///     default_route = "claude"        # may be left out where there is one route
///     [routes.claude]
///     driver = "anthropic"
///     default_model = "claude-sonnet-4-5"
///     auth_ref = "anthropic-api-key"  # a systemd credential's name
///     [routes.rehearsal]
///     driver = "scripted"
///     scenario = "/usr/share/kheish/scenarios/tour.json"
///
/// With $ANTHROPIC_API_KEY in `environment` and no route "anthropic" in the file, a route of that
/// name is added for development ($ANTHROPIC_BASE_URL and $ANTHROPIC_MODEL are honoured); it is the
/// default where the file has no route. Errors as for load_settings.
Result<Routes> load_routes(const Directories& directories, const Environment& environment);

/// A secret and where it came from.
struct Credential {
    std::string value;
    bool from_environment = false;
};

inline constexpr std::size_t kCredentialLimitBytes = 8192;
inline constexpr const char* kAnthropicKeyVariable = "ANTHROPIC_API_KEY";
inline constexpr const char* kAnthropicBaseUrlVariable = "ANTHROPIC_BASE_URL";
inline constexpr const char* kAnthropicModelVariable = "ANTHROPIC_MODEL";

/// What systemd gives the service under this name: $CREDENTIALS_DIRECTORY/<name> (systemd.exec(5)),
/// its last newline dropped. Errors as below.
Result<std::string> read_given_credential(const std::string& name, const Environment& environment);

/// The credential that `route` names, as systemd gives it; for a route from the environment its
/// variable. Errc::not_found where there is
/// none, Errc::invalid_configuration where it is empty, too long or no single line of printable
/// ASCII. No message holds any of it.
Result<Credential> read_credential(const Route& route, const Environment& environment);

} // namespace kheish::config
