#pragma once

#include "control/run_actor.hpp"
#include "engine/session_state.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace kheish::control {

/// Told what the supervisor's runs do, after the commit. The control plane.
class CommitObserver {
  public:
    CommitObserver() = default;
    CommitObserver(const CommitObserver&) = delete;
    CommitObserver& operator=(const CommitObserver&) = delete;
    virtual ~CommitObserver() = default;

    virtual void on_committed(const std::vector<engine::Event>& events) = 0;
    virtual void on_text(RunId run, const SessionId& session, std::string_view text) = 0;
};

/// All live runs and the line they stand in: one active run per session, the others in order.
/// Restores them after a restart, and again after a commit that failed.
class Supervisor final : public RunObserver, public scopes::RunHostObserver {
  public:
    /// All of them outlive it.
    Supervisor(
        Outside outside,
        const Settings& settings,
        const Grants& grants,
        Leases& leases,
        CommitObserver& observer);

    /// Takes over what the journal has: called once, before anything else. Runs go on by themselves
    /// from here.
    Status restore();
    /// The session's line as it is, uncommitted changes included.
    Result<engine::SessionState> session(const SessionId& session) const;
    /// Commits `accepted` and its place in the line. Answers its id.
    void accept(
        const SessionId& session,
        Authority authority,
        engine::RunAccepted accepted,
        std::string input,
        std::optional<journal::IdempotencyReceipt> receipt,
        Responder<RunId> responder);
    /// session.created, or session.ended of the session whose row is `known`.
    void commit_session(
        const SessionId& session,
        const Authority& authority,
        engine::EventBody body,
        std::optional<journal::SessionRow> known,
        std::vector<std::string> blobs,
        std::optional<journal::IdempotencyReceipt> receipt,
        Responder<void> responder);
    // What happens to the machine (host_events.hpp).
    void on_network_changed();
    /// Of the runs whose route has the credential `name`.
    void on_credential_changed(const std::string& name, bool gone);
    /// All that wait for a credential look again.
    void on_subject_restored();
    void before_sleep();
    void after_sleep();
    /// Told when the first run begins to work for itself, and when the last one ends doing so.
    void set_work_listener(UniqueFunction<void(bool works)> listener);
    /// The live run, or null.
    std::shared_ptr<RunActor> find(RunId run) const;
    std::size_t live_count() const { return actors_.size(); }
    /// Those that make no progress though nothing holds them back (stuck.hpp).
    std::vector<RunId> stuck_runs() const;

    Status on_staged(const engine::Event& event) override;
    void on_committed(RunActor& actor, const std::vector<engine::Event>& events) override;
    void on_broken(RunActor& actor, const Error& error) override;
    void on_text(const RunActor& actor, std::string_view text) override;
    bool is_going_to_sleep() const override { return going_to_sleep_; }
    const Grants& grants() const override { return grants_; }
    Leases& leases() override { return leases_; }

    void on_launched(RunId run, int attempt, scopes::Launched launched) override;
    void on_launch_failed(RunId run, int attempt, Error error) override;
    void on_adopted(RunId run, int attempt, scopes::Adopted adopted) override;
    void on_prepared(RunId run, int attempt, CallId call, codec::ContentChange change) override;
    void on_finished(RunId run, int attempt, scopes::Outcome outcome) override;
    void
    on_lost(RunId run, int attempt, scopes::Accounting accounting, std::string reason) override;
    void on_stopped(RunId run, int attempt, scopes::Accounting accounting) override;

  private:
    void finish_session(
        engine::Event event, const Result<journal::Committed>& result, Responder<void>& responder);
    using Attempt = std::pair<RunId, int>;

    Result<engine::SessionState*> session_state(const SessionId& session);
    Status load_run(const journal::RunRow& row, std::vector<std::shared_ptr<RunActor>>& loaded);
    Status reload_run(
        RunId run, engine::SessionState& line, std::vector<std::shared_ptr<RunActor>>& loaded);
    Status reload(const SessionId& session, const std::set<RunId>& runs);
    void resume(const std::vector<std::shared_ptr<RunActor>>& loaded);
    void sweep();
    void promote(const SessionId& session);
    /// Starts what has waited for room, the oldest first.
    void fill_room();
    void forget(const SessionId& session);
    void try_reload();
    void watch_for_stuck();
    void look_for_stuck();
    void follow_work(const RunActor& actor);
    std::vector<std::shared_ptr<RunActor>> all_actors() const;
    bool is_held_back(const RunActor& actor) const;

    Outside outside_;
    const Settings& settings_;
    const Grants& grants_;
    Leases& leases_;
    CommitObserver& observer_;
    std::unordered_map<RunId, std::shared_ptr<RunActor>> actors_;
    std::map<SessionId, engine::SessionState> sessions_;
    std::map<SessionId, std::set<RunId>> broken_runs_;
    /// Active runs whose end is staged and not committed. Nobody follows them before that: the
    /// commit may fail, and then they are active still.
    std::map<SessionId, RunId> ending_;
    std::set<RunId> started_; ///< neither queued nor over, or about to be started
    std::shared_ptr<void> alive_ = std::make_shared<char>(); ///< the journal may answer later
    std::map<RunId, SessionId>
        roomless_; ///< next in their lines, but settings_.live_runs are started
    std::unique_ptr<Timer> reload_timer_;
    std::map<RunId, std::int64_t> stuck_; ///< with when each last made progress
    std::unique_ptr<Timer> stuck_timer_;
    bool going_to_sleep_ = false;
    std::set<RunId> working_; ///< at a model or a tool, or on the way there
    UniqueFunction<void(bool)> work_listener_;
};

} // namespace kheish::control
