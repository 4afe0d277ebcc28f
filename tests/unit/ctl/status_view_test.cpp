#include "status_view.hpp"

#include <gtest/gtest.h>

namespace kheish::ctl {
namespace {

using codec::Json;

Json route(std::string_view name, std::string_view state, std::string_view message, bool active) {
    return Json::object({
        {"route_id", name},
        {"provider", "anthropic"},
        {"model", "a-model"},
        {"active", active},
        {"state", state},
        {"message", message},
    });
}

Json status_with(const Json& routes) {
    return Json::object({
        {"version", "1.2.3"},
        {"status", "ready"},
        {"ready", true},
        {"process_id", 42},
        {"runtime", Json::object({{"permission_mode", "default"}, {"sandbox_profile", "small"}})},
        {"storage", Json::object({{"ok", true}})},
        {"events", Json::object({{"newest_event_id", "99"}})},
        {"sessions", Json::object({{"total", 3}})},
        {"runs",
         Json::object(
             {{"running", 1}, {"queued", 2}, {"total", 10}, {"pending_approval_count", 0}})},
        {"provider_readiness", Json::object({{"routes", routes}})},
    });
}

TEST(StatusView, SaysHowItIsAndWhatRoutesLack) {
    Json routes = Json::array();
    routes.append(route("claude", "ok", "", true));
    routes.append(route("spare", "error", "no credential\nspare", false));
    const std::string text = status_text(status_with(routes));
    EXPECT_EQ(text.rfind("kheishd 1.2.3 is ready\n", 0), 0U);
    EXPECT_NE(text.find("  process     42, since "), std::string::npos);
    EXPECT_NE(text.find("  journal     fine, newest event 99\n"), std::string::npos);
    EXPECT_NE(text.find("  runs        1 running, 2 queued; 7 over\n"), std::string::npos);
    EXPECT_NE(text.find("  claude      anthropic a-model, default, ready\n"), std::string::npos);
    EXPECT_NE(
        text.find("  spare       anthropic a-model, error: no credential\\nspare\n"),
        std::string::npos);
    EXPECT_EQ(text.find("approvals"), std::string::npos);
}

TEST(StatusView, SaysWhatKeepsItFromWork) {
    Json status = status_with(Json::array());
    status.set("ready", false);
    status.set("storage", Json::object({{"ok", false}, {"error", "journal/storage_full: full"}}));
    status.set("runs", Json::object({{"total", 0}, {"pending_approval_count", 2}}));
    const std::string text = status_text(status);
    EXPECT_EQ(text.rfind("kheishd 1.2.3 is not ready\n", 0), 0U);
    EXPECT_NE(
        text.find("cannot be written, new work is refused: journal/storage_full: full\n"),
        std::string::npos);
    EXPECT_NE(text.find("  runs        none live; 0 over\n"), std::string::npos);
    EXPECT_NE(
        text.find("  approvals   2 pending, see kheishctl approvals list\n"), std::string::npos);
    EXPECT_NE(text.find("none, so input is refused"), std::string::npos);
}

} // namespace
} // namespace kheish::ctl
