#include "journal/migrate.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kheish::journal {
namespace {

/// The schema of this program, and those of programs that do not exist yet.
std::string version(int later = 0) {
    return std::to_string(migrations().back().version + later);
}

/// The real steps, then steps of a program that does not exist yet, numbered on from them.
std::vector<Migration> with_steps(std::vector<Migration> later) {
    std::vector<Migration> steps(migrations().begin(), migrations().end());
    for (Migration& step : later) {
        step.version = steps.back().version + 1;
        steps.push_back(step);
    }
    return steps;
}

class Migrate : public testing::Test {
  protected:
    Migrate() {
        KHEISH_ASSERT(journal_.write(session_write("demo")).has_value());
        KHEISH_ASSERT(journal_.write(run_write(1, "demo")).has_value());
        journal_.close();
    }

    Status migrate_to(const std::vector<Migration>& steps) {
        KHEISH_TRY(Database database, Database::open(journal_.path(), {}));
        return migrate(database, journal_.path(), steps, journal_.clock, progress_);
    }
    std::string one(const std::string& sql) { return raw_sql(journal_.path(), sql).at(0); }
    std::vector<std::string> backups() const {
        std::vector<std::string> found;
        for (const std::filesystem::directory_entry& entry :
             std::filesystem::directory_iterator(journal_.directory.path()))
            if (entry.path().extension() == ".backup")
                found.push_back(entry.path().string());
        return found;
    }

    JournalFile journal_;
    UniqueFunction<void()> progress_;
};

TEST_F(Migrate, ANewJournalHasTheNewestSchemaAndNoBackup) {
    EXPECT_EQ(one("PRAGMA user_version"), std::to_string(migrations().back().version));
    EXPECT_EQ(one("PRAGMA application_id"), std::to_string(kApplicationId));
    EXPECT_EQ(one("PRAGMA journal_mode"), "wal");
    EXPECT_TRUE(backups().empty());
}

TEST_F(Migrate, BacksUpThenAppliesEachStepOnce) {
    const std::vector<Migration> steps = with_steps(
        {{0, "later_labels.sql", "ALTER TABLE runs ADD COLUMN label TEXT NOT NULL DEFAULT 'none';"},
         {0, "later_more.sql", "CREATE TABLE labels (label TEXT NOT NULL) STRICT;"}});
    ASSERT_TRUE(migrate_to(steps));
    EXPECT_EQ(one("PRAGMA user_version"), version(2));
    EXPECT_EQ(one("SELECT label FROM runs WHERE run_id = 1"), "none");
    EXPECT_EQ(one("SELECT count(*) FROM events"), "2");

    ASSERT_EQ(backups().size(), 1U);
    const std::string backup = backups()[0];
    EXPECT_EQ(backup, journal_.path() + ".v" + version() + "-1700000000.backup");
    struct stat status {};
    ASSERT_EQ(::stat(backup.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
    EXPECT_EQ(raw_sql(backup, "PRAGMA user_version")[0], version());
    EXPECT_EQ(raw_sql(backup, "SELECT count(*) FROM events")[0], "2");
    EXPECT_EQ(raw_sql(backup, "PRAGMA integrity_check")[0], "ok");
    // The backup is a journal that this program opens.
    const Result<std::unique_ptr<SqliteJournal>> opened =
        SqliteJournal::open(backup, {}, journal_.clock, journal_.entropy);
    ASSERT_TRUE(opened) << opened.error().to_string();
    EXPECT_TRUE((*opened)->run(RunId{1}));

    ASSERT_TRUE(migrate_to(steps)); // nothing is left to do
    EXPECT_EQ(backups().size(), 1U);
}

TEST_F(Migrate, AFailedStepLeavesTheVersionBeforeIt) {
    const Status status = migrate_to(with_steps(
        {{0, "later_good.sql", "CREATE TABLE good (n INTEGER) STRICT;"},
         {0,
          "later_bad.sql",
          "CREATE TABLE bad (n INTEGER) STRICT; INSERT INTO nowhere VALUES (1);"}}));
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find("later_bad.sql"), std::string::npos);
    EXPECT_EQ(one("PRAGMA user_version"), version(1));
    EXPECT_EQ(
        one("SELECT group_concat(name) FROM sqlite_schema WHERE name IN ('good', 'bad')"), "good");
    ASSERT_EQ(backups().size(), 1U); // of the version that is no more
    EXPECT_EQ(raw_sql(backups()[0], "PRAGMA user_version")[0], version());
}

TEST_F(Migrate, ABackupThatWasInterruptedIsMadeAnew) {
    std::ofstream(journal_.path() + ".backup.partial") << "half of a database";
    ASSERT_TRUE(migrate_to(with_steps({{0, "later_nothing.sql", "SELECT 1;"}})));
    ASSERT_EQ(backups().size(), 1U);
    EXPECT_EQ(raw_sql(backups()[0], "PRAGMA integrity_check")[0], "ok");
    EXPECT_FALSE(std::filesystem::exists(journal_.path() + ".backup.partial"));
}

TEST_F(Migrate, AStepThatBreaksAReferenceIsUndone) {
    const Status status = migrate_to(with_steps(
        {{0,
          "later_orphan.sql",
          "CREATE TABLE child (run_id INTEGER REFERENCES runs (run_id) DEFERRABLE INITIALLY "
          "DEFERRED) "
          "STRICT; INSERT INTO child VALUES (99);"}}));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::journal_corrupt);
    EXPECT_EQ(one("PRAGMA user_version"), version());
    EXPECT_EQ(one("SELECT count(*) FROM sqlite_schema WHERE name = 'child'"), "0");
    EXPECT_TRUE(backups().empty());
    EXPECT_TRUE(journal_.reopen());
}

TEST_F(Migrate, ANewerSchemaIsRefusedByNameAndLeftAlone) {
    raw_sql(journal_.path(), "PRAGMA user_version = " + version(1));
    const Status opened = journal_.reopen();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::journal_newer_schema);
    EXPECT_NE(opened.error().message.find("schema " + version(1)), std::string::npos);
    EXPECT_NE(
        opened.error().message.find("up to " + std::to_string(migrations().back().version)),
        std::string::npos);
    EXPECT_EQ(one("PRAGMA user_version"), version(1));
    EXPECT_TRUE(backups().empty());
}

