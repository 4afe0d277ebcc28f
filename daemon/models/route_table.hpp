#pragma once

#include "base/clock.hpp"
#include "base/timers.hpp"
#include "config/routes.hpp"
#include "models/credentials.hpp"
#include "models/model.hpp"
#include "outbound/http_client.hpp"

#include <map>

namespace kheish::models {

/// The routes of the configuration with their models. A route that cannot work (no credential, a
/// broken scenario, a base URL out of bounds) is listed with state error and a remedy, and nothing
/// stands in for it. A credential may come and go; the rest is as it was at the start.
class RouteTable final : public Routes {
  public:
    /// What the drivers work with; all of it outlives the table.
    struct Outside {
        outbound::HttpClient& client;
        Timers& timers;
        const Clock& clock;
        const Credentials& credentials;
    };

    /// Reads scenario files, once; credentials whenever they are needed.
    RouteTable(
        const config::Routes& routes, const config::Environment& environment, Outside outside);

    std::vector<RouteView> list() const override;
    std::string default_route() const override { return default_route_; }
    std::optional<RouteView> find(std::string_view route_id) const override;
    std::string credential_of(std::string_view route_id) const override;
    Model* model(std::string_view route_id) override;

  private:
    struct Entry {
        RouteView view;               ///< whatever its credential
        std::unique_ptr<Model> model; ///< null where the state of that is error
    };

    RouteView view_of(const Entry& entry) const;
    static Entry make_entry(
        const config::Route& route, const config::Environment& environment, const Outside& outside);

    const Credentials& credentials_;
    std::map<std::string, Entry, std::less<>> entries_;
    std::string default_route_;
};

} // namespace kheish::models
