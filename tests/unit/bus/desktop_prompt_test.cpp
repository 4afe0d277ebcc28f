#include "bus/desktop_prompt.hpp"
#include "fake_service.hpp"
#include "manual_timers.hpp"

#include <gtest/gtest.h>

namespace kheish::bus {
namespace {

using control::Caller;
using govern::AuthorizationRequest;
using std::chrono::seconds;

/// Sits people down.
struct FakeSessions final : UserSessions {
    void find(uid_t uid, Responder<Found> responder) override {
        ++searches;
        if (holds)
            held.push_back(std::move(responder));
        else
            responder.answer(sessions[uid]);
    }
    void set_listener(UniqueFunction<void()> told) override { listener = std::move(told); }

    std::map<uid_t, Found> sessions;
    UniqueFunction<void()> listener;
    bool holds = false;
    std::vector<Responder<Found>> held;
    int searches = 0;
};

/// polkit as the test says it is.
struct FakeAuthorizer final : govern::Authorizer {
    struct Asked {
        AuthorizationRequest request;
        Responder<void> responder;
    };
    struct Question final : govern::Authorization {
        explicit Question(FakeAuthorizer& authorizer) : owner(authorizer) {}
        ~Question() override {
            if (owner.prompt && owner.current == this) {
                owner.prompt->responder.dismiss();
                owner.prompt.reset();
                ++owner.cancelled;
            }
        }
        FakeAuthorizer& owner;
    };

    std::unique_ptr<govern::Authorization>
    check(AuthorizationRequest request, Responder<void> responder) override {
        auto question = std::make_unique<Question>(*this);
        if (!request.interactive && request.action == control::kActionApprove) {
            responder.fail(may_decide ? Errc::unauthorized : Errc::forbidden, "not like this");
            return question;
        }
        if (!request.interactive) {
            ++silent;
            const Errc code = silently.value_or(Errc::unauthorized);
            if (code == Errc::internal)
                responder.answer({});
            else
                responder.fail(code, "not without a password");
            return question;
        }
        ++prompts;
        current = question.get();
        prompt.emplace(Asked{std::move(request), std::move(responder)});
        return question;
    }
    void answer(std::optional<Errc> refusal = {}) {
        ASSERT_TRUE(prompt.has_value());
        Asked asked = std::move(*prompt);
        prompt.reset();
        if (refusal)
            asked.responder.fail(*refusal, "no");
        else
            asked.responder.answer({});
    }
    std::string detail(std::string_view key) const {
        if (prompt)
            for (const auto& [name, value] : prompt->request.details)
                if (name == key)
                    return value;
        return {};
    }

    std::optional<Errc> silently; ///< what polkit says without a prompt; internal: yes
    bool may_decide = true;
    std::optional<Asked> prompt;
    const Question* current = nullptr;
    int silent = 0;
    int prompts = 0;
    int cancelled = 0;
};

constexpr uid_t kAlice = 1001;

class DesktopPromptTest : public testing::Test, public control::ChangeListener {
  protected:
    DesktopPromptTest() { service_.set_change_listener(this); }
    ~DesktopPromptTest() override { service_.set_change_listener(nullptr); }

    void on_session_changed(const SessionId&, bool, bool) override {}
    void on_run_changed(RunId, bool, bool) override {}
    void on_question_changed(const QuestionId&, bool, bool) override {}
    void on_approval_changed(const ApprovalId& approval, bool appeared, bool settled) override {
        if (prompt_)
            prompt_->on_approval_changed(approval, appeared, settled);
    }
    void on_approval_overdue(const ApprovalId& approval) override {
        if (prompt_)
            prompt_->on_approval_overdue(approval);
    }

    void begin() { prompt_.emplace(service_, authorizer_, sessions_, timers_); }
    /// A run of `uid` that waits for an approval.
    RunId gate(uid_t uid = kAlice, const std::string& name = "demo") {
        RunId run;
        control::CreateSession request;
        request.session = SessionId{name};
        service_.create_session(
            Caller::user(uid), request, Responder<control::CreatedSession>([](const auto&) {}));
        control::SubmitInput input;
        input.content = "gate it";
        service_.submit(
            Caller::user(uid),
            SessionId{name},
            input,
            Responder<control::SubmittedRun>([&run](const Result<control::SubmittedRun>& done) {
                ASSERT_TRUE(done.has_value());
                run = done->run;
            }));
        return run;
    }
    std::string state(RunId run) {
        return service_
            .approval_summary(ApprovalId{"approval-" + std::to_string(run.number) + "-1"})
            ->state;
    }
    static UserSession at(const std::string& id) { return {.id = id, .process = 70}; }
    void sit(uid_t uid, UserSessions::Found session) {
        sessions_.sessions[uid] = std::move(session);
        if (sessions_.listener)
            sessions_.listener();
    }

