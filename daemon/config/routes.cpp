#include "config/routes.hpp"

#include "base/fd.hpp"
#include "config/table_reader.hpp"
#include "config/toml_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

namespace kheish::config {

namespace {

constexpr std::array<std::string_view, 2> kDrivers{"anthropic", "scripted"};
constexpr std::size_t kRouteLimit = 256;
constexpr std::size_t kNameLimitBytes = 64;
constexpr std::string_view kEnvironmentRoute = "anthropic";
constexpr std::string_view kAnthropicDefaultModel = "claude-sonnet-4-5";
constexpr std::string_view kScriptedDefaultModel = "scripted";

bool is_name(std::string_view text) {
    constexpr std::string_view kAllowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return !text.empty() && text.size() <= kNameLimitBytes && text.front() != '.' &&
           text.find_first_not_of(kAllowed) == std::string_view::npos;
}

/// The shape only; where it leads is judged by the outbound guard when it is used.
bool is_base_url(std::string_view url) {
    const bool has_scheme = url.starts_with("https://") || url.starts_with("http://");
    if (!has_scheme || url.find_first_of("?# \t\r\n") != std::string_view::npos)
        return false;
    const std::string_view rest = url.substr(url.find("//") + 2);
    const std::string_view authority = rest.substr(0, rest.find('/'));
    return !authority.empty() && authority.find('@') == std::string_view::npos;
}

void read_anthropic(TableReader& reader, Route& route) {
    route.default_model = reader.required_string("default_model");
    route.credential = reader.required_string("auth_ref");
    if (reader.ok() && !is_name(route.credential))
        reader.reject("auth_ref", "must be 1 to 64 characters of [A-Za-z0-9._-]");
    if (const std::optional<std::string> url = reader.string("base_url")) {
        if (!is_base_url(*url))
            reader.reject(
                "base_url", "must be an absolute http or https URL without user, query, fragment");
        route.base_url = *url;
    }
}

void read_scripted(TableReader& reader, Route& route) {
    route.default_model =
        reader.string("default_model").value_or(std::string(kScriptedDefaultModel));
    route.scenario = reader.path("scenario").value_or("");
    if (route.scenario.empty())
        reader.reject("scenario", "is required");
}

Result<Route> read_route(const std::string& id, const Value& value) {
    TableReader reader(value, "routes." + id);
    Route route;
    route.id = id;
    if (!is_name(id))
        return fail(
            Errc::invalid_configuration,
            value.origin + ": routes." + id +
                " must be named by 1 to 64 characters of "
                "[A-Za-z0-9._-]");
    const std::optional<std::size_t> driver = reader.word("driver", kDrivers);
    if (!driver) {
        reader.reject("driver", "is required");
        KHEISH_CHECK(reader.finish());
    }
    route.driver = kDrivers.at(*driver);
    if (route.driver == "anthropic")
        read_anthropic(reader, route);
    else
        read_scripted(reader, route);
    KHEISH_CHECK(reader.finish());
    return route;
}

Result<Routes> read_routes(const Value& value) {
    TableReader reader(value, "");
    Routes routes;
    if (!reader.integer("version", 1, 1))
        reader.reject("version", "is required: this program reads version 1");
    routes.default_route = reader.string("default_route").value_or("");
    if (const Value* table = reader.table("routes")) {
        for (const auto& [id, entry] : std::get<Table>(table->content)) {
            KHEISH_TRY(Route route, read_route(id, entry));
            routes.routes.push_back(std::move(route));
        }
    }
    if (routes.routes.size() > kRouteLimit)
        reader.reject("routes", "must not hold more than " + std::to_string(kRouteLimit));
    const bool known =
        std::any_of(routes.routes.begin(), routes.routes.end(), [&routes](const Route& route) {
            return route.id == routes.default_route;
        });
    if (!routes.default_route.empty() && !known)
        reader.reject("default_route", "names no route: \"" + routes.default_route + "\"");
    if (routes.default_route.empty() && routes.routes.size() > 1)
        reader.reject("default_route", "is required where there are several routes");
    KHEISH_CHECK(reader.finish());
    if (routes.default_route.empty() && !routes.routes.empty())
        routes.default_route = routes.routes.front().id;
    return routes;
}

Result<Routes> load_file(const Directories& directories) {
    for (const std::string& directory : {directories.local, directories.vendor}) {
        const Result<Value> file = load_toml(directory + "/routes.toml");
        if (!file && file.error().code == Errc::not_found)
            continue;
        KHEISH_CHECK(file);
        return read_routes(*file);
    }
    return Routes{};
}

std::string variable(const Environment& environment, std::string_view name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
}

Result<Route> route_of_environment(const Environment& environment) {
    Route route;
    route.id = kEnvironmentRoute;
    route.driver = "anthropic";
    route.default_model = variable(environment, kAnthropicModelVariable);
    if (route.default_model.empty())
        route.default_model = kAnthropicDefaultModel;
    route.base_url = variable(environment, kAnthropicBaseUrlVariable);
    route.from_environment = true;
    if (!route.base_url.empty() && !is_base_url(route.base_url))
        return fail(
            Errc::invalid_configuration,
            std::string(kAnthropicBaseUrlVariable) +
                " must be an absolute http or https URL without user, query and fragment");
    return route;
}

Result<std::string> check_secret(std::string value, const std::string& name) {
    if (value.ends_with('\n'))
        value.pop_back();
    const bool printable =
        std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < 0x7F; });
    if (value.empty() || value.size() > kCredentialLimitBytes || !printable)
        return fail(
            Errc::invalid_configuration,
            name + " must be one line of printable ASCII without spaces, at most " +
                std::to_string(kCredentialLimitBytes) + " bytes");
    return value;
}

} // namespace

Result<Routes> load_routes(const Directories& directories, const Environment& environment) {
    KHEISH_TRY(Routes routes, load_file(directories));
    const auto place = std::lower_bound(
        routes.routes.begin(),
        routes.routes.end(),
        kEnvironmentRoute,
        [](const Route& route, std::string_view id) { return route.id < id; });
    const bool taken = place != routes.routes.end() && place->id == kEnvironmentRoute;
    if (taken || variable(environment, kAnthropicKeyVariable).empty())
        return routes;
    KHEISH_TRY(Route route, route_of_environment(environment));
    routes.routes.insert(place, std::move(route));
    if (routes.default_route.empty())
        routes.default_route = kEnvironmentRoute;
    return routes;
}

Result<std::string> read_given_credential(const std::string& name, const Environment& environment) {
    const std::string directory = variable(environment, "CREDENTIALS_DIRECTORY");
    if (directory.empty())
        return fail(Errc::not_found, "the service was given no credentials");
    const std::string what = "credential \"" + name + "\"";
    Result<std::string> value = read_file(directory + "/" + name, kCredentialLimitBytes + 1);
    if (!value && value.error().sys_errno == ENOENT)
        return fail(Errc::not_found, "there is no " + what);
    if (!value)
        return fail(Errc::invalid_configuration, what + ": " + value.error().message);
    return check_secret(*std::move(value), what);
}

Result<Credential> read_credential(const Route& route, const Environment& environment) {
    if (!route.from_environment) {
        KHEISH_TRY(std::string value, read_given_credential(route.credential, environment));
        return Credential{.value = std::move(value), .from_environment = false};
    }
    KHEISH_TRY(
        std::string value,
        check_secret(variable(environment, kAnthropicKeyVariable), kAnthropicKeyVariable));
    return Credential{.value = std::move(value), .from_environment = true};
}

} // namespace kheish::config
