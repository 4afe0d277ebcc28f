#include "control_fixture.hpp"

#include <set>

/// What kheishd does outside of itself, as it is told of a run.
namespace kheish::control {
namespace {

TEST_F(ControlFixture, WhatWasDoneOutsideIsToldWithItsRecord) {
    make_session("demo");
    const RunId run = submit("demo", "go");
    launched(run);
    routes_->fake.fail(models::CallError::Kind::overloaded);
    settle();
    timers_->pass(std::chrono::seconds(10));
    settle();
    routes_->fake.answer("done");
    settle();
    const codec::Json records = *plane_->external_actions_view(Caller::user(kAlice), run);
    ASSERT_EQ(records.size(), 4U);
    const auto text = [&records](std::size_t i, std::string_view key) {
        return records.at(i).find(key).value_or(codec::Json()).string();
    };
    EXPECT_EQ(text(0, "phase"), "request");
    EXPECT_EQ(text(0, "action_id"), "run-1/turn-1/attempt-1");
    EXPECT_EQ(text(1, "phase"), "response");
    EXPECT_EQ(text(1, "action_id"), text(0, "action_id"));
    EXPECT_EQ(text(1, "outcome"), "failed: overloaded");
    EXPECT_EQ(text(3, "outcome"), "answered");
    EXPECT_EQ(text(2, "kind"), "model_call");
    EXPECT_EQ(text(1, "principal_id"), "daemon");
    EXPECT_EQ(text(2, "principal_id"), "agent:agent-demo");
    EXPECT_EQ(text(3, "principal_id"), "agent:agent-demo");
    EXPECT_EQ(text(3, "parent_principal_id"), "user:1001");
    EXPECT_EQ(text(2, "request_digest").size(), 64U);
    EXPECT_EQ(text(3, "response_digest").size(), 64U);
    std::set<std::string> hashes;
    for (std::size_t i = 0; i < records.size(); ++i)
        hashes.insert(text(i, "record_hash"));
    EXPECT_EQ(hashes.size(), 4U);
    EXPECT_EQ(plane_->external_actions_view(Caller::user(kBob), run).error().code, Errc::forbidden);
}

} // namespace
} // namespace kheish::control
