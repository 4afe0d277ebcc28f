#include "support.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

namespace kheish::journal {
namespace {

using std::string_literals::operator""s;

std::string every_byte() {
    std::string bytes;
    for (int value = 0; value < 256; ++value)
        bytes.push_back(static_cast<char>(value));
    return bytes;
}

TEST(Append, ReturnsEventsByteForByte) {
    JournalFile journal;
    Write write;
    write.blobs = {every_byte(), ""};
    NewEvent event = make_event("demo", 17);
    event.body = "{\"text\":\"a\0b\"}"s + every_byte();
    event.authority = "agent:agent-demo for user:1000";
    event.version = 3;
    event.at_us = -1;
    event.blob_refs = {codec::blob_ref(every_byte()), codec::blob_ref("")};
    write.events = {make_event("demo", std::nullopt), event};
    ASSERT_EQ(*journal.write(write), (Committed{.first = 1, .last = 2}));
    ASSERT_TRUE(journal.reopen());

    const Result<Page<StoredEvent>> page = journal->events(0, {}, 10);
    ASSERT_TRUE(page);
    ASSERT_EQ(page->items.size(), 2U);
    EXPECT_FALSE(page->has_more);
    EXPECT_EQ(page->items[0].seq, 1);
    EXPECT_EQ(page->items[0].event, write.events[0]);
    EXPECT_EQ(page->items[1].seq, 2);
    EXPECT_EQ(page->items[1].event, event);
    EXPECT_EQ(*journal->blob(codec::sha256(every_byte())), every_byte());
    EXPECT_EQ(*journal->blob(codec::sha256("")), "");
    EXPECT_EQ(journal->newest_seq(), 2);
}

TEST(Append, EventsCannotBeChangedByAnyStatement) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")));
    ASSERT_TRUE(journal.write(run_write(1, "demo")));
    const std::string row = "(1, 's', NULL, 'a', 0, 't', 1, 'daemon', x'7b7d', x'')";
    for (const std::string& sql :
         {"UPDATE events SET body = x'00' WHERE seq = 1"s,
          "UPDATE events SET seq = 9 WHERE seq = 2"s,
          "DELETE FROM events WHERE seq = 2"s,
          "DELETE FROM events"s})
        EXPECT_EQ(raw_sql_error(journal.path(), sql), "events are append-only") << sql;
    for (const std::string& sql :
         {"INSERT OR REPLACE INTO events VALUES " + row,
          "REPLACE INTO events VALUES " + row,
          "INSERT INTO events VALUES (9, 's', NULL, 'a', 0, 't', 1, 'daemon', x'7b7d', x'')"s})
        EXPECT_EQ(
            raw_sql_error(journal.path(), sql), "an event must get the number after the last one")
            << sql;
    EXPECT_EQ(
        raw_sql(journal.path(), "SELECT group_concat(seq || ':' || body) FROM events"),
        std::vector<std::string>{"1:{},2:{}"});
}

TEST(Append, BlobsCanOnlyBePruned) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")));
    ASSERT_TRUE(journal.write(run_write(1, "demo")));
    EXPECT_EQ(
        raw_sql_error(journal.path(), "UPDATE blobs SET data = x'00'"), "blobs are never changed");
    EXPECT_EQ(
        raw_sql_error(journal.path(), "UPDATE blobs SET size = 1"), "blobs are never changed");
    EXPECT_EQ(raw_sql_error(journal.path(), "DELETE FROM blobs"), "blobs are never removed");
    EXPECT_EQ(
        raw_sql_error(
            journal.path(),
            "REPLACE INTO blobs (sha256, size, codec, data) SELECT sha256, 0, 0, x'' FROM blobs"),
        "blobs are never replaced");

