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

void set_credential_error(RouteView& view, const config::Route& route, const Error& error) {
    if (error.code != Errc::not_found) {
        set_state(view, RouteView::State::error, "credential_invalid", error.message);
        return;
    }
    set_state(
        view,
        RouteView::State::error,
        "credential_missing",
        error.message +
            "; put it into the credential store of systemd and restart: "
            "systemd-creds encrypt - /etc/credstore.encrypted/" +
            route.credential + ", with LoadCredentialEncrypted=" + route.credential +
            " in a drop-in of kheish.service");
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
    Result<config::Credential> credential = config::read_credential(route, environment);
    if (!credential) {
        set_credential_error(view, route, credential.error());
        return nullptr;
    }
    if (credential->from_environment)
        set_state(
            view,
            RouteView::State::warning,
            "credential_from_environment",
            "the key comes from the environment, which is for development; use a systemd "
            "credential and routes.toml");
    AnthropicModel::Options options;
    options.base_url = route.base_url;
    options.api_key = std::move(credential->value);
    return std::make_unique<AnthropicModel>(outside.client, outside.clock, std::move(options));
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
    : default_route_(routes.default_route) {
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

std::vector<RouteView> RouteTable::list() const {
    std::vector<RouteView> views;
    for (const auto& [id, entry] : entries_)
        views.push_back(entry.view);
    return views;
}

std::optional<RouteView> RouteTable::find(std::string_view route_id) const {
    const auto found = entries_.find(route_id);
    return found == entries_.end() ? std::nullopt : std::optional(found->second.view);
}

Model* RouteTable::model(std::string_view route_id) {
    const auto found = entries_.find(route_id);
    return found == entries_.end() ? nullptr : found->second.model.get();
}

} // namespace kheish::models
