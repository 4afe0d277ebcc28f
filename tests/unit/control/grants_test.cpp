#include "control_fixture.hpp"

/// What is allowed beforehand: for whom, for how long, and what ends it.
namespace kheish::control {
namespace {

using codec::Json;

class GrantsTest : public ControlFixture {
  protected:
    void SetUp() override {
        ControlFixture::SetUp();
        make_session("demo");
        run_ = submit("demo", "go");
        launched(run_);
    }
    void propose(const std::string& command) {
        const std::string input = codec::canonical_json(Json::object({{"command", command}}));
        routes_->fake.answer_calls({{"provider-" + std::to_string(++proposed_), "bash", input}});
        settle();
    }
    /// Proposes the command, and ends its call where it was let through without a gate.
    bool is_let_through(RunId run, const std::string& command) {
        const std::size_t before = host_->executions.size();
        propose(command);
        if (host_->executions.size() == before)
            return false;
        finish_call(run, host_->executions.back().second.call.value, "done");
        return true;
    }
    Result<Json> allow(RunId run, std::optional<Remember> remember, uid_t uid = kAlice) {
        ResolveApprovals request;
        Resolution resolution;
        resolution.approval = ApprovalId{only_approval(run)};
        resolution.behavior = Resolution::Behavior::allow;
        resolution.remember = std::move(remember);
        request.resolutions.push_back(std::move(resolution));
        Result<Json> answer = wait_for<Json>([&](Responder<Json> responder) {
            plane_->resolve_approvals(Caller::user(uid), run, request, std::move(responder));
        });
        if (answer)
            finish_call(run, host_->executions.back().second.call.value, "done");
        return answer;
    }
    void deny(RunId run) { ASSERT_TRUE(resolve(run, only_approval(run), false).has_value()); }
    Result<Json> revoke(const std::string& grant, uid_t uid = kAlice) {
        return wait_for<Json>([&](Responder<Json> responder) {
            plane_->revoke_grant(
                Caller::user(uid), {.grant = grant, .reason = "enough"}, std::move(responder));
        });
    }
    std::vector<std::string> listed(uid_t uid = kAlice) {
        std::vector<std::string> ids;
        const Json list = *plane_->grants_view(Caller::user(uid), {});
        for (const Json& item : list.items())
            ids.push_back(item.find("id")->string());
        return ids;
    }
    static Remember
    command(const std::string& pattern, govern::GrantLifetime lifetime, std::int64_t days = 0) {
        return {govern::GrantKind::command, pattern, lifetime, days};
    }
    RunId another_run(const std::string& session) {
        routes_->fake.answer("done");
        settle();
        const RunId run = submit(session, "again");
        launched(run);
        return run;
    }

