#include "control/explain.hpp"
#include "control_fixture.hpp"

/// Every wait that a run can be in is explained, from what is committed.
namespace kheish::control {
namespace {

const models::ToolCall kBash{"toolu_2", "bash", R"({"command":"make"})"};

using Kind = models::CallError::Kind;

class ExplainTest : public ControlFixture {
  protected:
    void SetUp() override {
        ControlFixture::SetUp();
        make_session("demo");
    }
    codec::Json explanation(RunId run) { return *view(run).find("explanation"); }
    std::string text(RunId run) { return explanation(run).find("text")->string(); }
    std::string ended_by(RunId run) { return explanation(run).find("ended_by")->string(); }
    /// A run whose model has failed once.
    RunId submit_and_fail(Kind kind, std::optional<std::chrono::microseconds> retry_after = {}) {
        const RunId run = submit("demo", "x");
        launched(run);
        routes_->fake.fail(kind, retry_after);
        settle();
        return run;
    }
    bool says(RunId run, const std::string& words) {
        return text(run).find(words) != std::string::npos;
    }
};

TEST_F(ExplainTest, ALineNamesTheRunThatIsBefore) {
    const RunId first = submit("demo", "x");
    const RunId second = submit("demo", "y");
    const RunId third = submit("demo", "z");
    EXPECT_EQ(text(second), first.to_string() + " of the same session is not over");
    EXPECT_EQ(ended_by(second), "the end of " + first.to_string());
    EXPECT_TRUE(says(third, "with 1 before it")) << text(third);
}

TEST_F(ExplainTest, AFullMachineIsNamedWhereTheSessionIsIdle) {
    settings_.live_runs = 1;
    crash();
    boot();
    submit("demo", "x");
    make_session("other");
    const RunId run = submit("other", "y");
    EXPECT_EQ(wait_reason(run), "queue");
    EXPECT_TRUE(says(run, "as many runs as it may at once")) << text(run);
}

TEST_F(ExplainTest, AModelIsNamedWithTheTurn) {
    const RunId run = submit("demo", "x");
    launched(run);
    EXPECT_TRUE(says(run, "fake/fake-1")) << text(run);
    EXPECT_TRUE(says(run, "turn 1, attempt 1")) << text(run);
}

TEST_F(ExplainTest, AnUnreachableProviderIsNamedWithTheNextTry) {
    const RunId run = submit_and_fail(Kind::network);
    ASSERT_EQ(wait_reason(run), "network");
    EXPECT_TRUE(says(run, "cannot be reached")) << text(run);
    ASSERT_TRUE(explanation(run).find("until_ms").has_value());
    EXPECT_GT(explanation(run).find("until_ms")->integer(), clock_.now().wall_us / 1000);
}

TEST_F(ExplainTest, ARetryAfterIsExactToTheSecondItIsDue) {
    const RunId run = submit_and_fail(Kind::rate_limited, std::chrono::hours(72));
    ASSERT_EQ(wait_reason(run), "timer");
    const std::int64_t due_ms = explanation(run).find("until_ms")->integer();
    EXPECT_GE(due_ms, clock_.now().wall_us / 1000 + 72LL * 3600 * 1000);
    crash();
    boot();
    host_->observer->on_adopted(run, 1, {});
    settle();
    EXPECT_EQ(explanation(run).find("until_ms")->integer(), due_ms) << "a restart moves nothing";
}

TEST_F(ExplainTest, AGateIsNamedWithWhoDecides) {
    const RunId run = submit("demo", "build");
    launched(run);
    routes_->fake.answer_calls({kBash});
    settle();
    EXPECT_TRUE(says(run, "bash wants to do this: ")) << text(run);
    EXPECT_TRUE(says(run, only_approval(run))) << text(run);
    EXPECT_EQ(ended_by(run).rfind("user:1001 or an administrator", 0), 0U) << ended_by(run);
    ASSERT_TRUE(resolve(run, only_approval(run), true).has_value());
    EXPECT_EQ(text(run), "tools are at work: bash (call-1-0)");
    host_->observer->on_lost(run, 1, {}, "killed");
    settle();
    ASSERT_EQ(wait_reason(run), "outcome_unknown");
    EXPECT_TRUE(says(run, "nobody knows whether bash has happened")) << text(run);
}

TEST_F(ExplainTest, AnEndSaysHow) {
    const RunId run = submit_and_fail(Kind::invalid_request);
    ASSERT_EQ(status(run), "failed");
    EXPECT_EQ(text(run).rfind("it is over, failed: ", 0), 0U) << text(run);
}

TEST(Explain, EscapesAndCutsWhatOthersSay) {
    journal::RunRow row;
    row.status = "failed";
    row.error = "\x1b[2J" + std::string(kExplainedBytes * 10, 'x');
    const std::string text = explain(row, {}, {}).find("text")->string();
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_LT(text.size(), kExplainedBytes * 2);
}

TEST(Explain, SaysThatTheJournalIsInTheWay) {
    journal::RunRow row;
    row.status = "running";
    row.wait_reason = "model";
    Surroundings surroundings;
    surroundings.writable = false;
    EXPECT_NE(
        explain(row, {}, surroundings).find("text")->string().find("journal cannot be written"),
        std::string::npos);
}

TEST(Explain, HasAWordForEveryWait) {
    for (const std::string_view reason :
         {"queue",
          "model",
          "tools",
          "approval",
          "outcome_unknown",
          "timer",
          "network",
          "launch",
          "budget"}) {
        journal::RunRow row;
        row.status = "running";
        row.wait_reason = reason;
        const codec::Json words = explain(row, {}, {});
        EXPECT_FALSE(words.find("text")->string().empty()) << reason;
        EXPECT_FALSE(words.find("ended_by")->string().empty()) << reason;
    }
}

} // namespace
} // namespace kheish::control
