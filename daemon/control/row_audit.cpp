#include "control/row_audit.hpp"

#include <algorithm>
#include <variant>

namespace kheish::control {

namespace {

/// Every page of a list.
template <class Row, class ReadPage>
Result<std::vector<Row>> all_of(const ReadPage& read_page) {
    std::vector<Row> rows;
    journal::PageRequest request{.after = {}, .limit = journal::kPageLimit};
    for (;;) {
        KHEISH_TRY(journal::Page<Row> page, read_page(request));
        for (Row& row : page.items)
            rows.push_back(std::move(row));
        if (!page.has_more)
            return rows;
        request.after = page.next;
    }
}

} // namespace

void RowAudit::take(RunProjection& projection) {
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

void RowAudit::check(const journal::Journal& journal) {
    for (const RunId run : std::exchange(changed_runs_, {}))
        check_run(journal, run);
    for (const CallKey& key : std::exchange(changed_calls_, {}))
        check_call(journal, key);
    for (const ApprovalId& approval : std::exchange(changed_approvals_, {}))
        check_approval(journal, approval);
    for (const RunId run : std::exchange(changed_outputs_, {}))
        check_outputs(journal, run);
}

void RowAudit::check_all(const journal::Journal& journal) {
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

void RowAudit::check_run(const journal::Journal& journal, RunId run) {
    const Result<journal::RunRow> stored = journal.run(run);
    if (!stored) {
        report_(run.to_string() + " has events and no row");
        return;
    }
    journal::RunRow expected = runs_.at(run);
    expected.owner = stored->owner;
    expected.first_seq = stored->first_seq;
    expected.last_seq = stored->last_seq;
    require(*stored == expected, "the row of " + run.to_string() + " is not what its events make");
}

void RowAudit::check_call(const journal::Journal& journal, const CallKey& key) {
    const std::string name = key.first.to_string() + " " + key.second.value;
    const Result<journal::ToolCallRow> stored = journal.tool_call(key.first, key.second);
    if (!stored) {
        report_(name + " has events and no row");
        return;
    }
    journal::ToolCallRow expected = calls_.at(key);
    expected.number = stored->number;
    require(*stored == expected, "the row of " + name + " is not what its events make");
}

void RowAudit::check_approval(const journal::Journal& journal, const ApprovalId& approval) {
    const Result<journal::ApprovalRow> stored = journal.approval(approval);
    if (!stored) {
        report_(approval.value + " has events and no row");
        return;
    }
    journal::ApprovalRow expected = approvals_.at(approval);
    expected.number = stored->number;
    require(*stored == expected, "the row of " + approval.value + " is not what its events make");
}

void RowAudit::check_outputs(const journal::Journal& journal, RunId run) {
    const auto first = outputs_.lower_bound(OutputKey(run, 0));
    const auto last = std::find_if(
        first, outputs_.end(), [run](const auto& output) { return output.first.first != run; });
    const Result<std::vector<journal::OutputRow>> stored = all_of<journal::OutputRow>(
        [&journal, run](const journal::PageRequest& page) { return journal.outputs(run, page); });
    const bool is_same = stored && std::equal(
                                       first,
                                       last,
                                       stored->begin(),
                                       stored->end(),
                                       [](const auto& expected, const journal::OutputRow& row) {
                                           return expected.second == row;
                                       });
    require(is_same, "the outputs of " + run.to_string() + " are not what its events make");
}

void RowAudit::check_counts(const journal::Journal& journal, RunId run) {
    const auto calls = std::count_if(
        calls_.begin(), calls_.end(), [run](const auto& call) { return call.first.first == run; });
    const auto approvals =
        std::count_if(approvals_.begin(), approvals_.end(), [run](const auto& approval) {
            return approval.second.run == run;
        });
    const Result<std::vector<journal::ToolCallRow>> stored_calls =
        all_of<journal::ToolCallRow>([&journal, run](const journal::PageRequest& page) {
            return journal.tool_calls(run, page);
        });
    journal::ApprovalFilter filter;
    filter.run = run;
    const Result<std::int64_t> stored_approvals = journal.count_approvals(filter);
    require(
        stored_calls && std::ssize(*stored_calls) == calls && stored_approvals &&
            *stored_approvals == approvals,
        run.to_string() + " has rows of calls or approvals that no event makes");
}

void RowAudit::require(bool holds, const std::string& text) {
    if (!holds)
        report_(text);
}

} // namespace kheish::control