    RunId run_;
    int proposed_ = 0;
};

using enum govern::GrantLifetime;

TEST_F(GrantsTest, OfARunHoldsInThatRunAndNoOther) {
    propose("git push a");
    ASSERT_TRUE(allow(run_, command("git push *", run)).has_value());
    EXPECT_TRUE(is_let_through(run_, "git push b"));
    EXPECT_EQ(listed(), std::vector<std::string>{"grant-1-1"});
    EXPECT_FALSE(is_let_through(run_, "git pull"));
    deny(run_);
    expect_rows_follow_events(run_);
    const RunId next = another_run("demo");
    EXPECT_TRUE(listed().empty());
    EXPECT_FALSE(is_let_through(next, "git push b"));
}

TEST_F(GrantsTest, OfASessionOutlivesItsRunsAndARestart) {
    propose("git push a");
    ASSERT_TRUE(allow(run_, command("git push *", session)).has_value());
    RunId next = another_run("demo");
    EXPECT_TRUE(is_let_through(next, "git push b"));
    crash();
    boot();
    host_->observer->on_adopted(next, 1, {});
    settle();
    EXPECT_TRUE(is_let_through(next, "git push c"));
    routes_->fake.answer("done");
    settle();
    make_session("other");
    next = submit("other", "go");
    launched(next);
    EXPECT_FALSE(is_let_through(next, "git push d"));
    const Result<Json> ended = wait_for<Json>([this](Responder<Json> responder) {
        plane_->end_session(Caller::user(kAlice), SessionId{"demo"}, {}, std::move(responder));
    });
    ASSERT_TRUE(ended.has_value());
    EXPECT_TRUE(listed().empty());
}

TEST_F(GrantsTest, OfDaysHoldsForItsOwnerInItsWorkspaceUntilThen) {
    propose("git push a");
    ASSERT_TRUE(allow(run_, command("git push *", days, 2)).has_value());
    routes_->fake.answer("done");
    settle();
    const std::string workspace = journal_->session(SessionId{"demo"})->workspace;
    const auto session_at = [this](const std::string& name, const std::string& where, uid_t uid) {
        CreateSession request{.session = SessionId{name}, .workspace = where};
        EXPECT_TRUE(wait_for<CreatedSession>([&](Responder<CreatedSession> responder) {
                        plane_->create_session(Caller::user(uid), request, std::move(responder));
                    }).has_value());
        const RunId run = submit(name, "go", uid);
        launched(run);
        return run;
    };
    const auto end = [this] {
        routes_->fake.answer("done");
        settle();
    };
    EXPECT_TRUE(is_let_through(session_at("same", workspace, kAlice), "git push b"));
    end();
    const RunId elsewhere = session_at("elsewhere", workspace + "-2", kAlice);
    EXPECT_FALSE(is_let_through(elsewhere, "git push b"));
    deny(elsewhere);
    end();
    const RunId of_bob = session_at("of-bob", workspace, kBob);
    EXPECT_FALSE(is_let_through(of_bob, "git push b"));
    const std::string gate = "approval-" + std::to_string(of_bob.number) + "-1";
    ASSERT_TRUE(resolve(of_bob, gate, false, kBob).has_value());
    end();
    clock_.advance(std::chrono::hours(48));
    EXPECT_TRUE(listed().empty());
    EXPECT_FALSE(is_let_through(session_at("late", workspace, kAlice), "git push b"));
}

TEST_F(GrantsTest, WhatItWouldNotCoverReleasesNothing) {
    propose("git push a");
    const Result<Json> refused = allow(run_, command("git pull *", run));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, Errc::bad_request);
    EXPECT_NE(refused.error().message.find("does not cover"), std::string::npos);
    EXPECT_EQ(status(run_), "waiting_for_approval");
    EXPECT_TRUE(host_->executions.empty());
    EXPECT_TRUE(listed().empty());
    EXPECT_TRUE(allow(run_, Remember{}).has_value());
    EXPECT_TRUE(is_let_through(run_, "git push a")) << "the very same";
    EXPECT_FALSE(is_let_through(run_, "git push  a")) << "another text";
}

TEST_F(GrantsTest, WhatWasRevokedDoesNotStart) {
    propose("git push a");
    ASSERT_TRUE(allow(run_, command("git push *", run)).has_value());
    // Two calls of one turn: the second is allowed by the grant and waits for the first.
    routes_->fake.answer_calls(
        {{"first", "bash", R"({"command":"git push 1"})"},
         {"second", "bash", R"({"command":"git push 2"})"}});
    settle();
    ASSERT_EQ(host_->executions.size(), 2U) << "one of the gate, and the first of the two";
    const Result<Json> revoked = revoke("grant-1-1");
    ASSERT_TRUE(revoked.has_value()) << revoked.error().to_string();
    EXPECT_EQ(revoked->find("state")->string(), "revoked");
    EXPECT_EQ(revoked->find("revoked_by")->string(), "user:1001");
    finish_call(run_, host_->executions.back().second.call.value, "done");
    EXPECT_EQ(host_->executions.size(), 2U);
    EXPECT_FALSE(is_let_through(run_, "git push b"));
    EXPECT_TRUE(listed().empty());
    expect_rows_follow_events(run_);
    crash();
    boot();
    EXPECT_TRUE(listed().empty());
}

TEST_F(GrantsTest, IsItsOwnersToSeeAndToRevoke) {
    propose("git push a");
    ASSERT_TRUE(allow(run_, command("git push *", session)).has_value());
    EXPECT_TRUE(listed(kBob).empty());
    EXPECT_EQ(revoke("grant-1-1", kBob).error().code, Errc::forbidden);
    EXPECT_EQ(revoke("grant-1-2").error().code, Errc::not_found);
    EXPECT_EQ(
        plane_->grants_view(Caller::user(kBob), {SessionId{"demo"}}).error().code, Errc::forbidden);
    Caller admin = Caller::user(kBob);
    admin.acts_for_others = true;
    EXPECT_EQ(plane_->grants_view(admin, {})->size(), 1U);
    ASSERT_TRUE(revoke("grant-1-1").has_value());
    const EventSeq newest = journal_->newest_seq();
    EXPECT_EQ(revoke("grant-1-1")->find("state")->string(), "revoked");
    EXPECT_EQ(journal_->newest_seq(), newest) << "a repeated one changes nothing";
    EXPECT_EQ(*plane_->grant_owner("grant-1-1"), Principal::user(kAlice));
}

TEST_F(GrantsTest, StandsInTheRecordWithWhoMadeIt) {
    propose("git push a");
    ASSERT_TRUE(allow(run_, command("git push *", days, 7)).has_value());
    EXPECT_TRUE(is_let_through(run_, "git push b"));
    const Json events = *plane_->run_events_view(Caller::user(kAlice), run_);
    std::string made;
    std::string used;
    for (const Json& entry : events.items()) {
        const std::string text = codec::canonical_json(entry);
        const std::string type = entry.find("event")->find("type")->string();
        made = type == "grant.created" ? text : made;
        used = type == "permission.decided" ? text : used;
    }
    EXPECT_NE(made.find(R"("authority":"user:1001")"), std::string::npos) << made;
    EXPECT_NE(made.find(R"("pattern":"git push *")"), std::string::npos) << made;
    EXPECT_NE(used.find(R"("grants":["grant-1-1"])"), std::string::npos) << used;
    EXPECT_NE(used.find(R"("base_decision":"ask")"), std::string::npos) << used;
    const Result<Json> check = plane_->permission_view(
        Caller::user(kAlice),
        {.tool = "bash",
         .input = Json::object({{"command", "git push c"}}),
         .session = SessionId{"demo"},
         .call = {}});
    ASSERT_TRUE(check.has_value());
    EXPECT_EQ(check->find("decision")->string(), "allow");
    EXPECT_EQ(check->find("grants")->at(0).string(), "grant-1-1");
}

TEST_F(GrantsTest, AreNotMoreThanOneOwnerMayHave) {
    for (std::size_t i = 0; i < Grants::kLivePerOwnerLimit; ++i) {
        propose("make " + std::to_string(i));
        ASSERT_TRUE(allow(run_, Remember{}).has_value()) << i;
    }
    propose("make more");
    EXPECT_EQ(allow(run_, Remember{}).error().code, Errc::conflict);
    EXPECT_EQ(status(run_), "waiting_for_approval");
    EXPECT_TRUE(allow(run_, std::nullopt).has_value());
}

TEST(GrantRequests, SayWhatIsWrongWithThem) {
    const auto error = [](const char* text) {
        const Result<Remember> remember = parse_remember(*codec::parse_json(text), "remember");
        return remember ? "" : remember.error().message;
    };
    EXPECT_EQ(error(R"({"match":"exact"})"), "");
    EXPECT_EQ(error(R"({"match":"command","pattern":"ls","for":"days","days":365})"), "");
    EXPECT_NE(error(R"({"match":"prefix"})").find("remember.match"), std::string::npos);
    EXPECT_NE(error(R"({"match":"exact","pattern":"a"})").find("pattern"), std::string::npos);
    EXPECT_NE(error(R"({"match":"path"})").find("pattern"), std::string::npos);
    EXPECT_NE(error(R"({"match":"exact","for":"days"})").find("days"), std::string::npos);
    EXPECT_NE(error(R"({"match":"exact","days":1})").find("days"), std::string::npos);
    EXPECT_NE(error(R"({"match":"exact","for":"days","days":366})").find("365"), std::string::npos);
    EXPECT_NE(error(R"({"match":"exact","forever":true})").find("forever"), std::string::npos);
    const Json body = *codec::parse_json(
        R"({"resolutions":[{"request_id":"a","behavior":"deny","remember":{"match":"exact"}}]})");
    EXPECT_FALSE(parse_resolve_approvals(body).has_value());
    EXPECT_EQ(
        describe({govern::GrantKind::command, "git push *", govern::GrantLifetime::days, 7}),
        "every command \"git push *\" for 7 days");
}

} // namespace
} // namespace kheish::control
