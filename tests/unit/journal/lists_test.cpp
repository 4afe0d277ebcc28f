#include "support.hpp"

#include "journal/sqlite.hpp"
#include "journal/statements.hpp"

#include <gtest/gtest.h>

namespace kheish::journal {
namespace {

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

} // namespace
} // namespace kheish::journal
