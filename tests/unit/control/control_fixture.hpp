#pragma once

#include "control/control_plane.hpp"
#include "journal/sqlite_journal.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace kheish::control {

class FakeClock final : public Clock {
  public:
    Instant now() const override { return now_; }
    std::string boot_id() const override { return boot_; }
    void advance(std::chrono::microseconds by) {
        now_.wall_us += by.count();
        now_.boot_us += by.count();
    }

    void set_wall(std::int64_t wall_us) { now_.wall_us = wall_us; }
    /// Another boot: its clock begins anew, the wall clock as if it had lost `lost`.
    void reboot(std::chrono::microseconds lost) {
        now_.boot_us = 1'000'000;
        now_.wall_us -= lost.count();
        boot_ = "fedcba9876543210fedcba9876543210";
    }

  private:
    Instant now_{.wall_us = 1'700'000'000'000'000, .boot_us = 1'000'000};
    std::string boot_ = "0123456789abcdef0123456789abcdef";
};

/// Timers that fire when told how much time has passed.
class FakeTimers final : public Timers {
  public:
    explicit FakeTimers(FakeClock& clock) : clock_(clock) {}
    std::unique_ptr<Timer>
    start(std::chrono::microseconds delay, UniqueFunction<void()> fire) override;
    std::unique_ptr<Timer>
    start_at_wall(std::int64_t wall_us, UniqueFunction<void()> fire) override;
    /// With 0, what is due by clocks that were set.
    void pass(std::chrono::microseconds time);
    std::size_t pending() const { return timers_.size(); }

  private:
    struct Entry {
        std::int64_t due_us;
        bool by_wall;
        UniqueFunction<void()> fire;
    };
    class Handle;
    FakeClock& clock_;
    std::map<std::uint64_t, Entry> timers_;
    std::uint64_t next_ = 0;
};

class FakeEntropy final : public Entropy {
  public:
    void fill(std::span<std::byte> bytes) override {
        for (std::byte& byte : bytes)
            byte = static_cast<std::byte>(++state_);
    }

  private:
    unsigned state_ = 0;
};

/// A model that says what the test has put in line, when the test lets it.
class FakeModel final : public models::Model {
  public:
    struct Call {
        models::Request request;
        std::string key;
        models::CallHandlers handlers;
        bool aborted = false;
    };
    std::unique_ptr<models::Call>
    call(models::Request request, std::string key, models::CallHandlers handlers) override;

    /// The one call that is under way.
    std::shared_ptr<Call> current() const;
    void answer(std::string text);
    void answer_calls(std::vector<models::ToolCall> calls);
    void
    fail(models::CallError::Kind kind, std::optional<std::chrono::microseconds> retry_after = {});
    std::size_t call_count() const { return calls_.size(); }

  private:
    void finish(tl::expected<models::Response, models::CallError> result);
    std::vector<std::shared_ptr<Call>> calls_;
};

class FakeRoutes final : public models::Routes {
  public:
    std::vector<models::RouteView> list() const override { return {view_}; }
    std::string default_route() const override { return configured ? "fake" : ""; }
    std::optional<models::RouteView> find(std::string_view id) const override {
        return configured && id == "fake" ? std::optional(view_) : std::nullopt;
    }
    std::string credential_of(std::string_view id) const override {
        return configured && id == "fake" ? view_.credential : "";
    }
    models::Model* model(std::string_view id) override {
        return configured && id == "fake" ? &fake : nullptr;
    }
    FakeModel fake;
    bool configured = true;
    void need_credential(const std::string& name) { view_.credential = name; }

  private:
    models::RouteView view_{
        .route_id = "fake",
        .driver = "fake",
        .default_model = "fake-1",
        .code = "ready",
        .message = ""};
};

/// A host that records what it is asked and answers when the test says so.
class FakeRunHost final : public scopes::RunHost {
  public:
    void set_observer(scopes::RunHostObserver* told) override { observer = told; }
    void launch(scopes::LaunchRequest request) override { launches.push_back(std::move(request)); }
    void adopt(RunId run, int attempt) override { adoptions.emplace_back(run, attempt); }
    void execute(RunId run, scopes::Execution execution) override {
        executions.emplace_back(run, std::move(execution));
    }
    void proceed(RunId run, CallId call) override { proceeded.emplace_back(run, std::move(call)); }
    void cancel(RunId run, CallId call) override { cancels.emplace_back(run, std::move(call)); }
    void acknowledge(RunId run, CallId call) override {
        acknowledged.emplace_back(run, std::move(call));
    }
    void stop(RunId run, int attempt) override { stops.emplace_back(run, attempt); }
    void release(RunId run) override { released.push_back(run); }
    void
    sweep(std::vector<std::pair<RunId, int>> live, UniqueFunction<void(Status)> done) override {
        swept = std::move(live);
        done({});
    }
    Result<std::string> read_spool(RunId, const CallId&, std::int64_t, std::int64_t) override {
        return kheish::fail(Errc::not_found, "no spool");
    }

