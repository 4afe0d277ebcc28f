#pragma once

#include "scopes/scoped_run_host.hpp"

#include "codec/json.hpp"
#include "loop/loop_timers.hpp"
#include "runner_process.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace kheish::scopes {

using codec::Json;
using kheish::testing::Client;
using kheish::testing::RunnerProcess;

inline constexpr RunId kRun{17};

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

    void on_launched(RunId, int attempt, Launched launched) override {
        say("launched " + std::to_string(attempt) + " " + launched.unit);
        EXPECT_EQ(launched.degraded, std::vector<std::string>{"memory"});
        project = std::move(launched.project);
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
    ProjectPermissions project;

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
    /// "one two" in the file a becomes "one 2", as the call "edit".
    void execute_edit() {
        runner().write("a", "one two");
        Execution edit;
        edit.call = CallId{"edit"};
        edit.tool = "edit_file";
        edit.input = R"({"new_string":"2","old_string":"two","path":"a"})";
        host_->execute(kRun, std::move(edit));
        ASSERT_TRUE(hears("prepared edit"));
    }
    const RunnerProcess& runner() const { return *launcher_.runner; }

    std::unique_ptr<loop::Loop> loop_ = loop::Loop::open().value();
    std::unique_ptr<loop::LoopTimers> timers_ = loop::LoopTimers::open(*loop_).value();
    ProcessLauncher launcher_{*loop_};
    Listener listener_{*loop_};
    std::string spools_;
    std::unique_ptr<ScopedRunHost> host_;
};

} // namespace kheish::scopes
