#include "support.hpp"

#include "journal/sqlite.hpp"
#include "journal/statements.hpp"

#include <gtest/gtest.h>

namespace kheish::journal {
namespace {

Write rows_write(std::vector<Row> rows, std::vector<std::string> blobs = {}) {
    Write write;
    write.rows = std::move(rows);
    write.blobs = std::move(blobs);
    return write;
}

template <class Page>
std::vector<std::int64_t> run_numbers(const Page& page) {
    std::vector<std::int64_t> numbers;
    for (const RunRow& row : page->items)
        numbers.push_back(row.run.number);
    return numbers;
}

/// Two owners, three sessions, ten runs submitted in the same microsecond; run i belongs to session
/// i % 3, and every fourth one has ended.
class Lists : public testing::Test {
  protected:
    Lists() {
        journal_.submit(session_write("s0", "user:1000"));
        journal_.submit(session_write("s1", "user:1001"));
        journal_.submit(session_write("s2", "user:1000"));
        for (std::int64_t run = 1; run <= 10; ++run) {
            Write write = run_write(run, "s" + std::to_string(run % 3));
            RunRow& row = std::get<RunRow>(write.rows[0]);
            row.queue_position = run / 3;
            if (run % 4 == 0) {
                row.status = "completed";
                row.wait_reason.clear();
                row.queue_position.reset();
                row.finished_us = 1'700'000'000'000'009;
            }
            journal_.submit(write);
        }
        const Status committed = journal_->commit();
        KHEISH_ASSERT(committed.has_value());
    }

    /// All pages of `limit` items, one after the other.
    std::vector<std::int64_t> walk(const RunFilter& filter, Order order, std::size_t limit) {
        std::vector<std::int64_t> numbers;
        PageRequest request{.after = std::nullopt, .limit = limit, .order = order};
        for (;;) {
            const Result<Page<RunRow>> page = journal_->runs(filter, request);
            for (const std::int64_t number : run_numbers(page))
                numbers.push_back(number);
            if (!page->has_more)
                return numbers;
            EXPECT_EQ(page->items.size(), limit);
            request.after = page->next;
        }
    }

