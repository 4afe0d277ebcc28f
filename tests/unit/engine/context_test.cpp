#include "story.hpp"

namespace kheish::engine {
namespace {

using codec::blob_ref;

constexpr std::int64_t kNoLimit = 1'000'000;

class Context : public ::testing::Test {
  protected:
    Story story;

    void start(std::int64_t limit_bytes) {
        RunAccepted request;
        request.context_limit_bytes = limit_bytes;
        request.max_turns = 0;
        story.start(std::move(request));
        story.launch();
    }

    /// A turn with one call of this class; the answer and the result are some 20 bytes.
    void turn(EffectClass effect_class = EffectClass::pure) {
        if (story.wants<TrimContext>())
            story.happen(ContextTrimmed{story.effect<TrimContext>().first_turn});
        story.ask_model();
        const int turn = story.state.model.turn;
        ProposedCall call = proposed(turn, 0, effect_class);
        call.input = blob_ref("input " + std::to_string(turn));
        story.answer({call});
        story.judge(call_id(turn, 0), Decision::allow);
        story.start_calls();
        story.finish(call_id(turn, 0));
    }

    std::vector<int> turns_shown() const {
        std::vector<int> turns;
        for (const TranscriptEntry& entry : story.state.transcript)
            if (turns.empty() || turns.back() != entry.turn)
                turns.push_back(entry.turn);
        return turns;
    }

