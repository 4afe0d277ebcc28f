#include "engine/event.hpp"

#include <gtest/gtest.h>

namespace kheish::engine {
namespace {

TEST(EventWords, AreThoseOfTheWire) {
    EXPECT_EQ(to_string(PermissionMode::standard), "default");
    EXPECT_EQ(to_string(PermissionMode::accept_edits), "acceptEdits");
    EXPECT_EQ(to_string(PermissionMode::dont_ask), "dontAsk");
    EXPECT_EQ(to_string(PermissionMode::bypass_permissions), "bypassPermissions");
    EXPECT_EQ(parse_permission_mode("plan"), PermissionMode::plan);
    EXPECT_EQ(parse_permission_mode("Plan"), std::nullopt);
    EXPECT_EQ(to_string(Decision::deny), "deny");
    EXPECT_EQ(parse_outcome_choice("retry"), OutcomeChoice::retry);
    EXPECT_EQ(parse_outcome_choice(""), std::nullopt);
    EXPECT_EQ(engine::to_string(EffectClass::at_most_once), "at_most_once");
    EXPECT_EQ(engine::to_string(ToolPlace::daemon), "daemon");
}

} // namespace
} // namespace kheish::engine