    scopes::RunHostObserver* observer = nullptr;
    std::vector<scopes::LaunchRequest> launches;
    std::vector<std::pair<RunId, int>> adoptions;
    std::vector<std::pair<RunId, scopes::Execution>> executions;
    std::vector<std::pair<RunId, CallId>> proceeded;
    std::vector<std::pair<RunId, CallId>> cancels;
    std::vector<std::pair<RunId, CallId>> acknowledged;
    std::vector<std::pair<RunId, int>> stops;
    std::vector<RunId> released;
    std::vector<std::pair<RunId, int>> swept;
};

/// The web, as far as a test lets it answer.
class FakeWeb final : public outbound::WebFetch {
  public:
    struct Call {
        outbound::WebRequest request;
        UniqueFunction<void(outbound::WebAnswer)> done;
        bool given_up = false;
    };
    std::unique_ptr<outbound::WebCall>
    start(outbound::WebRequest request, UniqueFunction<void(outbound::WebAnswer)> done) override;

    std::vector<std::shared_ptr<Call>> calls;
};

/// What a service manager would give.
class FakeGiven final : public Secrets::Given {
  public:
    Result<Secret> read(const std::string& name) const override {
        const auto found = credentials.find(name);
        if (found == credentials.end())
            return kheish::fail(Errc::not_found, "there is no credential \"" + name + "\"");
        return Secret(found->second);
    }
    std::map<std::string, std::string> credentials;
};

inline constexpr uid_t kAlice = 1001;
inline constexpr uid_t kBob = 1002;

/// A control plane on a real journal with a fake outside; crash() and boot() are a restart.
class ControlFixture : public ::testing::Test {
  protected:
    void SetUp() override;
    void TearDown() override;

    void boot();
    /// Everything in memory goes, uncommitted writes with it.
    void crash();
    /// Commits until nothing is left to commit.
    void settle();

    void make_session(const std::string& name, uid_t uid = kAlice);
    RunId submit(const std::string& session, const std::string& text, uid_t uid = kAlice);
    /// The run's first launch succeeds.
    void launched(RunId run, int attempt = 1);
    void finish_call(RunId run, const std::string& call, const std::string& text);
    codec::Json view(RunId run, uid_t uid = kAlice);
    std::string status(RunId run) { return view(run).find("status")->string(); }
    std::string wait_reason(RunId run);
    std::vector<std::string> event_types(RunId run);
    Result<codec::Json>
    resolve(RunId run, const std::string& approval, bool allow, uid_t uid = kAlice);
    std::string only_approval(RunId run);
    /// The journal's rows of a run equal those that its events make.
    void expect_rows_follow_events(RunId run);

    template <class T>
    Result<T> wait_for(UniqueFunction<void(Responder<T>)> start) {
        std::optional<Result<T>> answer;
        start(Responder<T>([&answer](Result<T> result) { answer = std::move(result); }));
        settle();
        if (!answer)
            return kheish::fail(Errc::timeout, "no answer");
        return std::move(*answer);
    }

    std::string directory_;
    std::string vfs_; ///< of the journal; empty is SQLite's own
    FakeClock clock_;
    FakeEntropy entropy_;
    std::unique_ptr<FakeTimers> timers_;
    std::unique_ptr<FakeRoutes> routes_;
    std::unique_ptr<FakeRunHost> host_;
    std::unique_ptr<FakeWeb> web_;
    scopes::ProjectPermissions project_; ///< what a runner says once it is launched
    std::unique_ptr<journal::SqliteJournal> journal_;
    FakeGiven given_;
    std::unique_ptr<Secrets> secrets_;
    std::unique_ptr<ControlPlane> plane_;
    Settings settings_;
    std::vector<tools::Tool> tools_{tools::all_tools().begin(), tools::all_tools().end()};
};

} // namespace kheish::control
