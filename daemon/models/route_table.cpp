#include "models/route_table.hpp"

#include "models/anthropic_model.hpp"
#include "models/scripted_model.hpp"
#include "outbound/guard.hpp"

#include <utility>

namespace kheish::models {

namespace {

void set_state(RouteView& view, RouteView::State state, std::string code, std::string message) {
    view.state = state;
    view.code = std::move(code);
    view.message = std::move(message);
}

void set_credential_error(RouteView& view, const Error& error) {
    const bool is_missing = error.code == Errc::not_found;
    set_state(
        view,
        RouteView::State::error,
        is_missing ? "credential_missing" : "credential_invalid",
        error.message);
}

/// The development route's key, which is in the environment of the process.
UniqueFunction<Result<Secret>()> key_of_environment(std::string value) {
    return [key = Secret::take(value)] {
        return Result<Secret>(key.copy());
    };
}

std::unique_ptr<Model> make_anthropic(
    const config::Route& route,
    const config::Environment& environment,
    const RouteTable::Outside& outside,
    RouteView& view) {
    const std::string url =
        route.base_url.empty() ? std::string(AnthropicModel::kDefaultBaseUrl) : route.base_url;
    const Result<outbound::Target> target = outbound::check_url(url, outbound::Reach::configured);
    if (!target) {
        set_state(
            view,
            RouteView::State::error,
            "base_url_refused",
            "base_url: " + target.error().message + "; correct it in routes.toml and restart");
        return nullptr;
    }
    AnthropicModel::Options options;
    options.base_url = route.base_url;
    if (route.from_environment) {
        Result<config::Credential> credential = config::read_credential(route, environment);
        if (!credential) {
            set_credential_error(view, credential.error());
            return nullptr;
        }
        set_state(
            view,
            RouteView::State::warning,
            "credential_from_environment",
            "the key comes from the environment, which is for development; use a systemd "
            "credential and routes.toml");
        options.api_key = key_of_environment(std::move(credential->value));
    } else {
        view.credential = route.credential;
        options.api_key = [&credentials = outside.credentials, name = route.credential] {
            return credentials.read(name);
        };
    }
    return std::make_unique<AnthropicModel>(
        outside.client, outside.clock, outside.timers, std::move(options));
}

std::unique_ptr<Model>
make_scripted(const config::Route& route, const RouteTable::Outside& outside, RouteView& view) {
    Result<Scenario> scenario = Scenario::load(route.scenario);
    if (!scenario) {
        set_state(
            view,
            RouteView::State::error,
            "scenario_invalid",
            scenario.error().message + "; correct the file and restart");
        return nullptr;
    }
    return std::make_unique<ScriptedModel>(std::move(*scenario), outside.timers);
}

} // namespace

RouteTable::RouteTable(
    const config::Routes& routes, const config::Environment& environment, Outside outside)
    : credentials_(outside.credentials), default_route_(routes.default_route) {
    for (const config::Route& route : routes.routes)
        entries_.emplace(route.id, make_entry(route, environment, outside));
}

RouteTable::Entry RouteTable::make_entry(
    const config::Route& route, const config::Environment& environment, const Outside& outside) {
    Entry entry;
    entry.view.route_id = route.id;
    entry.view.driver = route.driver;
    entry.view.default_model = route.default_model;
    set_state(entry.view, RouteView::State::ok, "ready", "");
    if (route.driver == "anthropic")
        entry.model = make_anthropic(route, environment, outside, entry.view);
    else if (route.driver == "scripted")
        entry.model = make_scripted(route, outside, entry.view);
    else
        set_state(
            entry.view,
            RouteView::State::error,
            "driver_unknown",
            "there is no driver \"" + route.driver + "\"; correct it in routes.toml and restart");
    return entry;
}

RouteView RouteTable::view_of(const Entry& entry) const {
    RouteView view = entry.view;
    if (view.state == RouteView::State::error || view.credential.empty())
        return view;
    if (const Result<Secret> credential = credentials_.read(view.credential); !credential)
        set_credential_error(view, credential.error());
    return view;
}

std::vector<RouteView> RouteTable::list() const {
    std::vector<RouteView> views;
    for (const auto& [id, entry] : entries_)
        views.push_back(view_of(entry));
    return views;
}

std::optional<RouteView> RouteTable::find(std::string_view route_id) const {
    const auto found = entries_.find(route_id);
    return found == entries_.end() ? std::nullopt : std::optional(view_of(found->second));
}

std::string RouteTable::credential_of(std::string_view route_id) const {
    const auto found = entries_.find(route_id);
    return found == entries_.end() ? "" : found->second.view.credential;
}

Model* RouteTable::model(std::string_view route_id) {
    const auto found = entries_.find(route_id);
    return found == entries_.end() ? nullptr : found->second.model.get();
}

} // namespace kheish::models
