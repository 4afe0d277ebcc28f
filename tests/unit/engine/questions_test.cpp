#include "promises.hpp"
#include "story.hpp"

#include <gtest/gtest.h>

/// Calls that a person carries out: asked once nothing else of the turn is at work, answered once.
namespace kheish::engine {
namespace {

class Questions : public ::testing::Test {
  protected:
    void SetUp() override {
        story.start();
        story.launch();
        story.ask_model();
    }
    static ProposedCall question(std::size_t index) {
        ProposedCall call = proposed(1, index);
        call.tool = "ask_user_question";
        call.place = ToolPlace::person;
        return call;
    }
    void ask(const CallId& call) {
        story.judge(call, Decision::allow);
        EXPECT_EQ(story.effect<AskQuestion>().call, call);
        story.happen(QuestionAsked{q, call, "Really?", {100, 50, "b1"}});
    }
    QuestionResolved answer(bool declined = false) const {
        return {q, a, declined, codec::blob_ref("yes"), ""};
    }

    Story story;
    const CallId a = call_id(1, 0);
    const CallId b = call_id(1, 1);
    const QuestionId q{"question-7-1"};
};

TEST_F(Questions, WaitForAPersonAndTheAnswerIsTheResult) {
    story.answer({question(0)});
    ask(a);
    EXPECT_EQ(story.state.status, RunStatus::waiting_for_user_question);
    EXPECT_EQ(wait_reason(story.state), WaitReason::question);
    EXPECT_EQ(story.effect<ArmQuestionTimer>(), (ArmQuestionTimer{q, a, {100, 50, "b1"}}));
    story.happen(answer());
    EXPECT_EQ(story.state.status, RunStatus::running);
    story.settle_all();
    EXPECT_EQ(story.state.transcript.back().content, codec::blob_ref("yes"));
    EXPECT_FALSE(story.state.transcript.back().is_error);
    story.refuse(answer(), "does not wait");
}

TEST_F(Questions, DeclinedIsAResultToo) {
    story.answer({question(0)});
    ask(a);
    story.happen(answer(true));
    story.settle_all();
    EXPECT_TRUE(story.state.transcript.back().is_error);
    EXPECT_EQ(story.state.status, RunStatus::running);
}

TEST_F(Questions, ThatExpireCancelTheRun) {
    story.answer({question(0)});
    ask(a);
    story.happen(QuestionExpired{q, a});
    story.refuse(answer(), "ending");
    story.settle_all();
    const Finish finish = story.effect<Finish>();
    EXPECT_EQ(finish.status, RunStatus::cancelled);
    EXPECT_NE(finish.reason.find("was not answered in time"), std::string::npos);
}

TEST_F(Questions, WithoutADeadlineNeverExpire) {
    story.answer({question(0)});
    story.judge(a, Decision::allow);
    story.happen(QuestionAsked{q, a, "Really?", {0, 0, ""}});
    EXPECT_FALSE(story.wants<ArmQuestionTimer>());
    story.refuse(QuestionExpired{q, a}, "does not expire");
}

TEST_F(Questions, ComeAfterWhatIsBeforeThemAndHoldBackWhatIsBehind) {
    story.answer({proposed(1, 0), question(1), proposed(1, 2)});
    for (std::size_t i = 0; i < 3; ++i)
        story.judge(call_id(1, i), Decision::allow);
    EXPECT_FALSE(story.wants<AskQuestion>());
    story.refuse(QuestionAsked{q, b, "Really?", {0, 0, ""}}, "nothing to ask now");
    story.start_calls();
    story.finish(a);
    story.happen(QuestionAsked{q, b, "Really?", {0, 0, ""}});
    EXPECT_FALSE(story.wants<StartCalls>());
    story.happen(QuestionResolved{q, b, false, codec::blob_ref("yes"), ""});
    story.settle_all();
    EXPECT_TRUE(story.wants<StartCalls>());
}

TEST_F(Questions, SurviveARestart) {
    story.answer({question(0)});
    ask(a);
    story.recover();
    EXPECT_EQ(story.state.status, RunStatus::waiting_for_user_question);
    story.happen(answer());
}

TEST_F(Questions, AreNotStartedAsWork) {
    story.answer({question(0)});
    story.judge(a, Decision::allow);
    story.refuse(ToolStarted{a, 1, 1, idempotency_key(story.state, a)}, "a person is asked");
    story.refuse(QuestionAsked{QuestionId{"question-7-2"}, a, "", {0, 0, ""}}, "question-7-1");
}

TEST_F(Questions, AreNotAskedOfWorkForOthers) {
    story.answer({proposed(1, 0)});
    story.judge(a, Decision::allow);
    story.refuse(QuestionAsked{q, a, "", {0, 0, ""}}, "not for a person");
}

} // namespace
} // namespace kheish::engine
