#include "fault_vfs.hpp"
#include "support.hpp"

#include <gtest/gtest.h>

namespace kheish::journal {
namespace {

TEST(Commit, AnswersInOrderAndOnlyFromCommit) {
    JournalFile journal;
    std::vector<int> order;
    for (int i = 0; i < 3; ++i)
        journal->submit(
            session_write("s" + std::to_string(i)),
            Responder<Committed>([&order, i](Result<Committed> result) {
                order.push_back(result && result->first == i + 1 ? i : -1);
            }));
    EXPECT_TRUE(order.empty());
    EXPECT_TRUE(journal->has_pending());
    EXPECT_EQ(journal->newest_seq(), 0);
    EXPECT_TRUE(journal->events(0, {}, 10)->items.empty());
    ASSERT_TRUE(journal->commit());
    EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
    EXPECT_FALSE(journal->has_pending());
}

TEST(Commit, OneTransactionAndOneSyncForAll) {
    FaultVfs::instance().reset();
    JournalFile journal(FaultVfs::kName);
    ASSERT_TRUE(journal.write(session_write("demo")));
    const Stats before = journal->stats();
    FaultVfs::instance().syncs = 0;
    for (int run = 1; run <= 64; ++run)
        journal.submit(run_write(run, "demo"));
    EXPECT_EQ(FaultVfs::instance().syncs, 0);
    ASSERT_TRUE(journal->commit());
    EXPECT_EQ(FaultVfs::instance().syncs, 1);
    const Stats after = journal->stats();
    EXPECT_EQ(after.commits - before.commits, 1);
    EXPECT_EQ(after.writes - before.writes, 64);
    EXPECT_EQ(after.events - before.events, 64);
    // A turn without writes costs nothing.
    ASSERT_TRUE(journal->commit());
    EXPECT_EQ(FaultVfs::instance().syncs, 1);
    EXPECT_EQ(journal->stats().commits, after.commits);
}

TEST(Commit, ARefusedWriteFailsAloneAndLeavesNoGap) {
    JournalFile journal;
    const Answer first = journal.submit(session_write("one"));
    Write broken = session_write("two");
    broken.blobs.emplace_back("content of a write that fails");
    broken.rows.emplace_back(make_run(7, "two")); // its input is nowhere
    const Answer second = journal.submit(broken);
    const Answer third = journal.submit(session_write("three"));
    ASSERT_TRUE(journal->commit());
    EXPECT_EQ(**first, (Committed{.first = 1, .last = 1}));
    EXPECT_EQ(second->error().code, Errc::internal);
    EXPECT_EQ(**third, (Committed{.first = 2, .last = 2}));
    EXPECT_EQ(journal->session({"two"}).error().code, Errc::session_not_found);
    EXPECT_TRUE(journal->session({"three"}));
    EXPECT_EQ(
        journal->blob(codec::sha256("content of a write that fails")).error().code,
        Errc::not_found);
    EXPECT_EQ(journal->stats().refused_writes, 1);
    EXPECT_TRUE(journal->health().writable);
}

TEST(Commit, WhatAResponderSubmitsGoesToTheNextTransaction) {
    JournalFile journal;
    Answer inner;
    journal->submit(
        session_write("outer"),
        Responder<Committed>([&journal, inner](Result<Committed> /*result*/) {
            journal->submit(session_write("inner"), inner.responder());
        }));
    ASSERT_TRUE(journal->commit());
    EXPECT_FALSE(inner.has_value());
    EXPECT_TRUE(journal->has_pending());
    EXPECT_FALSE(journal->session({"inner"}));
    ASSERT_TRUE(journal->commit());
    EXPECT_EQ(**inner, (Committed{.first = 2, .last = 2}));
}

TEST(Commit, AWriteWithoutEventsHasNoPlace) {
    JournalFile journal;
    Write write;
    write.blobs.emplace_back("only content");
    EXPECT_EQ(*journal.write(write), Committed{});
    EXPECT_EQ(journal->newest_seq(), 0);
    EXPECT_TRUE(journal->blob(codec::sha256("only content")));
}

TEST(Commit, TheQueueIsBounded) {
    JournalFile journal;
    std::vector<Answer> answers;
    for (std::size_t i = 0; i <= kPendingWritesLimit; ++i)
        answers.push_back(journal.submit(session_write("s" + std::to_string(i))));
    ASSERT_TRUE(journal->commit());
    EXPECT_TRUE(answers[kPendingWritesLimit - 1]->has_value());
    EXPECT_EQ(answers[kPendingWritesLimit]->error().code, Errc::service_unavailable);
    EXPECT_TRUE(answers[kPendingWritesLimit]->error().transient);
    EXPECT_TRUE(journal.write(session_write("later")));
}

TEST(Commit, ClosingAnswersWhatWasNotCommittedAndForgetsIt) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("kept")));
    const Answer lost = journal.submit(session_write("lost"));
    ASSERT_TRUE(journal.reopen());
    EXPECT_EQ(lost->error().code, Errc::journal_unavailable);
    EXPECT_TRUE(journal->session({"kept"}));
    EXPECT_EQ(journal->session({"lost"}).error().code, Errc::session_not_found);
    EXPECT_EQ(journal->newest_seq(), 1);
}