TEST_F(Migrate, TellsThatItIsAtWork) {
    int calls = 0;
    progress_ = [&calls] {
        ++calls;
    };
    ASSERT_TRUE(migrate_to(with_steps(
        {{0,
          "later_slow.sql",
          "CREATE TABLE slow (n INTEGER) STRICT; INSERT INTO slow "
          "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 4000000) "
          "SELECT max(n) FROM c;"}})));
    EXPECT_GT(calls, 0);
}

TEST(Lock, ASecondOpenerIsRefusedAndToldWhoHasIt) {
    JournalFile journal;
    const Result<std::unique_ptr<SqliteJournal>> second =
        SqliteJournal::open(journal.path(), {}, journal.clock, journal.entropy);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::journal_unavailable);
    EXPECT_NE(
        second.error().message.find("process " + std::to_string(::getpid())), std::string::npos);
    journal.close();
    EXPECT_TRUE(journal.reopen());
}

TEST(Restart, AKilledProcessLosesNothingThatWasAnswered) {
    JournalFile journal;
    journal.close();
    int answers[2];
    ASSERT_EQ(::pipe2(answers, O_CLOEXEC), 0);
    const Fd reader(answers[0]);
    Fd writer(answers[1]);
    const pid_t child = ::fork();
    if (child == 0) {
        // Writes and reports without end; what it has queued when it dies is lost.
        (void)journal.reopen();
        (void)journal.write(session_write("demo"));
        for (std::int64_t run = 1;; ++run) {
            const Result<Committed> committed = journal.write(run_write(run, "demo"));
            journal.submit(run_write(1'000'000 + run, "demo"));
            if (!committed || ::write(writer.get(), &run, sizeof(run)) != sizeof(run))
                ::_exit(1);
        }
    }
    ASSERT_GT(child, 0);
    writer.reset();
    std::int64_t answered = 0;
    while (answered < 50)
        ASSERT_EQ(::read(reader.get(), &answered, sizeof(answered)), ssize_t{sizeof(answered)});
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    while (::read(reader.get(), &answered, sizeof(answered)) == ssize_t{sizeof(answered)}) {
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    ASSERT_TRUE(journal.reopen()); // the lock went with the process
    EXPECT_TRUE(journal->run(RunId{answered}));
    EXPECT_EQ(raw_sql(journal.path(), "PRAGMA integrity_check"), std::vector<std::string>{"ok"});
}

/// tests/data/journal/schema-N.db, made by the program that schema N came with; its README says
/// how.
class Golden : public testing::TestWithParam<const char*> {};

INSTANTIATE_TEST_SUITE_P(
    Schemas,
    Golden,
    testing::Values(
        "schema-1.db",
        "schema-2.db",
        "schema-3.db",
        "schema-4.db",
        "schema-5.db",
        "schema-6.db",
        "schema-7.db",
        "schema-8.db"));

TEST_P(Golden, IsOpenedAndRead) {
    const TemporaryDirectory directory;
    const std::string path = directory.file("journal.db");
    std::filesystem::copy_file(std::string(KHEISH_TEST_DATA) + "/journal/" + GetParam(), path);
    FakeClock clock;
    CountingEntropy entropy;
    const Result<std::unique_ptr<SqliteJournal>> opened =
        SqliteJournal::open(path, {}, clock, entropy);
    ASSERT_TRUE(opened) << opened.error().to_string();
    SqliteJournal& journal = **opened;
    EXPECT_EQ(journal.newest_seq(), 5);
    const Result<Page<StoredEvent>> events = journal.events(0, {}, 10);
    ASSERT_TRUE(events);
    ASSERT_EQ(events->items.size(), 5U);
    EXPECT_EQ(events->items[0].event.type, "session.created");
    EXPECT_EQ(events->items[1].event.body, "{\"text\":\"\u00e9\"}");
    EXPECT_EQ(events->items[1].event.authority, "agent:agent-demo for user:1000");
    ASSERT_EQ(events->items[1].event.blob_refs.size(), 1U);
    EXPECT_EQ(*journal.blob(events->items[1].event.blob_refs[0].digest), kInputText);
    EXPECT_EQ(journal.session({"demo"})->owner, "user:1000");
    EXPECT_EQ(journal.run(RunId{1})->last_seq, 5);
    EXPECT_EQ(journal.run(RunId{1})->memory_peak_bytes, 1 << 20);
    EXPECT_EQ(journal.tool_call(RunId{1}, {"call-1-0"})->exit_code, 0);
    EXPECT_EQ(journal.approval({"approval-1-1"})->state, ApprovalState::allowed);
    EXPECT_EQ(journal.approval({"approval-1-1"})->kind, GateKind::approval);
    EXPECT_EQ(journal.outputs(RunId{1}, {})->items.at(0).source_kind, "assistant_text");
    EXPECT_EQ(
        (*journal.receipt("user:1000 SubmitInput", codec::sha256("key")))->result,
        "{\"run_id\":\"run-1\"}");
    const bool has_token = std::string_view(GetParam()) >= "schema-4.db";
    const bool has_rules = std::string_view(GetParam()) >= "schema-5.db";
    EXPECT_EQ(journal.session({"demo"})->permission_rules.has_value(), has_rules);
    EXPECT_EQ(journal.tokens({})->items.size(), has_token ? 1U : 0U);
    const bool has_grant = std::string_view(GetParam()) >= "schema-6.db";
    EXPECT_EQ(*journal.count_grants(), has_grant ? 1 : 0);
    EXPECT_EQ(journal.secrets({})->items.size(), has_grant ? 1U : 0U);
    EXPECT_EQ(journal.subjects({})->items.size(), has_grant ? 1U : 0U);
    EXPECT_EQ(journal.approval({"approval-1-1"})->escalated_to, "");
    const bool has_scope = std::string_view(GetParam()) >= "schema-7.db";
    EXPECT_EQ(
        journal.session({"demo"})->capability_scope, has_scope ? R"({"mcp_server_allow":[]})" : "");
    EXPECT_EQ(journal.instance_id()[15], std::byte{16});
    EXPECT_EQ(journal.next_run_number(), 2);
    // And it is written to as one of today's.
    Answer answer;
    journal.submit(run_write(2, "demo"), answer.responder());
    ASSERT_TRUE(journal.commit());
    EXPECT_EQ(**answer, (Committed{.first = 6, .last = 6}));
}

} // namespace
} // namespace kheish::journal