    control::FakeService service_;
    FakeAuthorizer authorizer_;
    FakeSessions sessions_;
    ManualTimers timers_;
    std::optional<DesktopPrompt> prompt_;
};

TEST_F(DesktopPromptTest, WhoAuthenticatesHasAllowedWhatWasShown) {
    begin();
    sit(kAlice, at("c1"));
    const RunId run = gate();
    ASSERT_TRUE(authorizer_.prompt.has_value());
    const AuthorizationRequest& request = authorizer_.prompt->request;
    ASSERT_TRUE(request.process.has_value());
    EXPECT_EQ(request.process->pid, 70);
    EXPECT_EQ(request.process->uid, kAlice);
    EXPECT_EQ(request.bus_name, "");
    EXPECT_EQ(request.action, "ai.kheish.daemon1.release");
    EXPECT_EQ(authorizer_.detail("session"), "demo");
    EXPECT_EQ(authorizer_.detail("tool"), "bash");
    EXPECT_EQ(authorizer_.detail("summary"), "rm -rf build");
    const std::string digest = authorizer_.detail("digest");
    EXPECT_EQ(digest.size(), 64U);
    authorizer_.answer();
    EXPECT_EQ(state(run), "allowed");
    EXPECT_EQ(service_.last_caller.principal, Principal::user(kAlice));
    EXPECT_FALSE(service_.last_caller.acts_for_others);
    ASSERT_EQ(service_.last_resolutions.size(), 1U);
    EXPECT_EQ(service_.last_resolutions[0].digest->to_hex(), digest);
    EXPECT_EQ(authorizer_.prompts, 1);
}

TEST_F(DesktopPromptTest, WhatIsBeingReleasedIsNotAskedForAgain) {
    begin();
    sit(kAlice, at("c1"));
    gate();
    const int searches = sessions_.searches;
    authorizer_.answer();
    EXPECT_EQ(sessions_.searches, searches);
    EXPECT_EQ(authorizer_.prompts, 1);
}

TEST_F(DesktopPromptTest, WhoDismissesHasDecidedNothingAndIsLeftAlone) {
    begin();
    sit(kAlice, at("c1"));
    const RunId run = gate();
    authorizer_.answer(Errc::forbidden);
    EXPECT_EQ(state(run), "pending");
    sit(kAlice, at("c1"));
    timers_.advance(std::chrono::hours(2));
    EXPECT_EQ(authorizer_.prompts, 1);
    gate(kAlice, "another");
    EXPECT_EQ(authorizer_.prompts, 2);
    EXPECT_EQ(authorizer_.detail("session"), "another");
}

TEST_F(DesktopPromptTest, AReminderAsksAgainWhoHasDismissed) {
    begin();
    sit(kAlice, at("c1"));
    const RunId run = gate();
    authorizer_.answer(Errc::forbidden);
    service_.escalate(run, {});
    EXPECT_EQ(authorizer_.prompts, 2);
    service_.escalate(run, {});
    EXPECT_EQ(authorizer_.prompts, 2) << "it stands there already";
    authorizer_.answer();
    EXPECT_EQ(state(run), "allowed");
}

TEST_F(DesktopPromptTest, AnEscalationAsksTheOthersWhereTheySit) {
    constexpr uid_t kBob = 1002;
    begin();
    sit(kBob, at("c2"));
    const RunId run = gate();
    EXPECT_EQ(authorizer_.prompts, 0);
    service_.escalate(run, {Principal::user(kBob), Principal::token("ops")});
    ASSERT_EQ(authorizer_.prompts, 1);
    EXPECT_EQ(authorizer_.prompt->request.process->uid, kBob);
    authorizer_.answer();
    EXPECT_EQ(state(run), "allowed");
    EXPECT_EQ(service_.last_caller.principal, Principal::user(kBob));
}

TEST_F(DesktopPromptTest, WhatIsDecidedElsewhereTakesThePromptOfOthersAway) {
    constexpr uid_t kBob = 1002;
    begin();
    sit(kBob, at("c2"));
    const RunId run = gate();
    service_.escalate(run, {Principal::user(kBob)});
    ASSERT_EQ(authorizer_.prompts, 1);
    control::ResolveApprovals request;
    request.resolutions.emplace_back().approval =
        ApprovalId{"approval-" + std::to_string(run.number) + "-1"};
    service_.resolve_approvals(
        Caller::user(kAlice), run, request, Responder<codec::Json>([](const auto&) {}));
    EXPECT_EQ(authorizer_.cancelled, 1);
}

TEST_F(DesktopPromptTest, ARuleThatAllowsEverythingReleasesNothing) {
    begin();
    authorizer_.silently = Errc::internal; // yes
    sit(kAlice, at("c1"));
    const RunId run = gate();
    EXPECT_EQ(state(run), "pending");
    EXPECT_EQ(authorizer_.prompts, 0);
    authorizer_.silently = Errc::forbidden;
    const RunId other = gate(kAlice, "another");
    EXPECT_EQ(state(other), "pending");
    EXPECT_EQ(authorizer_.prompts, 0);
}

TEST_F(DesktopPromptTest, WhoMayNotDecideIsNotAsked) {
    begin();
    authorizer_.may_decide = false;
    sit(kAlice, at("c1"));
    const RunId run = gate();
    EXPECT_EQ(state(run), "pending");
    EXPECT_EQ(authorizer_.silent + authorizer_.prompts, 0);
}

TEST_F(DesktopPromptTest, NobodyIsAskedWhereNobodySits) {
    begin();
    const RunId run = gate();
    EXPECT_EQ(authorizer_.silent + authorizer_.prompts, 0);
    sit(1002, at("c7"));
    EXPECT_EQ(authorizer_.prompts, 0);
    sit(kAlice, at("c1")); // she comes back, or unlocks her screen
    EXPECT_EQ(authorizer_.prompts, 1);
    sit(kAlice, std::nullopt); // and goes
    EXPECT_EQ(authorizer_.cancelled, 1);
    EXPECT_FALSE(authorizer_.prompt.has_value());
    sit(kAlice, at("c2"));
    EXPECT_EQ(authorizer_.prompts, 2);
    sit(kAlice, at("c3"));
    EXPECT_EQ(authorizer_.prompts, 3) << "it follows her";
    EXPECT_EQ(authorizer_.cancelled, 2);
    EXPECT_EQ(state(run), "pending");
}

TEST_F(DesktopPromptTest, ADecisionElsewhereTakesThePromptAway) {
    begin();
    sit(kAlice, at("c1"));
    const RunId run = gate();
    gate(kAlice, "next");
    EXPECT_EQ(authorizer_.prompts, 1) << "one at a time";
    control::ResolveApprovals request;
    control::Resolution& resolution = request.resolutions.emplace_back();
    resolution.approval = ApprovalId{"approval-" + std::to_string(run.number) + "-1"};
    resolution.behavior = control::Resolution::Behavior::deny;
    service_.resolve_approval(
        Caller::user(kAlice), request, Responder<codec::Json>([](const auto&) {}));
    EXPECT_EQ(state(run), "denied");
    EXPECT_EQ(authorizer_.cancelled, 1);
    EXPECT_EQ(authorizer_.prompts, 2);
    EXPECT_EQ(authorizer_.detail("session"), "next");
}

TEST_F(DesktopPromptTest, EveryUserHasAPromptOfTheirOwn) {
    begin();
    sit(kAlice, at("c1"));
    sit(1002, at("c2"));
    gate();
    EXPECT_EQ(authorizer_.prompt->request.process->uid, kAlice);
    gate(1002, "bobs");
    EXPECT_EQ(authorizer_.prompt->request.process->uid, 1002U);
    EXPECT_EQ(authorizer_.prompts, 2);
}

TEST_F(DesktopPromptTest, AnAgentThatIsNotThereMayComeLater) {
    begin();
    sit(kAlice, at("c1"));
    gate();
    seconds wait = DesktopPrompt::kFirstRetry;
    for (int tries = 1; tries <= 8; ++tries) {
        ASSERT_EQ(authorizer_.prompts, tries);
        authorizer_.answer(Errc::unauthorized);
        timers_.advance(wait - seconds(1));
        EXPECT_EQ(authorizer_.prompts, tries);
        timers_.advance(seconds(1));
        wait = std::min(wait * 2, DesktopPrompt::kLastRetry);
    }
    EXPECT_EQ(authorizer_.prompts, 9);
}

TEST_F(DesktopPromptTest, APromptThatNobodyAnswersGoesAndComesAgain) {
    begin();
    sit(kAlice, at("c1"));
    const RunId run = gate();
    timers_.advance(DesktopPrompt::kPatience);
    EXPECT_EQ(authorizer_.cancelled, 1);
    EXPECT_EQ(state(run), "pending");
    timers_.advance(DesktopPrompt::kPause - seconds(1));
    EXPECT_EQ(authorizer_.prompts, 1);
    timers_.advance(seconds(1));
    EXPECT_EQ(authorizer_.prompts, 2);
}

TEST_F(DesktopPromptTest, WhatWaitedBeforeIsAskedFor) {
    const RunId run = gate();
    sessions_.sessions[kAlice] = at("c1");
    begin();
    ASSERT_EQ(authorizer_.prompts, 1);
    authorizer_.answer();
    EXPECT_EQ(state(run), "allowed");
}

TEST_F(DesktopPromptTest, AnswersAfterItsEndAreNotHeard) {
    sessions_.holds = true;
    begin();
    gate();
    ASSERT_EQ(sessions_.held.size(), 1U);
    prompt_.reset();
    sessions_.held[0].answer(at("c1"));
    EXPECT_EQ(authorizer_.silent, 0);
}

TEST_F(DesktopPromptTest, WhatChangesDuringALookIsLookedAtAgain) {
    sessions_.holds = true;
    begin();
    gate();
    sessions_.listener();
    sessions_.listener();
    EXPECT_EQ(sessions_.searches, 1);
    sessions_.held[0].answer(at("c1"));
    EXPECT_EQ(sessions_.searches, 2);
    EXPECT_EQ(authorizer_.silent, 0) << "what was found may be old";
    sessions_.held[1].answer(at("c1"));
    EXPECT_EQ(authorizer_.prompts, 1);
}

} // namespace
} // namespace kheish::bus