TEST(Commit, ClosingAlsoAnswersWhatIsSubmittedMeanwhile) {
    JournalFile journal;
    Answer late;
    SqliteJournal* closing = &journal.journal();
    closing->submit(
        session_write("lost"), Responder<Committed>([closing, late](Result<Committed> /*result*/) {
            closing->submit(session_write("late"), late.responder());
        }));
    journal.close();
    EXPECT_EQ(late->error().code, Errc::journal_unavailable);
}

TEST(Commit, RunNumbersGrowAndACommittedOneIsNeverUsedAgain) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")));
    EXPECT_EQ(journal->next_run_number(), 1);
    EXPECT_EQ(journal->next_run_number(), 2);
    ASSERT_TRUE(journal.write(run_write(2, "demo")));
    EXPECT_EQ(journal->next_run_number(), 3);
    ASSERT_TRUE(journal.reopen());
    EXPECT_EQ(journal->next_run_number(), 3);
    // An event alone keeps its number too.
    Write event_only;
    event_only.events.push_back(make_event("demo", 9));
    ASSERT_TRUE(journal.write(event_only));
    ASSERT_TRUE(journal.reopen());
    EXPECT_EQ(journal->next_run_number(), 10);
    EXPECT_EQ(journal->next_session_number(), 2);
    EXPECT_EQ(journal->next_session_number(), 3);
}

TEST(Commit, TheInstanceIdStays) {
    JournalFile journal;
    const std::array<std::byte, 16> id = journal->instance_id();
    EXPECT_EQ(id[0], std::byte{1});
    EXPECT_EQ(id[15], std::byte{16});
    ASSERT_TRUE(journal.reopen());
    EXPECT_EQ(journal->instance_id(), id);
    JournalFile other;
    other.close();
}

IdempotencyReceipt make_receipt(const std::string& scope, const std::string& request) {
    IdempotencyReceipt receipt;
    receipt.scope = scope;
    receipt.key_digest = codec::sha256("key-1");
    receipt.fingerprint = codec::sha256(request);
    receipt.run = RunId{1};
    receipt.result = "{\"run_id\":\"run-1\"}";
    receipt.created_us = 42;
    return receipt;
}

TEST(Receipt, IsFoundByScopeAndKey) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")));
    Write write = run_write(1, "demo");
    write.receipt = make_receipt("user:1000 SubmitInput", "request");
    ASSERT_TRUE(journal.write(write));
    ASSERT_TRUE(journal.reopen());
    const Result<std::optional<IdempotencyReceipt>> found =
        journal->receipt("user:1000 SubmitInput", codec::sha256("key-1"));
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, write.receipt);
    EXPECT_FALSE(journal->receipt("user:1001 SubmitInput", codec::sha256("key-1"))->has_value());
    EXPECT_FALSE(journal->receipt("user:1000 SubmitInput", codec::sha256("key-2"))->has_value());
}

TEST(Receipt, ASecondUseOfTheKeyUndoesItsWholeWrite) {
    JournalFile journal;
    ASSERT_TRUE(journal.write(session_write("demo")));
    Write first = run_write(1, "demo");
    first.receipt = make_receipt("user:1000 SubmitInput", "request");
    Write second = run_write(2, "demo");
    second.receipt = make_receipt("user:1000 SubmitInput", "another request");
    // Both in one transaction: neither caller could have seen the other's receipt.
    const Answer one = journal.submit(first);
    const Answer two = journal.submit(second);
    ASSERT_TRUE(journal->commit());
    EXPECT_TRUE(one->has_value());
    ASSERT_FALSE(two->has_value());
    EXPECT_EQ(two->error().code, Errc::idempotency_conflict);
    EXPECT_EQ(journal->run(RunId{2}).error().code, Errc::run_not_found);
    EXPECT_EQ(
        (*journal->receipt("user:1000 SubmitInput", codec::sha256("key-1")))->fingerprint,
        codec::sha256("request"));
    // The same key in another scope is another key.
    second.receipt->scope = "user:1001 SubmitInput";
    EXPECT_TRUE(journal.write(second));
}

} // namespace
} // namespace kheish::journal
