#pragma once

#include "control/run_projection.hpp"
#include "journal/journal.hpp"
#include "violations.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace kheish::sim {

/// The rows of runs, calls, approvals and outputs as the events make them, held against what the
/// journal has written beside those events.
class Rows {
  public:
    explicit Rows(Violations& violations) : violations_(violations) {}

    /// What has changed in `projection` since it was last taken.
    void take(control::RunProjection& projection);
    /// Compares what has changed since the last check.
    void check(const journal::Journal& journal);
    /// Compares every row, and that there is no other.
    void check_all(const journal::Journal& journal);

  private:
    using CallKey = std::pair<RunId, CallId>;
    using OutputKey = std::pair<RunId, std::int64_t>;

    void check_run(const journal::Journal& journal, RunId run);
    void check_call(const journal::Journal& journal, const CallKey& key);
    void check_approval(const journal::Journal& journal, const ApprovalId& approval);
    void check_outputs(const journal::Journal& journal, RunId run);
    void check_counts(const journal::Journal& journal, RunId run);

    Violations& violations_;
    std::map<RunId, journal::RunRow> runs_;
    std::map<CallKey, journal::ToolCallRow> calls_;
    std::map<ApprovalId, journal::ApprovalRow> approvals_;
    std::map<OutputKey, journal::OutputRow> outputs_;
    std::set<RunId> changed_runs_;
    std::set<CallKey> changed_calls_;
    std::set<ApprovalId> changed_approvals_;
    std::set<RunId> changed_outputs_; ///< runs with new ones
};

} // namespace kheish::sim
