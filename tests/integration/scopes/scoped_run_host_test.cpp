#include "scopes/scoped_run_host.hpp"

#include "codec/json.hpp"
#include "loop/loop_timers.hpp"
#include "runner_process.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace kheish::scopes {
namespace {

using codec::Json;
using kheish::testing::Client;
using kheish::testing::RunnerProcess;

constexpr RunId kRun{17};

/// Starts real runners where kheish-launcher would, without scopes around them.
class ProcessLauncher final : public Launcher {
  public:
    explicit ProcessLauncher(loop::Loop& loop) : loop_(loop) {}

    void start(LaunchRequest /*request*/, Responder<Started> done) override {
        loop_.post([this, done = std::move(done)]() mutable {
            if (refusal)
                return done.fail(*refusal);
            if (!runner)
                runner = std::make_unique<RunnerProcess>();
            done.answer(Started{"", runner->socket_path(), {"memory"}});
        });
    }
    void stop(RunId run, int attempt, bool release, Responder<void> done) override {
        stops.emplace_back(run.number, attempt, release);
        loop_.post([this, done = std::move(done)]() mutable {
            if (failing_stops-- > 0)
                return done.fail(Errc::service_unavailable, "no launcher");
            if (runner)
                runner->kill();
            done.answer({});
        });
    }
    void sweep(std::vector<std::pair<RunId, int>> live, Responder<void> done) override {
        swept = std::move(live);
        loop_.post([done = std::move(done)]() mutable { done.answer({}); });
    }

    std::unique_ptr<RunnerProcess> runner;
    std::optional<Error> refusal;
    int failing_stops = 0;
    std::vector<std::tuple<std::int64_t, int, bool>> stops;
    std::vector<std::pair<RunId, int>> swept;

  private:
    loop::Loop& loop_;
};

/// What the host told, in words.
class Listener final : public RunHostObserver {
  public:
    explicit Listener(loop::Loop& loop) : loop_(loop) {}

    void
    on_launched(RunId, int attempt, std::string unit, std::vector<std::string> degraded) override {
        say("launched " + std::to_string(attempt) + " " + unit);
        EXPECT_EQ(degraded, std::vector<std::string>{"memory"});
    }
    void on_launch_failed(RunId, int attempt, Error error) override {
        say("launch failed " + std::to_string(attempt) + " " + error.message);
    }
    void on_adopted(RunId, int attempt, Adopted known) override {
        say("adopted " + std::to_string(attempt));
        adopted = std::move(known);
    }
    void on_prepared(RunId, int, CallId call, codec::ContentChange change) override {
        say("prepared " + call.value);
        prepared[call] = change;
    }
    void on_finished(RunId, int, Outcome outcome) override {
        say("finished " + outcome.call.value);
        outcomes[outcome.call] = std::move(outcome);
    }
    void on_lost(RunId, int attempt, Accounting, std::string) override {
        say("lost " + std::to_string(attempt));
    }
    void on_stopped(RunId, int attempt, Accounting) override {
        say("stopped " + std::to_string(attempt));
    }
    bool has(const std::string& word) const {
        return std::find(told.begin(), told.end(), word) != told.end();
    }

    std::vector<std::string> told;
    std::map<CallId, Outcome> outcomes;
    std::map<CallId, codec::ContentChange> prepared;
    Adopted adopted;

  private:
    void say(std::string word) {
        told.push_back(std::move(word));
        loop_.post([] {}); // what is told before the poll of a turn must not wait in it
    }

    loop::Loop& loop_;
};

class RunHostTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string pattern = ::testing::TempDir() + "/spools-XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        spools_ = pattern;
        open_host("/nowhere");
    }
    void TearDown() override {
        host_.reset();
        std::filesystem::remove_all(spools_);
    }

    void open_host(const std::string& sockets) {
        listener_.told.clear();
        listener_.outcomes.clear();
        host_ = std::make_unique<ScopedRunHost>(
            *loop_,
            *timers_,
            launcher_,
            ScopedRunHost::Places{sockets, spools_ + "/no-cgroup", spools_});
        host_->set_observer(&listener_);
    }
    /// For what the loop does not hear of: never waits in it.
    bool sees(const std::function<bool()>& condition) {
        return kheish::testing::eventually([this, &condition] {
            loop_->turn(false);
            return condition();
        });
    }
    /// A new daemon process on the same run.
    void restart() { open_host(launcher_.runner->directory().string()); }

    bool until(const std::function<bool()>& condition) {
        bool late = false;
        const std::unique_ptr<Timer> timer =
            timers_->start(std::chrono::seconds(30), [&late] { late = true; });
        while (!condition() && !late)
            loop_->turn(true);
        return !late;
    }
    bool hears(const std::string& word) {
        const bool heard = until([this, &word] { return listener_.has(word); });
        EXPECT_TRUE(heard) << word;
        return heard;
    }
    void launch() {
        host_->launch({.run = kRun, .attempt = 1, .workspace = "/w", .limits = {}});
        ASSERT_TRUE(hears("launched 1 kheish-run-17-1.scope"));
    }
    void execute(const std::string& call, const std::string& command) {
        Execution execution;
        execution.call = CallId{call};
        execution.tool = "bash";
        execution.input = codec::canonical_json(Json::object({{"command", command}}));
        host_->execute(kRun, std::move(execution));
    }
    const RunnerProcess& runner() const { return *launcher_.runner; }

    std::unique_ptr<loop::Loop> loop_ = loop::Loop::open().value();
    std::unique_ptr<loop::LoopTimers> timers_ = loop::LoopTimers::open(*loop_).value();
    ProcessLauncher launcher_{*loop_};
    Listener listener_{*loop_};
    std::string spools_;
    std::unique_ptr<ScopedRunHost> host_;
};

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
    runner().write("a", "one two");
    Execution edit;
    edit.call = CallId{"edit"};
    edit.tool = "edit_file";
    edit.input = R"({"new_string":"2","old_string":"two","path":"a"})";
    host_->execute(kRun, edit);
    ASSERT_TRUE(hears("prepared edit"));
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
    runner().write("a", "one two");
    Execution edit;
    edit.call = CallId{"edit"};
    edit.tool = "edit_file";
    edit.input = R"({"new_string":"2","old_string":"two","path":"a"})";
    host_->execute(kRun, edit);
    ASSERT_TRUE(hears("prepared edit"));
    host_->cancel(kRun, CallId{"edit"});
    ASSERT_TRUE(hears("finished edit"));
    EXPECT_EQ(listener_.outcomes.at(CallId{"edit"}).kind, Outcome::Kind::cancelled);
    EXPECT_EQ(runner().read("a"), "one two");
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
