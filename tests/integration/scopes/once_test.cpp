#include "run_host_fixture.hpp"

/// What a runner and a daemon that have lost sight of each other do not do twice.
namespace kheish::scopes {
namespace {

// As after an older copy of the journal was put in place while the run went on.
TEST_F(RunHostTest, ARunnerThatHasHadACallAcknowledgedThatTheJournalWaitsForIsALoss) {
    launch();
    execute("done", "echo x >> count");
    ASSERT_TRUE(hears("finished done"));
    host_->acknowledge(kRun, CallId{"done"});
    execute("next", "echo next");
    ASSERT_TRUE(hears("finished next")); // so the acknowledgement has arrived
    restart();
    host_->adopt(kRun, 1);
    ASSERT_TRUE(hears("adopted 1"));
    execute("done", "echo x >> count");
    ASSERT_TRUE(hears("lost 1"));
    EXPECT_EQ(runner().read("count"), "x\n") << "a call was executed twice";
    EXPECT_EQ(launcher_.stops.size(), std::size_t{1});
}

TEST_F(RunHostTest, AnEditIsMadeOnceItsChangeIsOnRecordWhoeverAsksThen) {
    launch();
    execute_edit();
    const codec::ContentChange change{codec::sha256("one two"), codec::sha256("one 2")};
    EXPECT_EQ(listener_.prepared.at(CallId{"edit"}), change);
    EXPECT_EQ(runner().read("a"), "one two");
    restart(); // whatever became of the answer
    host_->adopt(kRun, 1);
    ASSERT_TRUE(hears("adopted 1"));
    ASSERT_TRUE(hears("prepared edit"));
    EXPECT_EQ(runner().read("a"), "one two");
    host_->proceed(kRun, CallId{"edit"});
    ASSERT_TRUE(hears("finished edit"));
    EXPECT_EQ(listener_.outcomes.at(CallId{"edit"}).kind, Outcome::Kind::ok);
    EXPECT_EQ(runner().read("a"), "one 2");
}

TEST_F(RunHostTest, AnEditThatIsNotWantedAnyMoreIsNotMade) {
    launch();
    execute_edit();
    host_->cancel(kRun, CallId{"edit"});
    ASSERT_TRUE(hears("finished edit"));
    EXPECT_EQ(listener_.outcomes.at(CallId{"edit"}).kind, Outcome::Kind::cancelled);
    EXPECT_EQ(runner().read("a"), "one two");
}

} // namespace
} // namespace kheish::scopes
