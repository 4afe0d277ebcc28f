#pragma once

#include "base/clock.hpp"
#include "base/timers.hpp"
#include "config/routes.hpp"
#include "models/model.hpp"
#include "outbound/http_client.hpp"

#include <map>

namespace kheish::models {

/// The routes of the configuration with their models. A route that cannot work (no credential, a
/// broken scenario, a base URL out of bounds) is listed with state error and a remedy, and has no
/// model; nothing stands in for it.
class RouteTable final : public Routes {
  public:
    /// What the drivers work with; all of it outlives the table.
    struct Outside {
        outbound::HttpClient& client;
        Timers& timers;
        const Clock& clock;
    };

    /// Reads credentials and scenario files, once.
    RouteTable(
        const config::Routes& routes, const config::Environment& environment, Outside outside);

    std::vector<RouteView> list() const override;
    std::string default_route() const override { return default_route_; }
    std::optional<RouteView> find(std::string_view route_id) const override;
    Model* model(std::string_view route_id) override;

  private:
    struct Entry {
        RouteView view;
        std::unique_ptr<Model> model; ///< null where the state is error
    };

    static Entry make_entry(
        const config::Route& route, const config::Environment& environment, const Outside& outside);

    std::map<std::string, Entry, std::less<>> entries_;
    std::string default_route_;
};

} // namespace kheish::models
