#include "control_fixture.hpp"

#include <chrono>

/// What a run asks a person: it waits, through restarts, for all the answers at once.
namespace kheish::control {
namespace {

using codec::Json;
using std::chrono::microseconds;
using namespace std::chrono_literals;

const models::ToolCall kAsk{
    "toolu_1",
    "ask_user_question",
    R"({"questions":[
        {"id":"color","question":"Which color?","options":[{"id":"red","label":"Red"},{"id":"blue","label":"Blue"}]},
        {"id":"sizes","question":"Which sizes?","multi_select":true,"options":[{"label":"S"},{"label":"L"}]}
    ]})"};
const models::ToolCall kAskForAnHour{
    "toolu_1",
    "ask_user_question",
    R"({"questions":[{"question":"Go on?"}],"expires_after_ms":3600000})"};

class QuestionsTest : public ControlFixture {
  protected:
    RunId ask(const models::ToolCall& call) {
        make_session("demo");
        const RunId run = submit("demo", "paint");
        launched(run);
        routes_->fake.answer_calls({call});
        settle();
        return run;
    }
    Result<Json> resolve_question(RunId run, ResolveQuestion request, uid_t uid = kAlice) {
        return wait_for<Json>([&](Responder<Json> responder) {
            plane_->resolve_question(
                Caller::user(uid), run, std::move(request), std::move(responder));
        });
    }
    Result<Json> cancel_question(RunId run, const std::string& question) {
        return wait_for<Json>([&](Responder<Json> responder) {
            plane_->cancel_question(
                Caller::user(kAlice),
                run,
                {QuestionId{question}, "not now", std::nullopt},
                std::move(responder));
        });
    }
    static ResolveQuestion full_answer() {
        ResolveQuestion request;
        request.question = QuestionId{"question-1-1"};
        request.answers = {{"color", {"blue"}, ""}, {"sizes", {"o1", "o2"}, "and XL"}};
        return request;
    }
    std::string told() const {
        const std::shared_ptr<FakeModel::Call> call = routes_->fake.current();
        if (call == nullptr)
            return "the model was not asked";
        const auto* result =
            std::get_if<models::ToolResult>(&call->request.messages.back().parts.back());
        return result == nullptr ? "no tool result" : result->text;
    }
};

TEST_F(QuestionsTest, TheAnswersAreTheResult) {
    const RunId run = ask(kAsk);
    EXPECT_EQ(status(run), "waiting_for_user_question");
    EXPECT_EQ(wait_reason(run), "question");
    EXPECT_EQ(view(run).find("pending_question_ids")->at(0).string(), "question-1-1");
    EXPECT_FALSE(view(run).find("pending_approval_ids"));
    const Json asked = *view(run).find("pending_questions")->at(0).find("questions");
    EXPECT_EQ(asked.at(1).find("options")->at(1).find("id")->string(), "o2") << "named by kheishd";
    EXPECT_NE(
        view(run).find("explanation")->find("text")->string().find("Which color?"),
        std::string::npos);
    EXPECT_EQ(plane_->questions_view(Caller::user(kAlice), {})->size(), 1U);
    EXPECT_EQ(plane_->questions_view(Caller::user(kBob), {})->size(), 0U);
    EXPECT_EQ(plane_->approvals_view(Caller::user(kAlice), {})->size(), 0U);
    EXPECT_EQ(
        plane_->approval_view(Caller::user(kAlice), ApprovalId{"question-1-1"}).error().code,
        Errc::approval_not_found);
    EXPECT_FALSE(resolve(run, "question-1-1", true).has_value()) << "it is no permission";
    EXPECT_EQ(resolve_question(run, full_answer(), kBob).error().code, Errc::forbidden);

    ASSERT_TRUE(resolve_question(run, full_answer()).has_value());
    EXPECT_EQ(
        told(),
        R"({"answers":[{"question":"Which color?","question_id":"color","selected":["Blue"]},)"
        R"({"answer":"and XL","question":"Which sizes?","question_id":"sizes","selected":["S","L"]}]})");
    EXPECT_EQ(
        plane_->question_view(Caller::user(kAlice), QuestionId{"question-1-1"})
            ->find("state")
            ->string(),
        "answered");
    routes_->fake.answer("Painted.");
    settle();
    EXPECT_EQ(status(run), "completed");
    expect_rows_follow_events(run);
}