    std::int64_t bytes_shown() const {
        std::int64_t bytes = 0;
        for (const TranscriptEntry& entry : story.state.transcript)
            if (entry.turn > 0)
                bytes += entry.content.size_bytes;
        return bytes;
    }
};

TEST_F(Context, TheOldestTurnsAreLeftOutDownToHalfOfTheLimit) {
    start(100);
    for (int i = 0; i < 3; ++i)
        turn();
    EXPECT_EQ(story.state.context.bytes, bytes_shown());
    EXPECT_FALSE(story.wants<TrimContext>());
    while (!story.wants<TrimContext>())
        turn();
    EXPECT_GT(bytes_shown(), 100);
    const int last = story.state.model.turn;
    const TrimContext trim = story.effect<TrimContext>();
    // Asked for in the same breath, with the shorter prompt.
    EXPECT_EQ(story.effect<RequestModel>(), (RequestModel{last + 1, 1}));
    story.happen(ContextTrimmed{trim.first_turn});
    EXPECT_LE(bytes_shown(), 50);
    EXPECT_EQ(story.state.context.bytes, bytes_shown());
    const std::vector<int> shown = turns_shown();
    EXPECT_EQ(shown.front(), 0) << "the input stays";
    EXPECT_EQ(shown[1], trim.first_turn);
    EXPECT_EQ(shown.back(), last);
    EXPECT_FALSE(story.wants<TrimContext>());
}

TEST_F(Context, IsBoundedHoweverLongTheRun) {
    start(1000);
    std::size_t most = 0;
    constexpr int kTurns = 2000;
    for (int i = 0; i < kTurns; ++i) {
        turn(EffectClass::keyed);
        most = std::max(most, story.state.transcript.size());
    }
    EXPECT_LT(most, 200U);
    EXPECT_EQ(story.state.context.earlier_calls.size(), kMaxEarlierCalls);
}

TEST_F(Context, WhatMayHaveChangedSomethingIsRemembered) {
    start(kNoLimit);
    turn(EffectClass::at_most_once);
    turn(EffectClass::pure);
    turn(EffectClass::keyed);
    turn();
    story.happen(ContextTrimmed{4});
    const std::vector<EffectiveCall>& earlier = story.state.context.earlier_calls;
    ASSERT_EQ(earlier.size(), 2U);
    EXPECT_EQ(earlier[0].input, blob_ref("input 1"));
    EXPECT_EQ(earlier[1].input, blob_ref("input 3"));
}

TEST_F(Context, ACallThatWasDeniedIsNot) {
    start(kNoLimit);
    story.ask_model();
    story.answer({proposed(1, 0, EffectClass::at_most_once)});
    story.judge(call_id(1, 0), Decision::deny);
    story.settle_all();
    for (int i = 0; i < 3; ++i)
        turn();
    story.happen(ContextTrimmed{2});
    EXPECT_TRUE(story.state.context.earlier_calls.empty());
}

TEST_F(Context, OneLongTurnIsShownInFull) {
    start(4);
    turn();
    EXPECT_GT(bytes_shown(), 4);
    EXPECT_FALSE(story.wants<TrimContext>());
    turn();
    EXPECT_EQ(story.effect<TrimContext>(), (TrimContext{2}));
}

TEST_F(Context, APromptThatIsTooLongForTheProviderIsHalved) {
    start(kNoLimit);
    for (int i = 0; i < 8; ++i)
        turn();
    const std::int64_t before = bytes_shown();
    story.ask_model();
    story.fail_model("context_overflow", false);
    const TrimContext trim = story.effect<TrimContext>();
    EXPECT_FALSE(story.wants<Finish>());
    story.happen(ContextTrimmed{trim.first_turn});
    EXPECT_LE(bytes_shown(), before / 2);
    EXPECT_EQ(story.effect<RequestModel>(), (RequestModel{9, 2}));
    story.ask_model();
    story.answer_text();
    story.cooperate();
    EXPECT_EQ(story.state.status, RunStatus::completed);
}

// As in a run of before there was a limit, whose provider is down when kheishd is upgraded.
TEST_F(Context, AFailureOfAnotherKindIsWaitedOutFirst) {
    start(60);
    for (int i = 0; i < 2; ++i)
        turn();
    story.ask_model();
    story.answer({proposed(3, 0)});
    story.judge(call_id(3, 0), Decision::allow);
    story.start_calls();
    story.finish(call_id(3, 0));
    EXPECT_TRUE(story.wants<TrimContext>());
    story.ask_model(); // with all of it
    story.fail_model("server");
    EXPECT_FALSE(story.wants<TrimContext>());
    EXPECT_FALSE(story.wants<RequestModel>());
    story.happen(*intent(story.state, story.effect<ScheduleModelRetry>()));
    story.happen(ModelRetryDue{4, 2});
    EXPECT_TRUE(story.wants<TrimContext>());
}

TEST_F(Context, APromptThatCannotBecomeShorterIsTheEnd) {
    start(kNoLimit);
    for (int i = 0; i < 4; ++i)
        turn();
    int overflows = 0;
    while (!story.wants<Finish>() && overflows < 10) {
        story.ask_model();
        story.fail_model("context_overflow", false);
        ++overflows;
        if (story.wants<TrimContext>())
            story.happen(ContextTrimmed{story.effect<TrimContext>().first_turn});
    }
    EXPECT_EQ(turns_shown(), (std::vector<int>{0, 4}));
    EXPECT_EQ(story.effect<Finish>().code, "model_context_overflow");
}

TEST_F(Context, OnlyWhatIsShownCanBeLeftOut) {
    start(kNoLimit);
    story.refuse(ContextTrimmed{2}, "cannot be the first");
    for (int i = 0; i < 4; ++i)
        turn();
    story.refuse(ContextTrimmed{1}, "cannot be the first");
    story.refuse(ContextTrimmed{5}, "cannot be the first");
    story.happen(ContextTrimmed{3});
    story.refuse(ContextTrimmed{3}, "cannot be the first");
    story.ask_model();
    story.refuse(ContextTrimmed{4}, "under way");
    story.answer({proposed(5, 0)});
    story.refuse(ContextTrimmed{4}, "not finished");
}

TEST_F(Context, ARestartKnowsWhatIsLeftOut) {
    start(60);
    for (int i = 0; i < 9; ++i)
        turn(EffectClass::keyed);
    const Result<RunState> again = fold(story.events);
    ASSERT_TRUE(again);
    EXPECT_EQ(describe(*again), describe(story.state));
    EXPECT_GT(again->context.first_turn, 1);
}

} // namespace
} // namespace kheish::engine
