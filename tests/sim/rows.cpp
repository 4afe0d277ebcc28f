#include "rows.hpp"

#include <algorithm>
#include <variant>

namespace kheish::sim {

void Rows::take(control::RunProjection& projection) {
    for (journal::Row& changed : projection.take_changed_rows()) {
        if (auto* run = std::get_if<journal::RunRow>(&changed)) {
            changed_runs_.insert(run->run);
            runs_.insert_or_assign(run->run, std::move(*run));
        } else if (auto* call = std::get_if<journal::ToolCallRow>(&changed)) {
            const CallKey key(call->run, call->call);
            changed_calls_.insert(key);
            calls_.insert_or_assign(key, std::move(*call));
        } else if (auto* approval = std::get_if<journal::ApprovalRow>(&changed)) {
            changed_approvals_.insert(approval->approval);
            approvals_.insert_or_assign(ApprovalId(approval->approval), std::move(*approval));
        } else if (auto* output = std::get_if<journal::OutputRow>(&changed)) {
            changed_outputs_.insert(output->run);
            outputs_.insert_or_assign(OutputKey(output->run, output->index), std::move(*output));
        }
    }
}

void Rows::check(const journal::Journal& journal) {
    for (const RunId run : std::exchange(changed_runs_, {}))
        check_run(journal, run);
    for (const CallKey& key : std::exchange(changed_calls_, {}))
        check_call(journal, key);
    for (const ApprovalId& approval : std::exchange(changed_approvals_, {}))
        check_approval(journal, approval);
    for (const RunId run : std::exchange(changed_outputs_, {}))
        check_outputs(journal, run);
}

void Rows::check_all(const journal::Journal& journal) {
    for (const auto& [run, row] : runs_) {
        check_run(journal, run);
        check_outputs(journal, run);
        check_counts(journal, run);
    }
    for (const auto& [key, row] : calls_)
        check_call(journal, key);
    for (const auto& [approval, row] : approvals_)
        check_approval(journal, approval);
}

// What the journal adds by itself is not compared: owner, sequence numbers, order of writing.

void Rows::check_run(const journal::Journal& journal, RunId run) {
    const Result<journal::RunRow> stored = journal.run(run);
    if (!stored) {
        violations_.add(run.to_string() + " has events and no row");
        return;
    }
    journal::RunRow expected = runs_.at(run);
    expected.owner = stored->owner;
    expected.first_seq = stored->first_seq;
    expected.last_seq = stored->last_seq;
    violations_.require(
        *stored == expected, "the row of " + run.to_string() + " is not what its events make");
}

void Rows::check_call(const journal::Journal& journal, const CallKey& key) {
    const std::string name = key.first.to_string() + " " + key.second.value;
    const Result<journal::ToolCallRow> stored = journal.tool_call(key.first, key.second);
    if (!stored) {
        violations_.add(name + " has events and no row");
        return;
    }
    journal::ToolCallRow expected = calls_.at(key);
    expected.number = stored->number;
    violations_.require(*stored == expected, "the row of " + name + " is not what its events make");
}

void Rows::check_approval(const journal::Journal& journal, const ApprovalId& approval) {
    const Result<journal::ApprovalRow> stored = journal.approval(approval);
    if (!stored) {
        violations_.add(approval.value + " has events and no row");
        return;
    }
    journal::ApprovalRow expected = approvals_.at(approval);
    expected.number = stored->number;
    violations_.require(
        *stored == expected, "the row of " + approval.value + " is not what its events make");
}

void Rows::check_outputs(const journal::Journal& journal, RunId run) {
    const auto first = outputs_.lower_bound(OutputKey(run, 0));
    const auto last = std::find_if(
        first, outputs_.end(), [run](const auto& output) { return output.first.first != run; });
    const Result<journal::Page<journal::OutputRow>> stored =
        journal.outputs(run, {.after = {}, .limit = journal::kPageLimit});
    const bool is_same = stored && std::equal(
                                       first,
                                       last,
                                       stored->items.begin(),
                                       stored->items.end(),
                                       [](const auto& expected, const journal::OutputRow& row) {
                                           return expected.second == row;
                                       });
    violations_.require(
        is_same, "the outputs of " + run.to_string() + " are not what its events make");
}

void Rows::check_counts(const journal::Journal& journal, RunId run) {
    const auto calls = std::count_if(
        calls_.begin(), calls_.end(), [run](const auto& call) { return call.first.first == run; });
    const auto approvals =
        std::count_if(approvals_.begin(), approvals_.end(), [run](const auto& approval) {
            return approval.second.run == run;
        });
    const Result<journal::Page<journal::ToolCallRow>> stored_calls =
        journal.tool_calls(run, {.after = {}, .limit = journal::kPageLimit});
    journal::ApprovalFilter filter;
    filter.run = run;
    const Result<std::int64_t> stored_approvals = journal.count_approvals(filter);
    violations_.require(
        stored_calls && std::ssize(stored_calls->items) == calls && stored_approvals &&
            *stored_approvals == approvals,
        run.to_string() + " has rows of calls or approvals that no event makes");
}

} // namespace kheish::sim