TEST_F(QuestionsTest, OnePersonAnswersOnce) {
    const RunId run = ask(kAsk);
    ResolveQuestion request = full_answer();
    request.idempotency_key = "key";
    ASSERT_TRUE(resolve_question(run, request).has_value());
    EXPECT_TRUE(resolve_question(run, request).has_value()) << "asked again, after a lost answer";
    ResolveQuestion other = request;
    other.answers[0].options = {"red"};
    EXPECT_EQ(resolve_question(run, other).error().code, Errc::idempotency_conflict);
    other.idempotency_key.reset();
    EXPECT_EQ(resolve_question(run, other).error().code, Errc::question_resolution_conflict);
}

TEST_F(QuestionsTest, WhatDoesNotAnswerExactlyWhatIsAskedChangesNothing) {
    const RunId run = ask(kAsk);
    const auto refusal = [this, run](ResolveQuestion request) {
        const Result<Json> result = resolve_question(run, std::move(request));
        return result ? Errc::internal : result.error().code;
    };
    const std::vector<Answer> good = full_answer().answers;
    const auto with = [&good](const Answer& first) {
        ResolveQuestion request = full_answer();
        request.answers = {first, good[1]};
        return request;
    };
    EXPECT_EQ(refusal(with({"shape", {"red"}, ""})), Errc::question_unknown_answer);
    EXPECT_EQ(refusal(with(good[1])), Errc::question_duplicate_answer);
    EXPECT_EQ(refusal(with({"color", {"green"}, ""})), Errc::question_option_not_found);
    EXPECT_EQ(refusal(with({"color", {"red", "red"}, ""})), Errc::question_duplicate_option);
    EXPECT_EQ(
        refusal(with({"color", {"red", "blue"}, ""})), Errc::question_single_select_violation);
    EXPECT_EQ(refusal(with({"color", {}, " "})), Errc::question_answer_empty);
    ResolveQuestion partial = full_answer();
    partial.answers.pop_back();
    EXPECT_EQ(refusal(partial), Errc::question_answer_missing);
    ResolveQuestion both = full_answer();
    both.declined = true;
    EXPECT_EQ(refusal(both), Errc::question_declined_with_answers);
    ResolveQuestion elsewhere = full_answer();
    elsewhere.question = QuestionId{"question-1-2"};
    EXPECT_EQ(refusal(elsewhere), Errc::question_request_mismatch);
    EXPECT_EQ(status(run), "waiting_for_user_question");
    EXPECT_TRUE(resolve_question(run, full_answer()).has_value()) << "it waits as before";
}

TEST_F(QuestionsTest, DecliningIsToldToTheModel) {
    const RunId run = ask(kAsk);
    ResolveQuestion request;
    request.question = QuestionId{"question-1-1"};
    request.declined = true;
    request.justification = "ask the painter";
    ASSERT_TRUE(resolve_question(run, request).has_value());
    EXPECT_EQ(told(), "The user declined to answer: ask the painter");
}

TEST_F(QuestionsTest, WaitThroughARestartWithoutAProcess) {
    const RunId run = ask(kAsk);
    timers_->pass(61s);
    settle();
    ASSERT_EQ(host_->stops.size(), 1U) << "a question costs no process";
    host_->observer->on_stopped(run, 1, {});
    settle();
    crash();
    boot();
    EXPECT_EQ(host_->swept, (std::vector<std::pair<RunId, int>>{{run, 0}}))
        << "the sweep spares its slice, which counts what it used";
    EXPECT_EQ(status(run), "waiting_for_user_question");
    ASSERT_TRUE(resolve_question(run, full_answer()).has_value());
    EXPECT_NE(told().find("Blue"), std::string::npos);
    expect_rows_follow_events(run);
}

TEST_F(QuestionsTest, CancellingCancelsTheRunAsLongAsItWaitsForThatQuestion) {
    const RunId run = ask(kAsk);
    EXPECT_EQ(cancel_question(run, "question-1-7").error().code, Errc::question_request_mismatch);
    EXPECT_EQ(status(run), "waiting_for_user_question");
    ASSERT_TRUE(cancel_question(run, "question-1-1").has_value());
    EXPECT_EQ(status(run), "cancelled");
    EXPECT_EQ(resolve_question(run, full_answer()).error().code, Errc::question_state_conflict);
    expect_rows_follow_events(run);
}

