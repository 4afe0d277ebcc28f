#pragma once

#include "engine/state.hpp"
#include "journal/journal.hpp"

#include <map>
#include <vector>

namespace kheish::control {

/// One run as its events make it: the engine's state and the journal's rows. The same fold serves a
/// live run, a restart, a rebuild and the check of rows against events.
class RunProjection {
  public:
    /// From the run's first event, run.accepted.
    static Result<RunProjection> begin(const engine::Event& accepted);
    /// From what the journal has of `run`.
    static Result<RunProjection> load(const journal::Journal& journal, RunId run);

    /// One event more. On an error nothing has changed.
    Status apply(const engine::Event& event);
    /// The rows that differ since the last call: the run's first, then calls, approvals, outputs.
    std::vector<journal::Row> take_changed_rows();

    const engine::RunState& state() const { return state_; }
    journal::RunRow run_row() const;
    /// What the finished calls of the current turn have left in spool files.
    std::int64_t spooled_bytes_of_turn() const;

  private:
    explicit RunProjection(engine::RunState state) : state_(std::move(state)) {}
    void after(const engine::Event& event);
    void follow_calls(const engine::Event& event);
    void follow_gates(const engine::Event& event);
    journal::ApprovalRow
    open_gate(ApprovalId approval, const CallId& call, std::int64_t at_us) const;
    void settle_gate(
        const ApprovalId& approval,
        const engine::Event& event,
        journal::ApprovalState state,
        const std::string& reason);
    void wait_for(journal::ApprovalRow row);
    void follow_outcomes(const engine::Event& event);
    void follow_questions(const engine::Event& event);
    void change_call(const journal::ToolCallRow& row);
    void discard_changes();

    engine::RunState state_;
    engine::WaitReason waited_for_ = engine::WaitReason::none;
    std::int64_t wait_since_us_ = 0;
    std::map<CallId, journal::ToolCallRow> calls_;       ///< of the current turn
    std::map<ApprovalId, journal::ApprovalRow> pending_; ///< gates without an answer
    std::size_t outputs_taken_ = 0;
    std::vector<std::int64_t> output_times_; ///< of outputs not taken yet
    std::map<CallId, journal::ToolCallRow> changed_calls_;
    std::vector<journal::ApprovalRow> changed_approvals_;
};

} // namespace kheish::control
