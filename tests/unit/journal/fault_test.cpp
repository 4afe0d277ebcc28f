#include "fault_vfs.hpp"
#include "journal/sqlite.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace kheish::journal {
namespace {

class Fault : public testing::Test {
  protected:
    Fault() { vfs_.reset(); }
    ~Fault() override { vfs_.reset(); }

    FaultVfs& vfs_ = FaultVfs::instance();
};

TEST_F(Fault, AFullDiskFailsTheWholeTransactionAndEndsByItself) {
    JournalFile journal(FaultVfs::kName);
    ASSERT_TRUE(journal.write(session_write("before")));
    vfs_.write_error = SQLITE_FULL;
    const Answer first = journal.submit(session_write("one"));
    const Answer second = journal.submit(session_write("two"));
    const Status committed = journal->commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().code, Errc::storage_full);
    EXPECT_EQ(first->error().code, Errc::storage_full);
    EXPECT_EQ(second->error().code, Errc::storage_full);
    EXPECT_TRUE(second->error().transient);
    EXPECT_FALSE(journal->health().writable);
    EXPECT_EQ(journal->newest_seq(), 1);
    EXPECT_TRUE(journal->session({"before"})); // reading goes on

    // Space alone is not known of before a trial write, and trials are a second apart.
    EXPECT_EQ(journal.write(session_write("early")).error().code, Errc::storage_full);
    journal.clock.advance_us(1'000'000);
    EXPECT_EQ(journal.write(session_write("still full")).error().code, Errc::storage_full);
    vfs_.write_error = SQLITE_OK;
    journal.clock.advance_us(1'000'000);
    EXPECT_TRUE(journal->commit());
    EXPECT_TRUE(journal->health().writable);
    EXPECT_EQ(*journal.write(session_write("after")), (Committed{.first = 2, .last = 2}));
    EXPECT_EQ(journal->stats().failed_commits, 1);
    ASSERT_TRUE(journal.reopen());
    EXPECT_EQ(journal->newest_seq(), 2);
    EXPECT_FALSE(journal->session({"one"}));
}

TEST_F(Fault, EveryPointOfFailureInATransactionFailsAllOfIt) {
    JournalFile journal(FaultVfs::kName);
    ASSERT_TRUE(journal.write(session_write("demo")));
    int failures = 0;
    for (int point = 0;; ++point) {
        const EventSeq newest = journal->newest_seq();
        vfs_.write_error = SQLITE_FULL;
        vfs_.writes_left = point;
        const Answer first = journal.submit(run_write(2 * point + 1, "demo"));
        const Answer second = journal.submit(run_write(2 * point + 2, "demo"));
        const Status committed = journal->commit();
        vfs_.write_error = SQLITE_OK;
        ASSERT_EQ(first->has_value(), committed.has_value()) << point;
        ASSERT_EQ(second->has_value(), committed.has_value()) << point;
        if (committed)
            break;
        ++failures;
        ASSERT_EQ(journal->newest_seq(), newest);
        ASSERT_FALSE(journal->run(RunId{2 * point + 1})) << point;
        journal.clock.advance_us(1'000'000);
        ASSERT_TRUE(journal->commit());
        ASSERT_EQ(
            *journal.write(run_write(1000 + point, "demo")),
            (Committed{.first = newest + 1, .last = newest + 1}));
    }
    EXPECT_GT(failures, 3);
    journal.close();
    EXPECT_EQ(raw_sql(journal.path(), "PRAGMA integrity_check"), std::vector<std::string>{"ok"});
}

TEST_F(Fault, AFailedSyncIsFinalUntilARestart) {
    JournalFile journal(FaultVfs::kName);
    ASSERT_TRUE(journal.write(session_write("before")));
    vfs_.sync_error = SQLITE_IOERR_FSYNC;
    EXPECT_EQ(journal.write(session_write("doubtful")).error().code, Errc::journal_unavailable);
    vfs_.sync_error = SQLITE_OK;
    journal.clock.advance_us(10'000'000);
    EXPECT_EQ(journal.write(session_write("later")).error().code, Errc::journal_unavailable);
    EXPECT_EQ(journal->health().error.code, Errc::journal_unavailable);
    EXPECT_EQ(journal->newest_seq(), 1);
    EXPECT_FALSE(journal->session({"doubtful"}));
    ASSERT_TRUE(journal.reopen());
    EXPECT_TRUE(journal->session({"before"}));
    EXPECT_FALSE(journal->session({"later"}));
    EXPECT_TRUE(journal.write(session_write("after")));
}