TEST_F(QuestionsTest, ALateCancelChangesNothing) {
    const RunId run = ask(kAsk);
    ASSERT_TRUE(resolve_question(run, full_answer()).has_value());
    EXPECT_EQ(
        cancel_question(run, "question-1-1").error().code, Errc::question_resolution_conflict);
    EXPECT_EQ(status(run), "running");
}

TEST_F(QuestionsTest, ThatNobodyAnswersInTimeCancelTheRunOnceAndNeverEarly) {
    const RunId run = ask(kAskForAnHour);
    EXPECT_TRUE(view(run).find("pending_questions")->at(0).find("expires_at_ms"));
    timers_->pass(3599s);
    settle();
    EXPECT_EQ(status(run), "waiting_for_user_question");
    crash();
    boot();
    timers_->pass(1s);
    settle();
    EXPECT_EQ(status(run), "cancelled");
    EXPECT_EQ(resolve_question(run, full_answer()).error().code, Errc::question_expired);
    expect_rows_follow_events(run);
}

TEST_F(QuestionsTest, ADeadlineThatPassesWhileKheishdIsAwayIsKept) {
    const RunId run = ask(kAskForAnHour);
    crash();
    clock_.advance(2h);
    boot();
    timers_->pass(0s);
    settle();
    EXPECT_EQ(status(run), "cancelled");
}

TEST_F(QuestionsTest, ATimeFromNowIsNotShortenedBySettingTheClock) {
    const RunId run = ask(kAskForAnHour);
    clock_.set_wall(clock_.now().wall_us + microseconds(25h).count());
    timers_->pass(59min);
    settle();
    EXPECT_EQ(status(run), "waiting_for_user_question");
    clock_.set_wall(clock_.now().wall_us - microseconds(50h).count());
    timers_->pass(1min);
    settle();
    EXPECT_EQ(status(run), "cancelled") << "nor made longer";
}

TEST_F(QuestionsTest, AfterARebootTheWallClockCountsHoweverItIsSet) {
    const RunId run = ask(kAskForAnHour);
    const std::int64_t asked_us = clock_.now().wall_us;
    crash();
    clock_.reboot(40min); // its battery is empty
    boot();
    host_->observer->on_lost(run, 1, {}, "the host was rebooted");
    timers_->pass(59min);
    settle();
    EXPECT_EQ(status(run), "waiting_for_user_question") << "19 minutes have passed, by that clock";
    clock_.set_wall(asked_us + microseconds(1h).count() - 1);
    timers_->pass(0s);
    settle();
    EXPECT_EQ(status(run), "waiting_for_user_question");
    timers_->pass(1us);
    settle();
    EXPECT_EQ(status(run), "cancelled");
    expect_rows_follow_events(run);
}

TEST_F(QuestionsTest, AMomentOfTheCalendarIsThatMomentHoweverTheClockIsSet) {
    const std::int64_t moment_us = clock_.now().wall_us + microseconds(1h).count();
    const RunId run = ask(
        {"toolu_1",
         "ask_user_question",
         R"({"questions":[{"question":"Go on?"}],"expires_at_ms":)" +
             std::to_string(moment_us / 1000) + "}"});
    clock_.set_wall(clock_.now().wall_us - microseconds(2h).count());
    timers_->pass(2h);
    settle();
    EXPECT_EQ(status(run), "waiting_for_user_question");
    clock_.set_wall(moment_us);
    timers_->pass(0s);
    settle();
    EXPECT_EQ(status(run), "cancelled");
}

TEST_F(QuestionsTest, NobodyIsAskedInModeDontAsk) {
    settings_.permission_mode = govern::Mode::dont_ask;
    crash();
    boot();
    const RunId run = ask(kAsk);
    EXPECT_EQ(status(run), "running");
    EXPECT_NE(told().find("nobody is there to answer"), std::string::npos);
}

TEST_F(QuestionsTest, WhatIsNoQuestionIsTheModelsMistake) {
    const RunId run = ask({"toolu_1", "ask_user_question", R"({"questions":[]})"});
    EXPECT_EQ(status(run), "running");
    EXPECT_NE(told().find("must hold 1 to 4 questions"), std::string::npos);
}

} // namespace
} // namespace kheish::control
