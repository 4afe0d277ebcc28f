#include "run_host_fixture.hpp"

namespace kheish::scopes {
namespace {

TEST_F(RunHostTest, RunsCallsAndStops) {
    launch();
    execute("a", "echo hello; exit 2");
    ASSERT_TRUE(hears("finished a"));
    const Outcome& outcome = listener_.outcomes.at(CallId{"a"});
    EXPECT_EQ(outcome.kind, Outcome::Kind::failed);
    EXPECT_EQ(outcome.exit_code, 2);
    ASSERT_TRUE(outcome.spool.has_value());
    EXPECT_EQ(host_->read_spool(kRun, CallId{"a"}, 0, 100).value(), "hello\n");
    EXPECT_EQ(*outcome.spool, codec::blob_ref("hello\n"));
    host_->acknowledge(kRun, CallId{"a"});
    host_->stop(kRun, 1);
    ASSERT_TRUE(hears("stopped 1"));
    EXPECT_EQ(launcher_.stops, (std::vector<std::tuple<std::int64_t, int, bool>>{{17, 1, false}}));
    EXPECT_EQ(host_->read_spool(kRun, CallId{"a"}, 0, 100).value(), "hello\n");
    host_->release(kRun);
    EXPECT_EQ(launcher_.stops.back(), std::make_tuple(std::int64_t{17}, 0, true));
    EXPECT_EQ(listener_.told.size(), std::size_t{3});
}

TEST_F(RunHostTest, ACallWithoutSpoolLeavesNoFile) {
    launch();
    Execution execution;
    execution.call = CallId{"list"};
    execution.tool = "list_files";
    execution.input = "{}";
    host_->execute(kRun, std::move(execution));
    ASSERT_TRUE(hears("finished list"));
    EXPECT_EQ(host_->read_spool(kRun, CallId{"list"}, 0, 1).error().code, Errc::not_found);
}

TEST_F(RunHostTest, ARefusedLaunchIsTold) {
    launcher_.refusal = Error{.code = Errc::sandbox_unavailable, .message = "no Landlock"};
    host_->launch({.run = kRun, .attempt = 1, .workspace = "/w", .limits = {}});
    EXPECT_TRUE(listener_.told.empty());
    ASSERT_TRUE(hears("launch failed 1 no Landlock"));
    EXPECT_TRUE(launcher_.stops.empty());
}

TEST_F(RunHostTest, LimitsThatAreRequiredAndCannotBeKeptFailTheLaunch) {
    host_->launch({.run = kRun, .attempt = 1, .workspace = "/w", .limits = {.require = true}});
    ASSERT_TRUE(hears(
        "launch failed 1 this kernel cannot keep the limits of memory, which limits.require asks"
        " for (kheish.toml(5))"));
    EXPECT_EQ(listener_.told.size(), std::size_t{1}) << "it was never launched";
    EXPECT_EQ(launcher_.stops.size(), std::size_t{1}) << "and nothing of it is left";
}

TEST_F(RunHostTest, ARunnerThatNeverListensIsALaunchThatFailed) {
    launcher_.runner = std::make_unique<RunnerProcess>();
    launcher_.runner->kill();
    host_->launch({.run = kRun, .attempt = 1, .workspace = "/w", .limits = {}});
    ASSERT_TRUE(until([this] { return !listener_.told.empty(); }));
    EXPECT_TRUE(listener_.told.front().starts_with("launch failed 1 connecting to "));
    EXPECT_EQ(launcher_.stops.size(), std::size_t{1});
}

TEST_F(RunHostTest, ADeadRunnerIsLostOnceNothingIsLeft) {
    launch();
    execute("a", "sleep 1000");
    ASSERT_TRUE(sees([] { return true; }));
    launcher_.runner->kill();
    ASSERT_TRUE(hears("lost 1"));
    EXPECT_EQ(launcher_.stops.size(), std::size_t{1});
    EXPECT_FALSE(listener_.has("finished a"));
    execute("b", "echo late"); // for an attempt that is not live: ignored
    host_->acknowledge(kRun, CallId{"a"});
    host_->cancel(kRun, CallId{"a"});
    EXPECT_EQ(listener_.told.size(), std::size_t{2});
}

TEST_F(RunHostTest, ADaemonThatComesBackFindsItsCalls) {
    launch();
    execute("done", "echo done");
    execute("long", "echo x >> count; until [ -e go ]; do sleep 0.02; done; echo end");
    ASSERT_TRUE(hears("finished done"));
    ASSERT_TRUE(sees([this] { return runner().read("count") == "x\n"; }));
    restart();
    host_->adopt(kRun, 1);
    ASSERT_TRUE(hears("adopted 1"));
    EXPECT_EQ(listener_.adopted.running, std::vector<CallId>{CallId{"long"}});
    ASSERT_EQ(listener_.adopted.finished.size(), std::size_t{1});
    EXPECT_EQ(listener_.adopted.finished[0].text, "done\n");
    host_->acknowledge(kRun, CallId{"done"});
    runner().write("go", "");
    ASSERT_TRUE(hears("finished long"));
    EXPECT_EQ(listener_.outcomes.at(CallId{"long"}).text, "end\n");
    EXPECT_EQ(host_->read_spool(kRun, CallId{"long"}, 0, 100).value(), "end\n");
    restart();
    host_->adopt(kRun, 1);
    ASSERT_TRUE(hears("adopted 1"));
    EXPECT_TRUE(listener_.adopted.running.empty());
    ASSERT_EQ(listener_.adopted.finished.size(), std::size_t{1}); // "done" is forgotten
    EXPECT_EQ(listener_.adopted.finished[0].call, CallId{"long"});
    EXPECT_EQ(runner().read("count"), "x\n");
}

TEST_F(RunHostTest, AdoptingNobodyIsALoss) {
    launcher_.runner = std::make_unique<RunnerProcess>();
    launcher_.runner->kill();
    restart();
    host_->adopt(kRun, 1);
    EXPECT_TRUE(listener_.told.empty());
    ASSERT_TRUE(hears("lost 1"));
    EXPECT_EQ(launcher_.stops.size(), std::size_t{1});
}

TEST_F(RunHostTest, AdoptingAnotherAttemptIsALoss) {
    launch();
    restart();
    host_->adopt(kRun, 2);
    ASSERT_TRUE(hears("lost 2"));
}

TEST_F(RunHostTest, ABrokenConnectionIsMadeAgainAndNothingIsToldTwice) {
    launch();
    execute("a", "echo x >> count; until [ -e go ]; do sleep 0.02; done; echo end");
    execute("b", "echo b");
    ASSERT_TRUE(hears("finished b"));
    ASSERT_TRUE(sees([this] { return runner().read("count") == "x\n"; }));
    {
        const Client thief = Client::greeted(runner()); // takes the connection over
        host_->acknowledge(kRun, CallId{"b"});
        host_->cancel(kRun, CallId{"nope"});
    }
    execute("c", "echo c"); // perhaps into the connection that is gone already
    ASSERT_TRUE(hears("finished c"));
    runner().write("go", "");
    ASSERT_TRUE(hears("finished a"));
    EXPECT_EQ(listener_.told.size(), std::size_t{4});
    EXPECT_EQ(runner().read("count"), "x\n");
    EXPECT_TRUE(launcher_.stops.empty());
}

TEST_F(RunHostTest, CancelEndsACall) {
    launch();
    execute("a", "touch begun; sleep 1000");
    ASSERT_TRUE(sees([this] { return std::filesystem::exists(runner().workspace() / "begun"); }));
    host_->cancel(kRun, CallId{"a"});
    ASSERT_TRUE(hears("finished a"));
    EXPECT_EQ(listener_.outcomes.at(CallId{"a"}).kind, Outcome::Kind::cancelled);
}

TEST_F(RunHostTest, LongInputsArriveAndTooLongOnesAreRefused) {
    launch();
    for (const std::size_t size : {std::size_t{2'000'000}, std::size_t{17} << 20U}) {
        Execution execution;
        execution.call = CallId{"write-" + std::to_string(size)};
        execution.tool = "write_file";
        execution.input = codec::canonical_json(
            Json::object({{"path", "big"}, {"content", std::string(size, 'x')}}));
        const CallId call = execution.call;
        host_->execute(kRun, std::move(execution));
        ASSERT_TRUE(hears("finished " + call.value));
        EXPECT_EQ(
            listener_.outcomes.at(call).kind,
            size < 16'000'000 ? Outcome::Kind::ok : Outcome::Kind::failed);
    }
    EXPECT_EQ(runner().read("big").size(), std::size_t{2'000'000});
}

TEST_F(RunHostTest, StopWinsOverALaunchUnderWay) {
    host_->launch({.run = kRun, .attempt = 1, .workspace = "/w", .limits = {}});
    host_->stop(kRun, 1);
    ASSERT_TRUE(hears("stopped 1"));
    loop_->turn(false);
    EXPECT_EQ(listener_.told, std::vector<std::string>{"stopped 1"});
}

TEST_F(RunHostTest, StopIsAnsweredForWhatIsNotThere) {
    host_->stop(RunId{99}, 3);
    EXPECT_TRUE(hears("stopped 3"));
}

TEST_F(RunHostTest, StopOfAnEarlierAttemptIsAnsweredAndSparesTheLiveOne) {
    launch();
    host_->stop(kRun, 0);
    ASSERT_TRUE(hears("stopped 0"));
    EXPECT_TRUE(launcher_.stops.empty()) << "the runner belongs to attempt 1";
    host_->stop(kRun, 1);
    EXPECT_TRUE(hears("stopped 1"));
}

TEST_F(RunHostTest, AdoptingWhatIsBeingEndedIsALoss) {
    launch();
    host_->stop(kRun, 1);
    host_->adopt(kRun, 1);
    EXPECT_TRUE(hears("lost 1"));
    loop_->turn(false);
    EXPECT_EQ(listener_.told.back(), "lost 1") << "and told once";
}

TEST_F(RunHostTest, ALauncherThatFailsIsNotNeededWhereNothingIsLeft) {
    launch();
    launcher_.failing_stops = 1;
    host_->stop(kRun, 1); // no cgroup of the scope exists here, so nothing is left
    EXPECT_TRUE(hears("stopped 1"));
}

TEST_F(RunHostTest, SweepPassesOnWhatLives) {
    bool done = false;
    host_->sweep({{kRun, 2}}, [this, &done](Status status) {
        done = status.has_value();
        loop_->post([] {});
    });
    EXPECT_TRUE(until([&done] { return done; }));
    EXPECT_EQ(launcher_.swept, (std::vector<std::pair<RunId, int>>{{kRun, 2}}));
}

TEST_F(RunHostTest, AHostThatIsGoneIsNotCalled) {
    launch();
    execute("a", "sleep 1000");
    host_->stop(kRun, 1);
    host_.reset();
    loop_->turn(false);
    loop_->turn(false);
    EXPECT_EQ(listener_.told.size(), std::size_t{1});
}

} // namespace
} // namespace kheish::scopes