TEST_F(Fault, APowerCutLosesNothingThatWasAnswered) {
    JournalFile journal(FaultVfs::kName);
    ASSERT_TRUE(journal.write(session_write("demo")));
    std::int64_t run = 0;
    for (int turn = 0; turn < 40; ++turn) {
        const EventSeq newest = journal->newest_seq();
        for (int i = 0; i <= turn % 3; ++i)
            journal.submit(run_write(++run, "demo"));
        // Nothing of these is on the disk yet, and afterwards all of it is.
        for (const EventSeq expected : {newest, newest + 1 + turn % 3}) {
            const TemporaryDirectory after;
            for (const auto& [path, content] : vfs_.durable_files(journal.path()))
                std::ofstream(
                    after.file("journal.db") + path.substr(journal.path().size()), std::ios::binary)
                    << content;
            const Result<std::unique_ptr<SqliteJournal>> found =
                SqliteJournal::open(after.file("journal.db"), {}, journal.clock, journal.entropy);
            ASSERT_TRUE(found) << found.error().to_string();
            ASSERT_EQ((*found)->newest_seq(), expected) << turn;
            ASSERT_EQ((*found)->instance_id(), journal->instance_id());
            ASSERT_TRUE(journal->commit());
        }
    }
}

TEST_F(Fault, AJournalThatMayNotBeWrittenIsRefused) {
    JournalFile journal(FaultVfs::kName);
    ASSERT_TRUE(journal.write(session_write("demo")));
    journal.close();
    vfs_.read_only = true;
    const Status opened = journal.reopen();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::journal_unavailable);
    EXPECT_NE(opened.error().message.find("read-only"), std::string::npos);
}

TEST_F(Fault, AnotherProgramsLockPasses) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")));
    Result<Database> holder = Database::open(journal.path(), {});
    ASSERT_TRUE(holder);
    ASSERT_TRUE(holder->execute("BEGIN IMMEDIATE", "holding"));
    const Result<Committed> blocked = journal.write(run_write(1, "demo"));
    ASSERT_FALSE(blocked);
    EXPECT_EQ(blocked.error().code, Errc::journal_unavailable);
    EXPECT_TRUE(blocked.error().transient);
    EXPECT_TRUE(journal->health().writable);
    EXPECT_TRUE(journal->session({"demo"}));
    ASSERT_TRUE(holder->execute("ROLLBACK", "letting go"));
    EXPECT_EQ(*journal.write(run_write(1, "demo")), (Committed{.first = 2, .last = 2}));
}

TEST_F(Fault, ACorruptPageIsReportedAndEndsWriting) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")));
    for (int run = 1; run <= 200; ++run)
        journal.submit(run_write(run, "demo"));
    ASSERT_TRUE(journal->commit());
    journal.close(); // copies the log into the database
    {
        std::fstream file(journal.path(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(0, std::ios::end);
        const std::int64_t size = file.tellg();
        ASSERT_GT(size, 20 * 4096);
        const std::string garbage(4096, '\x5a');
        // All but the pages of the schema.
        for (std::int64_t offset = 12 * 4096; offset + 4096 <= size; offset += 4096) {
            file.seekp(offset);
            file.write(garbage.data(), 4096);
        }
    }
    const Status opened = journal.reopen();
    const Result<Committed> written =
        opened ? journal.write(run_write(201, "demo")) : Result<Committed>(fail(opened.error()));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, Errc::journal_corrupt) << written.error().to_string();
    if (opened) {
        EXPECT_EQ(journal->health().error.code, Errc::journal_corrupt);
    }
}

TEST_F(Fault, AFileThatIsNoJournalIsRefusedAndLeftAlone) {
    const TemporaryDirectory directory;
    FakeClock clock;
    CountingEntropy entropy;
    const std::string text = "This is a letter, not a database, and longer than a header is.\n"
                             "This is a letter, not a database, and longer than a header is.\n";
    std::ofstream(directory.file("letter")) << text;
    Result<std::unique_ptr<SqliteJournal>> opened =
        SqliteJournal::open(directory.file("letter"), {}, clock, entropy);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::journal_corrupt);
    EXPECT_EQ(*read_file(directory.file("letter"), 1000), text);

    raw_sql(directory.file("other"), "CREATE TABLE notes (text)");
    opened = SqliteJournal::open(directory.file("other"), {}, clock, entropy);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::journal_corrupt);
    EXPECT_NE(opened.error().message.find("not a kheish journal"), std::string::npos);
    EXPECT_EQ(
        raw_sql(directory.file("other"), "SELECT count(*) FROM sqlite_schema"),
        std::vector<std::string>{"1"});

    opened = SqliteJournal::open(directory.file("no/such/directory"), {}, clock, entropy);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::journal_unavailable);
    EXPECT_EQ(opened.error().sys_errno, ENOENT);
}

} // namespace
} // namespace kheish::journal