    JournalFile journal_;
};

TEST_F(Lists, PagesOverTiesNeitherRepeatNorSkip) {
    const std::vector<std::int64_t> up{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    const std::vector<std::int64_t> down(up.rbegin(), up.rend());
    for (std::size_t limit = 1; limit <= 11; ++limit) {
        EXPECT_EQ(walk({}, Order::ascending, limit), up) << limit;
        EXPECT_EQ(walk({}, Order::descending, limit), down) << limit;
    }
}

TEST_F(Lists, APageStaysWhatItWasWhileRunsAreAdded) {
    const Result<Page<RunRow>> first =
        journal_->runs({}, {.after = {}, .limit = 4, .order = Order::descending});
    EXPECT_EQ(run_numbers(first), (std::vector<std::int64_t>{10, 9, 8, 7}));
    ASSERT_TRUE(journal_.write(run_write(11, "s0")));
    const Result<Page<RunRow>> second =
        journal_->runs({}, {.after = first->next, .limit = 4, .order = Order::descending});
    EXPECT_EQ(run_numbers(second), (std::vector<std::int64_t>{6, 5, 4, 3}));
}

TEST_F(Lists, FiltersNarrowListsAndCountsAlike) {
    struct Case {
        RunFilter filter;
        std::vector<std::int64_t> expected;
    };
    RunFilter by_session;
    by_session.session = SessionId{"s0"};
    RunFilter by_owner;
    by_owner.owner = "user:1001";
    RunFilter by_status;
    by_status.status = "completed";
    RunFilter live;
    live.live = true;
    RunFilter ended_of_owner;
    ended_of_owner.owner = "user:1000";
    ended_of_owner.live = false;
    RunFilter all_of_them = by_session;
    all_of_them.owner = "user:1000";
    all_of_them.status = "queued";
    all_of_them.live = true;
    RunFilter nothing = by_session;
    nothing.owner = "user:1001";
    const std::vector<Case> cases{
        {by_session, {3, 6, 9}},
        {by_owner, {1, 4, 7, 10}},
        {by_status, {4, 8}},
        {live, {1, 2, 3, 5, 6, 7, 9, 10}},
        {ended_of_owner, {8}},
        {all_of_them, {3, 6, 9}},
        {nothing, {}},
    };
    for (const Case& one : cases) {
        EXPECT_EQ(walk(one.filter, Order::ascending, 2), one.expected);
        EXPECT_EQ(*journal_->count_runs(one.filter), std::ssize(one.expected));
    }
}

TEST_F(Lists, LimitsOutOfBoundsAreRefused) {
    for (const std::size_t limit : {std::size_t{0}, kPageLimit + 1}) {
        EXPECT_EQ(
            journal_->runs({}, {.after = {}, .limit = limit}).error().code, Errc::invalid_limit);
        EXPECT_EQ(journal_->events(0, {}, limit).error().code, Errc::invalid_limit);
        EXPECT_EQ(journal_->live_runs({}, limit).error().code, Errc::invalid_limit);
    }
    EXPECT_TRUE(journal_->runs({}, {.after = {}, .limit = kPageLimit}));
}

TEST_F(Lists, LiveRunsComeBySessionActiveFirstThenTheQueue) {
    RunRow active = make_run(9, "s0");
    active.status = "running";
    active.queue_position.reset();
    RunRow leaves_a_scope = make_run(8, "s2");
    leaves_a_scope.status = "completed";
    leaves_a_scope.queue_position.reset();
    leaves_a_scope.finished_us = 7;
    leaves_a_scope.scope_open = true;
    ASSERT_TRUE(journal_.write(rows_write({active, leaves_a_scope})));
    const std::vector<std::int64_t> expected{9, 3, 6, 1, 7, 10, 8, 2, 5};
    for (std::size_t limit = 1; limit <= 9; ++limit) {
        std::vector<std::int64_t> numbers;
        LiveCursor cursor;
        for (bool more = true; more;) {
            const Result<LivePage> page = journal_->live_runs(cursor, limit);
            ASSERT_TRUE(page);
            for (const std::int64_t number : run_numbers(page))
                numbers.push_back(number);
            more = page->has_more;
            cursor = page->next;
        }
        EXPECT_EQ(numbers, expected) << limit;
    }
}

std::string plan_of(const std::string& path, std::string sql) {
    // The third column of EXPLAIN QUERY PLAN is the plan, raw_sql gives the first.
    const Result<Database> database = Database::open(path, {.vfs = {}, .read_only = true});
    KHEISH_ASSERT(database.has_value());
    sql.insert(0, "EXPLAIN QUERY PLAN ");
    sqlite3_stmt* raw = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(database->handle(), sql.c_str(), -1, &raw, nullptr), SQLITE_OK);
    const StatementHandle statement(raw);
    std::string plan;
    while (sqlite3_step(raw) == SQLITE_ROW)
        plan += std::string(reinterpret_cast<const char*>(sqlite3_column_text(raw, 3))) + "\n";
    return plan;
}

TEST_F(Lists, ARestartReadsThePartialIndexOnly) {
    const std::string plan = plan_of(journal_.path(), sql::live_runs());
    EXPECT_NE(plan.find("SEARCH runs USING INDEX runs_live"), std::string::npos) << plan;
    EXPECT_EQ(plan.find("TEMP B-TREE"), std::string::npos) << plan;
    EXPECT_EQ(plan.find("SCAN"), std::string::npos) << plan;
}

TEST_F(Lists, ListsOfOneSessionOwnerOrRunUseAnIndex) {
    const std::string columns(sql::kRunColumns);
    for (const char* condition :
         {"session_id = ? AND run_id > ?",
          "owner = ? AND run_id > ?",
          "status = ? AND run_id > ?"}) {
        const std::string plan = plan_of(
            journal_.path(),
            "SELECT " + columns + " FROM runs WHERE 1 AND " + condition +
                " ORDER BY run_id LIMIT ?");
        EXPECT_NE(plan.find("SEARCH runs USING INDEX runs_by_"), std::string::npos) << plan;
        EXPECT_EQ(plan.find("TEMP B-TREE"), std::string::npos) << plan;
    }
    for (const char* condition : {"session_id = ? AND seq > ?", "run_id = ? AND seq > ?"}) {
        const std::string plan = plan_of(
            journal_.path(),
            "SELECT " + std::string(sql::kEventColumns) + " FROM events WHERE 1 AND " + condition +
                " ORDER BY seq LIMIT ?");
        EXPECT_NE(plan.find("SEARCH events USING INDEX events_by_"), std::string::npos) << plan;
        EXPECT_EQ(plan.find("TEMP B-TREE"), std::string::npos) << plan;
    }
}

TEST_F(Lists, EventsAreReadAfterACursorByRunAndSession) {
    EXPECT_EQ(journal_->newest_seq(), 13);
    Result<Page<StoredEvent>> page = journal_->events(11, {}, 10);
    ASSERT_EQ(page->items.size(), 2U);
    EXPECT_EQ(page->items[0].seq, 12);
    page = journal_->events(13, {}, 10);
    EXPECT_TRUE(page->items.empty());
    EXPECT_EQ(page->next, 13);
    EXPECT_TRUE(journal_->events(1'000'000, {}, 10)->items.empty());

    EventFilter by_session;
    by_session.session = SessionId{"s0"};
    page = journal_->events(0, by_session, 2);
    ASSERT_EQ(page->items.size(), 2U);
    EXPECT_TRUE(page->has_more);
    EXPECT_EQ(page->items[0].seq, 1);
    EXPECT_EQ(page->items[1].seq, 6); // of run 3
    page = journal_->events(page->next, by_session, 2);
    ASSERT_EQ(page->items.size(), 2U);
    EXPECT_FALSE(page->has_more);
    EXPECT_EQ(page->items[1].event.run, RunId{9});

    EventFilter by_run;
    by_run.run = RunId{5};
    page = journal_->events(0, by_run, 10);
    ASSERT_EQ(page->items.size(), 1U);
    EXPECT_EQ(page->items[0].event.session, SessionId{"s2"});
    by_run.session = SessionId{"s0"};
    EXPECT_TRUE(journal_->events(0, by_run, 10)->items.empty());
}

TEST_F(Lists, APageOfLongEventsEndsEarlyAndGoesOn) {
    Write write;
    for (int i = 0; i < 12; ++i) {
        write.events.push_back(make_event("s0", 3));
        write.events.back().body.assign(kEventBodyLimitBytes, 'x');
    }
    ASSERT_TRUE(journal_.write(write));
    const Result<Page<StoredEvent>> page = journal_->events(13, {}, 100);
    ASSERT_TRUE(page);
    EXPECT_EQ(page->items.size(), kPageBytesLimit / kEventBodyLimitBytes);
    EXPECT_TRUE(page->has_more);
    EXPECT_EQ(journal_->events(page->next, {}, 100)->items.size(), 4U);
}

TEST_F(Lists, RunsAreCountedByStatus) {
    const Result<std::vector<StatusCount>> all = journal_->run_counts(std::nullopt);
    ASSERT_TRUE(all);
    ASSERT_EQ(all->size(), 2U);
    EXPECT_EQ((*all)[0].status, "completed");
    EXPECT_EQ((*all)[0].count, 2);
    EXPECT_EQ((*all)[1].status, "queued");
    EXPECT_EQ((*all)[1].count, 8);
    const Result<std::vector<StatusCount>> one = journal_->run_counts(SessionId{"s0"});
    ASSERT_EQ(one->size(), 1U);
    EXPECT_EQ((*one)[0].count, 3);
}

TEST_F(Lists, SessionsAreListedByOwnerAndEnd) {
    SessionRow ended = make_session("s2");
    ended.ended_us = 77;
    ended.end_reason = "done";
    ASSERT_TRUE(journal_.write(rows_write({ended})));
    SessionFilter filter;
    filter.owner = "user:1000";
    EXPECT_EQ(*journal_->count_sessions(filter), 2);
    filter.ended = true;
    const Result<Page<SessionRow>> page = journal_->sessions(filter, {});
    ASSERT_EQ(page->items.size(), 1U);
    EXPECT_EQ(page->items[0].session, SessionId{"s2"});
    EXPECT_EQ(page->items[0].end_reason, "done");
    EXPECT_EQ(page->items[0].number, 3);
    filter.ended = false;
    EXPECT_EQ(journal_->sessions(filter, {})->items[0].session, SessionId{"s0"});
}

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
