#include "story.hpp"

/// What the project permits is known before anything is judged.
namespace kheish::engine {
namespace {

using codec::blob_ref;
using Texts = std::vector<std::string>;

const CallId kCall = call_id(1, 0);

class Project : public ::testing::Test {
  protected:
    void SetUp() override {
        RunAccepted request;
        request.reads_project = true;
        story.start(std::move(request));
    }
    void propose() {
        story.ask_model();
        story.answer({proposed(1, 0)});
    }
    void launch(ProjectPermissions project, int attempt = 1) {
        story.happen(LaunchRequested{attempt, "b1"});
        story.happen(Launched{attempt, "kheish-run-7.scope", {}, std::move(project)});
    }

    Story story;
};

TEST_F(Project, CallsWaitForItUnjudged) {
    propose();
    EXPECT_EQ(story.next(), Texts{"Launch attempt 1 in 0 us"});
    EXPECT_EQ(wait_reason(story.state), WaitReason::launch);
    story.happen(LaunchRequested{1, "b1"});
    EXPECT_TRUE(story.next().empty());
    story.happen(Launched{1, "u", {}, ProjectPermissions{blob_ref("rules"), {}}});
    EXPECT_TRUE(story.wants<JudgeCall>());
    EXPECT_EQ(story.state.project->text, blob_ref("rules"));
}

TEST_F(Project, IsAskedForBeforeTheRunnerIsNeeded) {
    story.happen(LaunchRequested{1, "b1"});
    story.happen(LaunchFailed{1, "not yet", false});
    propose();
    EXPECT_TRUE(story.wants<Launch>());
    EXPECT_FALSE(story.wants<JudgeCall>());
}

TEST_F(Project, ARunnerThatSaysNothingOfItIsNotTaken) {
    story.happen(LaunchRequested{1, "b1"});
    story.refuse(Launched{1, "u", {}}, "does not say what the project permits");
    story.happen(Launched{1, "u", {}, ProjectPermissions{}});
}

TEST_F(Project, NeitherIsOneThatIsFoundAgain) {
    story.happen(LaunchRequested{1, "b1"});
    story.happen(RunRecovered{"b1"});
    story.refuse(RunnerAdopted{1, {}, {}}, "does not say what the project permits");
    story.happen(RunnerAdopted{1, {}, {}, ProjectPermissions{}});
    propose();
    EXPECT_TRUE(story.wants<JudgeCall>());
}

TEST_F(Project, ThatCannotBeFollowedFailsTheRun) {
    propose();
    launch({blob_ref("rules = 7"), "line 1 is wrong"});
    EXPECT_EQ(story.effect<Finish>().code, "project_permissions_invalid");
    EXPECT_EQ(story.effect<Finish>().reason, "line 1 is wrong");
    story.cooperate();
    EXPECT_EQ(story.state.status, RunStatus::failed);
}

TEST_F(Project, HoldsForTheWholeRun) {
    launch({blob_ref("first"), {}});
    story.happen(ScopeEnded{1, true, "killed", {}});
    propose();
    story.happen(LaunchRequested{2, "b1"});
    story.happen(Launched{2, "u", {}, ProjectPermissions{blob_ref("second"), {}}});
    EXPECT_EQ(story.state.project->text, blob_ref("first"));
    EXPECT_TRUE(story.wants<JudgeCall>());
}

TEST(RunsOfBefore, AreJudgedWithoutIt) {
    Story story;
    story.start();
    story.ask_model();
    story.answer({proposed(1, 0)});
    EXPECT_TRUE(story.wants<JudgeCall>());
}

} // namespace
} // namespace kheish::engine
