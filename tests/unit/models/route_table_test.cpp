#include "models/route_table.hpp"

#include "fake_http_client.hpp"
#include "manual_timers.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace kheish::models {
namespace {

class FakeCredentials final : public Credentials {
  public:
    Result<Secret> read(const std::string& name) const override {
        const auto found = values.find(name);
        if (found == values.end())
            return fail(Errc::not_found, "there is no secret " + name + ": set it");
        if (found->second.empty())
            return fail(Errc::invalid_configuration, name + " is unfit");
        return Secret(found->second);
    }
    std::map<std::string, std::string> values;
};

class RouteTableTest : public testing::Test {
  protected:
    config::Route anthropic(const std::string& id) {
        config::Route route;
        route.id = id;
        route.driver = "anthropic";
        route.default_model = "m";
        route.credential = "key";
        return route;
    }
    RouteTable table(config::Route route, const config::Environment& environment = {}) {
        config::Routes routes;
        routes.default_route = route.id;
        routes.routes.push_back(std::move(route));
        return RouteTable(
            routes,
            environment,
            {.client = client_, .timers = timers_, .clock = clock_, .credentials = credentials_});
    }

    outbound::FakeHttpClient client_;
    ManualTimers timers_;
    SystemClock clock_;
    FakeCredentials credentials_;
};

TEST_F(RouteTableTest, NoRoutesAtAll) {
    RouteTable table(
        {},
        {},
        {.client = client_, .timers = timers_, .clock = clock_, .credentials = credentials_});
    EXPECT_TRUE(table.list().empty());
    EXPECT_EQ(table.default_route(), "");
    EXPECT_EQ(table.find("x"), std::nullopt);
    EXPECT_EQ(table.model("x"), nullptr);
}

TEST_F(RouteTableTest, AMissingCredentialIsAnErrorWithARemedy) {
    RouteTable routes = table(anthropic("claude"));
    const std::optional<RouteView> view = routes.find("claude");
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->state, RouteView::State::error);
    EXPECT_EQ(view->code, "credential_missing");
    EXPECT_EQ(view->message, "there is no secret key: set it");
    EXPECT_EQ(view->credential, "key");
    EXPECT_NE(routes.model("claude"), nullptr) << "its calls say that it is missing";
    EXPECT_EQ(routes.default_route(), "claude");
}

TEST_F(RouteTableTest, ACredentialMayComeAndGo) {
    RouteTable routes = table(anthropic("claude"));
    credentials_.values["key"] = "sk-secret";
    EXPECT_EQ(routes.find("claude")->state, RouteView::State::ok);
    EXPECT_EQ(routes.list().at(0).code, "ready");
    credentials_.values["key"] = "";
    EXPECT_EQ(routes.find("claude")->code, "credential_invalid");
    credentials_.values.clear();
    EXPECT_EQ(routes.list().at(0).code, "credential_missing");
}

TEST_F(RouteTableTest, ACredentialOfTheEnvironmentIsAWarning) {
    config::Route development = anthropic("anthropic");
    development.from_environment = true;
    RouteTable warned = table(development, {{"ANTHROPIC_API_KEY", "sk-secret"}});
    EXPECT_EQ(warned.find("anthropic")->state, RouteView::State::warning);
    EXPECT_EQ(warned.find("anthropic")->code, "credential_from_environment");
    EXPECT_EQ(warned.find("anthropic")->message.find("sk-secret"), std::string::npos);
    EXPECT_NE(warned.model("anthropic"), nullptr);
}

TEST_F(RouteTableTest, BaseUrlsOutOfBoundsAreErrors) {
    config::Route route = anthropic("claude");
    route.base_url = "http://169.254.169.254";
    RouteTable routes = table(route);
    EXPECT_EQ(routes.find("claude")->code, "base_url_refused");
    EXPECT_EQ(routes.model("claude"), nullptr);
}

TEST_F(RouteTableTest, ScenariosAreLoadedOrNamedAsBroken) {
    config::Route route;
    route.id = "tour";
    route.driver = "scripted";
    route.scenario = testing::TempDir() + "/kheish-route-table-test.json";
    std::ofstream(route.scenario) << R"({"version":1,"turns":[{"text":"hello"}]})";
    RouteTable ready = table(route);
    EXPECT_EQ(ready.find("tour")->state, RouteView::State::ok);
    ASSERT_NE(ready.model("tour"), nullptr);
    route.scenario = "/nonexistent.json";
    RouteTable broken = table(route);
    EXPECT_EQ(broken.find("tour")->code, "scenario_invalid");
    EXPECT_EQ(broken.model("tour"), nullptr);
    EXPECT_EQ(broken.list().size(), 1U);
}

} // namespace
} // namespace kheish::models