    raw_sql(journal.path(), "UPDATE blobs SET data = NULL");
    const Result<std::string> pruned = journal->blob(codec::sha256(kInputText));
    ASSERT_FALSE(pruned);
    EXPECT_EQ(pruned.error().code, Errc::not_found);
    EXPECT_NE(pruned.error().message.find("pruned"), std::string::npos);
    // A reference to it is still one to something known, and the same content brings it back.
    Write update;
    update.rows.emplace_back(make_run(1, "demo"));
    EXPECT_TRUE(journal.write(update));
    ASSERT_TRUE(journal.write(run_write(2, "demo")));
    EXPECT_EQ(*journal->blob(codec::sha256(kInputText)), kInputText);
}

TEST(Append, EqualContentIsStoredOnce) {
    JournalFile journal;
    Write write;
    write.blobs = {"same", "same", "other"};
    ASSERT_TRUE(journal.write(write));
    write.blobs = {"same"};
    ASSERT_TRUE(journal.write(write));
    EXPECT_EQ(raw_sql(journal.path(), "SELECT count(*) FROM blobs"), std::vector<std::string>{"2"});
}

TEST(Append, BlobThatIsNotItsDigestIsCorruption) {
    JournalFile journal;
    Write write;
    write.blobs = {"true content"};
    ASSERT_TRUE(journal.write(write));
    raw_sql(
        journal.path(),
        "DROP TRIGGER blobs_are_never_changed; UPDATE blobs SET data = x'66616c7365'");
    const Result<std::string> blob = journal->blob(codec::sha256("true content"));
    ASSERT_FALSE(blob);
    EXPECT_EQ(blob.error().code, Errc::journal_corrupt);
    const Result<std::string> unknown = journal->blob(codec::sha256("never stored"));
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, Errc::not_found);
}

TEST(Append, BrokenReferencesAreRefusedByName) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")));
    Write dangling = run_write(1, "demo");
    dangling.blobs.clear();
    const Result<Committed> refused = journal.write(dangling);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::internal);
    EXPECT_NE(refused.error().message.find(codec::sha256(kInputText).to_hex()), std::string::npos);

    Write wrong_size = run_write(1, "demo");
    wrong_size.events[0].blob_refs[0].size_bytes = 3;
    EXPECT_EQ(journal.write(wrong_size).error().code, Errc::internal);
    Write row_only = run_write(1, "demo");
    std::get<RunRow>(row_only.rows[0]).input = codec::blob_ref("not there");
    EXPECT_EQ(journal.write(row_only).error().code, Errc::internal);
    EXPECT_EQ(journal.write(run_write(1, "no-such-session")).error().code, Errc::internal);
    Write no_event = run_write(1, "demo");
    no_event.events.clear();
    EXPECT_EQ(journal.write(no_event).error().code, Errc::internal);
    // None of them has left anything, and the journal is as well as before.
    EXPECT_EQ(journal->newest_seq(), 1);
    EXPECT_TRUE(journal->health().writable);
    EXPECT_EQ(
        raw_sql(
            journal.path(),
            "SELECT (SELECT count(*) FROM runs) + (SELECT count(*) FROM blobs) + "
            "(SELECT count(*) FROM events)"),
        std::vector<std::string>{"1"});
    EXPECT_TRUE(journal.write(run_write(1, "demo")));
}

TEST(Append, OversizedContentIsRefusedBeforeItIsWritten) {
    JournalFile journal;
    Write write = session_write("demo");
    write.events[0].body.assign(kEventBodyLimitBytes + 1, ' ');
    EXPECT_EQ(journal.write(write).error().code, Errc::payload_too_large);
    write = session_write("demo");
    write.blobs.emplace_back(kBlobLimitBytes + 1, ' ');
    EXPECT_EQ(journal.write(write).error().code, Errc::payload_too_large);
    EXPECT_EQ(journal->newest_seq(), 0);
}

TEST(Append, FilesArePrivate) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")));
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
        struct stat status {};
        ASSERT_EQ(::stat((journal.path() + suffix).c_str(), &status), 0) << suffix;
        EXPECT_EQ(status.st_mode & 0777U, 0600U) << suffix;
    }
}

} // namespace
} // namespace kheish::journal
