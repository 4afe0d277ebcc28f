#pragma once

#include "base/unique_function.hpp"
#include "control/run_projection.hpp"
#include "journal/journal.hpp"
#include <map>
#include <set>
#include <string>
#include <utility>

namespace kheish::control {

/// The rows of runs, calls, approvals and outputs as the events make them, held against what the
/// journal has written beside those events.
class RowAudit {
  public:
    /// `report` is told in a sentence of every row that is not what it should be.
    explicit RowAudit(UniqueFunction<void(const std::string&)> report)
        : report_(std::move(report)) {}

    /// What has changed in `projection` since it was last taken.
    void take(RunProjection& projection);
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

    void require(bool holds, const std::string& text);

    UniqueFunction<void(const std::string&)> report_;
    std::map<RunId, journal::RunRow> runs_;
    std::map<CallKey, journal::ToolCallRow> calls_;
    std::map<ApprovalId, journal::ApprovalRow> approvals_;
    std::map<OutputKey, journal::OutputRow> outputs_;
    std::set<RunId> changed_runs_;
    std::set<CallKey> changed_calls_;
    std::set<ApprovalId> changed_approvals_;
    std::set<RunId> changed_outputs_; ///< runs with new ones
};

} // namespace kheish::control
