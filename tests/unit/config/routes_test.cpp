#include "config/routes.hpp"

#include "scratch_directories.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace kheish::config {
namespace {

constexpr const char* kTwoRoutes = R"(version = 1
default_route = "tour"
[routes.claude]
driver = "anthropic"
default_model = "claude-sonnet-4-5"
auth_ref = "anthropic-api-key"
base_url = "http://127.0.0.1:4010"
[routes.tour]
driver = "scripted"
scenario = "/usr/share/kheish/tour.json"
)";

TEST(Routes, NoneConfiguredIsNoError) {
    const ScratchDirectories scratch;
    const Result<Routes> routes = load_routes(scratch.directories(), {});
    ASSERT_TRUE(routes.has_value());
    EXPECT_TRUE(routes->routes.empty());
    EXPECT_EQ(routes->default_route, "");
}

TEST(Routes, ReadsTheFile) {
    ScratchDirectories scratch;
    scratch.write("vendor/routes.toml", "version = 1\n");
    scratch.write("local/routes.toml", kTwoRoutes);
    const Result<Routes> routes = load_routes(scratch.directories(), {});
    ASSERT_TRUE(routes.has_value()) << routes.error().message;
    ASSERT_EQ(routes->routes.size(), 2U);
    EXPECT_EQ(routes->default_route, "tour");
    EXPECT_EQ(routes->routes[0].id, "claude");
    EXPECT_EQ(routes->routes[0].credential, "anthropic-api-key");
    EXPECT_EQ(routes->routes[0].base_url, "http://127.0.0.1:4010");
    EXPECT_EQ(routes->routes[1].driver, "scripted");
    EXPECT_EQ(routes->routes[1].default_model, "scripted");
    EXPECT_EQ(routes->routes[1].scenario, "/usr/share/kheish/tour.json");
}

TEST(Routes, BadInputIsRefusedWithItsPlace) {
    const std::string claude = "version = 1\n[routes.a]\ndriver = \"anthropic\"\n";
    const std::string tour = "driver = \"scripted\"\nscenario = \"/s.json\"\n";
    const std::pair<std::string, std::string> cases[] = {
        {"[routes]\n", "version is required"},
        {"version = 2\n", ":1: version must lie from 1 to 1"},
        {"version = 1\nroute = 1\n", ":2: route is no key"},
        {"version = 1\ndefault_route = \"x\"\n", ":2: default_route names no route: \"x\""},
        {"version = 1\n[routes.a]\n", "routes.a.driver is required"},
        {"version = 1\n[routes.a]\ndriver = \"gpt\"\n", ":3: routes.a.driver must be one of"},
        {"version = 1\n[routes.\"a/b\"]\n" + tour, "routes.a/b must be named by"},
        {claude, "routes.a.default_model is required"},
        {claude + "default_model = \"m\"\n", "routes.a.auth_ref is required"},
        {claude + "default_model = \"m\"\nauth_ref = \"../x\"\n", ":5: routes.a.auth_ref must"},
        {claude + "default_model = \"m\"\nauth_ref = \"k\"\napi_key = \"sk\"\n",
         ":6: routes.a.api_key is no key"},
        {claude + "default_model = \"m\"\nauth_ref = \"k\"\nbase_url = \"https://u@h\"\n",
         ":6: routes.a.base_url must be"},
        {claude + "default_model = \"m\"\nauth_ref = \"k\"\nbase_url = \"https://h/?q\"\n",
         ":6: routes.a.base_url must be"},
        {"version = 1\n[routes.a]\ndriver = \"scripted\"\n", "routes.a.scenario is required"},
        {"version = 1\n[routes.a]\ndriver = \"scripted\"\nscenario = \"s.json\"\n",
         ":4: routes.a.scenario must be an absolute path"},
        {"version = 1\n[routes.a]\n" + tour + "[routes.b]\n" + tour,
         "default_route is required where there are several routes"},
    };
    for (const auto& [text, message] : cases) {
        ScratchDirectories scratch;
        scratch.write("local/routes.toml", text);
        const Result<Routes> routes = load_routes(scratch.directories(), {});
        ASSERT_FALSE(routes.has_value()) << text;
        EXPECT_EQ(routes.error().code, Errc::invalid_configuration);
        EXPECT_NE(routes.error().message.find(message), std::string::npos)
            << routes.error().message;
        EXPECT_TRUE(routes.error().message.starts_with(scratch.root() + "/local/routes.toml:"))
            << routes.error().message;
    }
}

TEST(Routes, AKeyInTheEnvironmentMakesARouteForDevelopment) {
    ScratchDirectories scratch;
    const Environment environment{
        {"ANTHROPIC_API_KEY", "sk-test"}, {"ANTHROPIC_BASE_URL", "http://localhost:1"}};
    Result<Routes> routes = load_routes(scratch.directories(), environment);
    ASSERT_TRUE(routes.has_value());
    ASSERT_EQ(routes->routes.size(), 1U);
    EXPECT_EQ(routes->default_route, "anthropic");
    EXPECT_TRUE(routes->routes[0].from_environment);
    EXPECT_EQ(routes->routes[0].base_url, "http://localhost:1");
    EXPECT_EQ(read_credential(routes->routes[0], environment)->value, "sk-test");
    EXPECT_TRUE(read_credential(routes->routes[0], environment)->from_environment);

    scratch.write("local/routes.toml", kTwoRoutes);
    routes = load_routes(scratch.directories(), environment);
    ASSERT_TRUE(routes.has_value());
    EXPECT_EQ(routes->routes.size(), 3U);
    EXPECT_EQ(routes->default_route, "tour"); // the file has the say

    scratch.write(
        "local/routes.toml",
        "version = 1\n[routes.anthropic]\ndriver = \"anthropic\"\ndefault_model = \"m\"\n"
        "auth_ref = \"k\"\n");
    routes = load_routes(scratch.directories(), environment);
    ASSERT_TRUE(routes.has_value());
    ASSERT_EQ(routes->routes.size(), 1U);
    EXPECT_FALSE(routes->routes[0].from_environment);
    EXPECT_FALSE(load_routes(
                     ScratchDirectories().directories(),
                     {{"ANTHROPIC_API_KEY", "k"}, {"ANTHROPIC_BASE_URL", "nonsense"}})
                     .has_value());
}

TEST(Credentials, ComeFromTheCredentialsDirectory) {
    ScratchDirectories scratch;
    Route route;
    route.credential = "key";
    EXPECT_EQ(read_credential(route, {}).error().code, Errc::not_found);
    const Environment environment{{"CREDENTIALS_DIRECTORY", scratch.root()}};
    EXPECT_EQ(read_credential(route, environment).error().code, Errc::not_found);
    scratch.write("key", "sk-secret\n");
    const Result<Credential> credential = read_credential(route, environment);
    ASSERT_TRUE(credential.has_value()) << credential.error().message;
    EXPECT_EQ(credential->value, "sk-secret");
    EXPECT_FALSE(credential->from_environment);
    for (const std::string& bad :
         {std::string(),
          std::string("\n"),
          std::string("sk secret"),
          std::string("sk\nsecret\n"),
          std::string("sk\x01"),
          std::string(kCredentialLimitBytes + 1, 'k')}) {
        scratch.write("key", bad);
        const Result<Credential> refused = read_credential(route, environment);
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().code, Errc::invalid_configuration);
        EXPECT_EQ(refused.error().message.find("sk"), std::string::npos);
    }
}

} // namespace
} // namespace kheish::config
