#include "upkeep_fixture.hpp"

namespace kheish::upkeep {
namespace {

TEST_F(UpkeepTest, AHealthyJournalIsVerifiedWhileKheishdHasIt) {
    const Verdict verdict = verified(path());
    EXPECT_EQ(verdict.findings, 0) << (verdict.details.empty() ? "" : verdict.details[0]);
    EXPECT_EQ(verdict.events, journal_->newest_seq());
    EXPECT_EQ(verdict.sessions, 1);
    EXPECT_EQ(verdict.runs, 2);
    EXPECT_GT(verdict.blobs, 3);
}

TEST_F(UpkeepTest, ARowThatNoEventMakesIsFound) {
    expect_finding(
        "UPDATE runs SET status = 'failed' WHERE run_id = 1", "the row of run-1 is not what");
}

TEST_F(UpkeepTest, AGateThatWasOpenedBehindTheJournalsBackIsFound) {
    expect_finding("UPDATE approvals SET state = 'allowed'", "is not what its events make");
}

TEST_F(UpkeepTest, AnotherOwnerOfASessionIsFound) {
    expect_finding("UPDATE sessions SET owner = 'user:0'", "the row of session demo");
}

class UpkeepOfTokens : public UpkeepTest {
  protected:
    void SetUp() override {
        UpkeepTest::SetUp();
        control::Caller root = control::Caller::user(0);
        root.acts_for_others = true;
        using Answer = Responder<codec::Json>;
        const auto quiet = [] {
            return Answer([](const Result<codec::Json>& answer) { EXPECT_TRUE(answer); });
        };
        for (const char* name : {"ci", "old"}) {
            plane_->create_token(root, {.name = name, .role = control::Role::operate}, quiet());
            settle();
        }
        plane_->rotate_token(root, {.name = "ci"}, quiet());
        plane_->revoke_token(root, {.name = "old"}, quiet());
        plane_->note_authentication_failure({"invalid_token", "192.0.2.1", "GET", "/", false});
        settle();
    }
};

TEST_F(UpkeepOfTokens, AreVerifiedAndMadeAnew) {
    expect_whole(path());
    const Result<journal::TokenRow> before = journal_->token("ci");
    crash();
    const Result<Rebuilt> rebuilt = rebuild(path(), clock_, entropy_);
    ASSERT_TRUE(rebuilt) << rebuilt.error().to_string();
    expect_whole(path());
    boot();
    EXPECT_EQ(journal_->token("ci")->digest, before->digest);
    EXPECT_EQ(journal_->token("ci")->rotated_us, before->rotated_us);
    EXPECT_TRUE(journal_->token("old")->revoked_us.has_value());
}

TEST_F(UpkeepOfTokens, ASecretThatWasPutInBehindTheJournalsBackIsFound) {
    expect_finding(
        "UPDATE tokens SET digest = zeroblob(32) WHERE name = 'ci'", "the row of token ci is not");
}

TEST_F(UpkeepOfTokens, ATokenThatNobodyMadeIsFound) {
    expect_finding(
        "INSERT INTO tokens (name, role, digest, created_us, created_by) VALUES ('me', 'admin', "
        "zeroblob(32), 1, 'user:0')",
        "there is a row of token me that no event makes");
}

TEST_F(UpkeepOfTokens, ARevocationThatWasTakenBackIsFound) {
    expect_finding(
        "UPDATE tokens SET revoked_us = NULL WHERE name = 'old'", "the row of token old is not");
}

TEST_F(UpkeepTest, AMissingRowIsFound) {
    expect_finding("DELETE FROM outputs", "the outputs of run-1");
}

TEST_F(UpkeepTest, ChangedContentIsFound) {
    expect_finding(
        "DROP TRIGGER blobs_are_never_changed; UPDATE blobs SET data = x'00' WHERE id = 1",
        "is not what its digest says");
}

TEST_F(UpkeepTest, AMissingEventIsFound) {
    expect_finding(
        "DROP TRIGGER events_are_never_removed; DELETE FROM events WHERE seq = 3",
        "after event 2 comes 4");
}

TEST_F(UpkeepTest, AFlippedBitIsFound) {
    crash();
    flip_a_bit_of("An answer.");
    EXPECT_GE(verified(path()).findings, 1);
}

TEST_F(UpkeepTest, ABackupIsAJournalByItself) {
    const std::string copy = beside("copy.db");
    {
        const Fd file = new_file(copy);
        const Status done = journal::back_up(path(), file.get(), progress_);
        ASSERT_TRUE(done) << done.error().to_string();
    }
    const EventSeq newest = journal_->newest_seq();
    ASSERT_TRUE(submit("demo", "after the backup"));
    expect_whole(copy);
    const Result<std::unique_ptr<journal::SqliteJournal>> opened =
        journal::SqliteJournal::open(copy, {}, clock_, entropy_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    EXPECT_EQ((*opened)->newest_seq(), newest);
    EXPECT_TRUE((*opened)->run(waiting_));
    EXPECT_EQ((*opened)->instance_id(), journal_->instance_id());
}

TEST_F(UpkeepTest, ADamagedJournalIsNotBackedUpAsIfItWereWhole) {
    crash();
    flip_a_bit_of("An answer.");
    const Fd file = new_file(beside("copy.db"));
    const Status done = journal::back_up(path(), file.get(), progress_);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::journal_corrupt) << done.error().to_string();
}

TEST_F(UpkeepTest, PruningDropsOldContentAndNothingElse) {
    const std::string answer = "An answer.";
    ASSERT_TRUE(journal_->blob(codec::sha256(answer)));
    Result<journal::Pruning> pruning =
        journal::Pruning::plan(path(), clock_.now().wall_us + 1'000'000);
    ASSERT_TRUE(pruning) << pruning.error().to_string();
    EXPECT_EQ(pruning->runs(), std::vector<RunId>{over_});
    while (pruning->left() > 0)
        ASSERT_TRUE(pruning->step());
    EXPECT_EQ(journal_->blob(codec::sha256(answer)).error().code, Errc::not_found);
    EXPECT_EQ(journal_->blob(codec::sha256("first")).error().code, Errc::not_found);
    EXPECT_TRUE(journal_->blob(codec::sha256("second"))) << "a run that is not over";
    expect_whole(path());
    const codec::Json shown = view(over_);
    EXPECT_NE(
        shown.find("outputs")->at(0).find("content")->string().find("pruned: 10 bytes"),
        std::string::npos);
    // The same text said again is content again.
    ASSERT_TRUE(submit("demo", "first"));
    EXPECT_TRUE(journal_->blob(codec::sha256("first")));
    expect_whole(path());
}

TEST_F(UpkeepTest, WhatIsReferredToMeanwhileIsNotPruned) {
    Result<journal::Pruning> pruning =
        journal::Pruning::plan(path(), clock_.now().wall_us + 1'000'000);
    ASSERT_TRUE(pruning);
    ASSERT_TRUE(submit("demo", "first")) << "the text of the run that is to be pruned";
    while (pruning->left() > 0)
        ASSERT_TRUE(pruning->step());
    EXPECT_TRUE(journal_->blob(codec::sha256("first")));
    EXPECT_GT(pruning->pruned_blobs(), 0);
}

TEST_F(UpkeepTest, ARunIsOldWhenItsTimeHasCome) {
    const Result<journal::Pruning> pruning =
        journal::Pruning::plan(path(), clock_.now().wall_us - 86'400'000'000);
    ASSERT_TRUE(pruning);
    EXPECT_TRUE(pruning->runs().empty());
    EXPECT_EQ(pruning->left(), 0U);
}

TEST_F(UpkeepTest, RebuildingMakesAllRowsAnew) {
    const journal::RunRow run = *journal_->run(waiting_);
    const journal::SessionRow session = *journal_->session({"demo"});
    const ApprovalId gate{only_approval(waiting_)};
    const journal::ApprovalRow approval = *journal_->approval(gate);
    crash();
    journal::raw_sql(
        path(),
        "UPDATE runs SET status = 'failed'; UPDATE sessions SET owner = 'user:0'; "
        "DELETE FROM approvals; DELETE FROM outputs");
    const Result<Rebuilt> rebuilt = rebuild(path(), clock_, entropy_);
    ASSERT_TRUE(rebuilt) << rebuilt.error().to_string();
    EXPECT_EQ(rebuilt->runs, 2);
    EXPECT_EQ(rebuilt->sessions, 1);
    expect_whole(path());
    EXPECT_TRUE(std::filesystem::exists(rebuilt->kept_as));
    EXPECT_FALSE(std::filesystem::exists(path() + ".rebuilt"));
    {
        const Result<std::unique_ptr<journal::SqliteJournal>> anew =
            journal::SqliteJournal::open_to_read(path(), clock_);
        ASSERT_TRUE(anew) << anew.error().to_string();
        EXPECT_EQ(*(*anew)->run(waiting_), run);
        EXPECT_EQ(*(*anew)->session({"demo"}), session);
        EXPECT_EQ(*(*anew)->approval(gate), approval);
    }
    boot();
    ASSERT_TRUE(resolve(waiting_, gate.value, true).has_value()) << "and the run goes on";
}

TEST_F(UpkeepTest, NothingIsRebuiltUnderARunningDaemon) {
    const Result<Rebuilt> rebuilt = rebuild(path(), clock_, entropy_);
    ASSERT_FALSE(rebuilt);
    EXPECT_EQ(rebuilt.error().code, Errc::journal_unavailable);
    EXPECT_NE(rebuilt.error().message.find("in use by"), std::string::npos);
}

TEST_F(UpkeepTest, ADamagedRecordIsNotRebuiltFrom) {
    crash();
    flip_a_bit_of("\"text_preview\":\"second\"");
    const std::string damaged = content_of(path());
    const Result<Rebuilt> rebuilt = rebuild(path(), clock_, entropy_);
    ASSERT_FALSE(rebuilt);
    EXPECT_EQ(rebuilt.error().code, Errc::journal_corrupt) << rebuilt.error().to_string();
    EXPECT_EQ(content_of(path()), damaged) << "what is there stays there";
}

TEST_F(UpkeepTest, AnExportHasTheBytesOfEveryEvent) {
    const Fd file = new_file(beside("export"));
    ASSERT_TRUE(export_events(path(), file.get(), 0, true, clock_));
    std::ifstream lines(beside("export"));
    std::vector<journal::StoredEvent> events = journal_->events(0, {}, 1000)->items;
    std::size_t seen = 0;
    std::set<std::string> content;
    for (std::string line; std::getline(lines, line);) {
        const Result<codec::Json> parsed = codec::parse_json(line);
        ASSERT_TRUE(parsed) << line;
        if (const std::optional<codec::Json> data = parsed->find("base64")) {
            content.insert(*codec::base64_decode(data->string()));
            continue;
        }
        ASSERT_LT(seen, events.size());
        const journal::StoredEvent& event = events[seen++];
        EXPECT_EQ(parsed->find("seq")->integer(), event.seq);
        EXPECT_NE(line.find("\"body\":" + event.event.body + "}"), std::string::npos);
    }
    EXPECT_EQ(seen, events.size());
    EXPECT_TRUE(content.contains("An answer."));
    const Fd rest = new_file(beside("rest"));
    ASSERT_TRUE(export_events(path(), rest.get(), journal_->newest_seq() - 1, false, clock_));
    const std::string text = content_of(beside("rest"));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
}

TEST_F(UpkeepTest, SpoolsOfOldRunsAreRemoved) {
    std::filesystem::create_directories(beside("spool/run-1"));
    std::filesystem::create_directories(beside("spool/run-2"));
    std::ofstream(beside("spool/run-1/call-1-0")) << "12345";
    std::ofstream(beside("spool/run-2/call-1-0")) << "stays";
    const Result<SpoolsRemoved> removed = remove_spools(beside("spool"), {RunId{1}, RunId{7}});
    ASSERT_TRUE(removed);
    EXPECT_EQ(removed->files, 1);
    EXPECT_EQ(removed->bytes, 5);
    EXPECT_FALSE(std::filesystem::exists(beside("spool/run-1")));
    EXPECT_TRUE(std::filesystem::exists(beside("spool/run-2/call-1-0")));
}

} // namespace
} // namespace kheish::upkeep
