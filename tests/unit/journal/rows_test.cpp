#include "support.hpp"

#include <gtest/gtest.h>

namespace kheish::journal {
namespace {

TEST(Rows, EveryMemberOfARunComesBack) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")));
    RunRow row = make_run(5, "demo");
    row.wait_since_us = 1;
    row.queue_position.reset();
    row.started_us = 2;
    row.finished_us = 3;
    row.source_plugin = "cli";
    row.source_kind = "prompt";
    row.actor_id = "alice";
    row.metadata = "{\"k\":1}";
    row.error_code = "turn_limit";
    row.error = "too many turns";
    row.turns = 4;
    row.tokens_input = 5;
    row.tokens_output = 6;
    row.tokens_cache_read = 7;
    row.tokens_cache_write = 8;
    row.attempt = 9;
    row.unit = "kheish-run-5-9.scope";
    row.cpu_usage_us = 10;
    row.memory_peak_bytes = 11;
    row.tasks_peak = 12;
    row.io_read_bytes = 13;
    row.io_write_bytes = 14;
    row.pending_approvals = 15;
    row.cancel_requested = true;
    row.scope_open = true;
    row.owner = "ignored";
    row.first_seq = 99;
    row.last_seq = 99;
    Write write = run_write(5, "demo");
    write.events.push_back(make_event("demo", 5));
    write.rows = {row};
    ASSERT_TRUE(journal.write(write));
    row.owner = "user:1000";
    row.first_seq = 2;
    row.last_seq = 3;
    EXPECT_EQ(*journal->run(RunId{5}), row);

    // A later write moves only the end, and what was set can be unset.
    row.finished_us.reset();
    row.memory_peak_bytes.reset();
    row.queue_position = 0;
    row.status = "queued again";
    write = rows_write({row});
    write.events.push_back(make_event("demo", 5));
    ASSERT_TRUE(journal.write(write));
    row.last_seq = 4;
    EXPECT_EQ(*journal->run(RunId{5}), row);
    EXPECT_EQ(journal->run(RunId{6}).error().code, Errc::run_not_found);
}

TEST(Rows, WhatASessionIsCreatedWithStays) {
    JournalFile journal;
    SessionRow row = make_session("demo");
    row.thread_id = "thread";
    ASSERT_TRUE(journal.write(rows_write({row})));
    SessionRow other = make_session("demo", "user:0");
    other.run_as = 0;
    other.workspace = "/";
    other.ended_us = 5;
    other.end_reason = "over";
    ASSERT_TRUE(journal.write(rows_write({other})));
    row.ended_us = 5;
    row.end_reason = "over";
    row.number = 1;
    EXPECT_EQ(*journal->session({"demo"}), row);
}

TEST(Rows, ToolCallsApprovalsAndOutputsComeBack) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")));
    ASSERT_TRUE(journal.write(run_write(1, "demo")));
    ToolCallRow call;
    call.run = RunId{1};
    call.call = {"call-1-0"};
    call.turn = 1;
    call.tool = "bash";
    call.phase = "awaiting_approval";
    call.effect_class = "at_most_once";
    call.input = codec::blob_ref("{\"command\":\"true\"}");
    ToolCallRow other = call;
    other.call = {"call-1-1"};
    ApprovalRow approval;
    approval.approval = {"approval-1-1"};
    approval.run = RunId{1};
    approval.session = {"demo"};
    approval.call = call.call;
    approval.tool = "bash";
    approval.digest = codec::sha256("action");
    approval.summary = "true";
    approval.reason = "default mode asks";
    approval.input = call.input;
    approval.requested_us = 7;
    ASSERT_TRUE(journal.write(rows_write({call, other, approval}, {"{\"command\":\"true\"}"})));

    call.phase = "finished";
    call.outcome = "ok";
    call.result = codec::blob_ref("output");
    call.executions = 1;
    call.started_us = 8;
    call.finished_us = 9;
    call.exit_code = 0;
    call.spool = codec::BlobRef{codec::sha256("the whole of it"), 1 << 20}; // is no blob
    approval.state = ApprovalState::allowed;
    approval.resolved_us = 8;
    approval.resolved_by = "user:1000";
    approval.resolution_reason = "fine";
    OutputRow output{RunId{1}, {"demo"}, 0, "assistant_text", codec::blob_ref("output"), 10, {}};
    ASSERT_TRUE(journal.write(rows_write({call, approval, output}, {"output"})));

    call.number = 1;
    other.number = 2;
    approval.number = 1;
    EXPECT_EQ(*journal->tool_call(RunId{1}, call.call), call);
    EXPECT_EQ(journal->tool_calls(RunId{1}, {})->items, (std::vector<ToolCallRow>{call, other}));
    EXPECT_TRUE(journal->tool_calls(RunId{2}, {})->items.empty());
    EXPECT_EQ(journal->tool_call(RunId{1}, {"call-9-9"}).error().code, Errc::not_found);
    EXPECT_EQ(*journal->approval({"approval-1-1"}), approval);
    EXPECT_EQ(journal->approval({"approval-1-2"}).error().code, Errc::approval_not_found);
    EXPECT_EQ(journal->outputs(RunId{1}, {})->items, std::vector<OutputRow>{output});
}

TEST(Rows, ApprovalsAreListedByStateSessionRunAndOwner) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("mine", "user:1000")));
    ASSERT_TRUE(journal.write(session_write("theirs", "user:1001")));
    for (std::int64_t run = 1; run <= 4; ++run) {
        const std::string session = run % 2 == 1 ? "mine" : "theirs";
        Write write = run_write(run, session);
        ApprovalRow row;
        row.approval = {"approval-" + std::to_string(run) + "-1"};
        row.run = RunId{run};
        row.session = {session};
        row.input = codec::blob_ref(kInputText);
        row.state = run <= 2 ? ApprovalState::pending : ApprovalState::voided;
        write.rows.emplace_back(row);
        ASSERT_TRUE(journal.write(write));
    }
    ApprovalFilter filter;
    EXPECT_EQ(*journal->count_approvals(filter), 4);
    filter.state = ApprovalState::pending;
    EXPECT_EQ(*journal->count_approvals(filter), 2);
    filter.owner = "user:1001";
    const Result<Page<ApprovalRow>> page = journal->approvals(filter, {});
    ASSERT_EQ(page->items.size(), 1U);
    EXPECT_EQ(page->items[0].run, RunId{2});
    filter.run = RunId{1};
    EXPECT_EQ(*journal->count_approvals(filter), 0);
    ApprovalFilter voided;
    voided.state = ApprovalState::voided;
    voided.session = SessionId{"mine"};
    EXPECT_EQ(journal->approvals(voided, {})->items[0].run, RunId{3});
}

} // namespace
} // namespace kheish::journal
