#pragma once

#include "control/row_audit.hpp"
#include "control/run_projection.hpp"
#include "control/settings.hpp"
#include "engine/session_state.hpp"
#include "journal/journal.hpp"
#include "machine_time.hpp"
#include "scopes/run_host.hpp"
#include "violations.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace kheish::sim {

/// What one call has done to the world, and what was said of it.
struct CallTrace {
    std::string tool;
    int deliveries = 0;        ///< RunHost::execute calls
    int effects = 0;           ///< times that its effect has happened
    bool has_reported = false; ///< its runner has told an outcome
    int retries_by_person = 0; ///< outcome.resolved{retry}
};

/// Knows what the journal has committed, by a fold of its own, and holds everything that happens
/// against it. Reads committed state only; survives the daemon.
class Oracle {
  public:
    Oracle(Violations& violations, const control::Settings& settings, const SimClock& clock)
        : violations_(violations), settings_(settings), clock_(clock),
          rows_([this](const std::string& text) { violations_.add(text); }) {}

    /// Reads on; every event must be legal, every row must follow from the events.
    void catch_up(const journal::Journal& journal);
    /// A new daemon has opened `journal`: what was committed is still in it.
    void on_opened(const journal::Journal& journal);
    /// For the test of the tests: acting before writing is not noticed at once, only by its harm.
    void overlook_order() { overlooks_order_ = true; }

    // What reaches the outside must be committed first.
    void on_acknowledged(RunId run);
    void on_model_called(const std::string& key);
    void on_page_fetched(const std::string& key);
    void on_launch(RunId run, int attempt);
    void on_stop(RunId run, int attempt);
    void on_execute(const journal::Journal& journal, RunId run, const scopes::Execution& execution);
    void on_proceed(RunId run, const CallId& call);
    void on_acknowledge(RunId run, const CallId& call);
    void on_release(RunId run);
    void on_swept(RunId run, int attempt);
    // What happens in the world.
    void on_effect(RunId run, const CallId& call);
    void on_reported(RunId run, const CallId& call);
    void on_network_changed() { ++network_changes_; }
    void set_going_to_sleep(bool sleeps) { going_to_sleep_ = sleeps; }

    const engine::RunState* find(RunId run) const;
    const std::set<RunId>& acknowledged() const { return acknowledged_; }
    const std::map<RunId, control::RunProjection>& runs() const { return runs_; }
    /// Every acknowledged run is over or waits for a person; no effect went unseen.
    void check_end(bool people_answer);
    /// Every row follows from the events, and there is no other.
    void check_rows(const journal::Journal& journal) { rows_.check_all(journal); }
    /// One line for every run that is not settled.
    std::string unsettled() const;
    std::int64_t events_seen() const { return events_seen_; }
    /// Over all that was ever committed, byte for byte; ends the oracle.
    std::string record_digest() { return record_.finish().to_hex(); }

  private:
    using CallKey = std::pair<RunId, CallId>;

    void take(const journal::StoredEvent& stored);
    void take_run_event(const engine::Event& event);
    void follow_timer(const engine::Event& event);
    void follow_overdue(const engine::Event& event);
    void check_due(RunId run, const std::string& what);
    void check_waits(const engine::RunState& state);
    void check_effects_seen();
    CallTrace& trace(RunId run, const CallId& call) { return traces_[{run, call}]; }
    void require(bool holds, const std::string& text) { violations_.require(holds, text); }
    void require_order(bool holds, const std::string& text) {
        violations_.require(holds || overlooks_order_, text);
    }

    Violations& violations_;
    const control::Settings& settings_;
    const SimClock& clock_;
    control::RowAudit rows_;
    codec::Sha256 record_;
    bool overlooks_order_ = false;
    EventSeq newest_ = 0;
    std::int64_t events_seen_ = 0;
    std::map<RunId, control::RunProjection> runs_;
    std::map<SessionId, engine::SessionState> sessions_;
    std::set<RunId> acknowledged_;
    std::map<CallKey, CallTrace> traces_;
    std::set<ApprovalId> decided_;                            ///< approval.resolved
    std::map<std::pair<RunId, std::string>, Deadline> waits_; ///< by run and what it waits for
    int network_changes_ = 0;
    bool going_to_sleep_ = false;
    std::map<CallKey, std::string> outcomes_; ///< of tool.finished
};

} // namespace kheish::sim
