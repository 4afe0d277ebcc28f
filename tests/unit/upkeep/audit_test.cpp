#include "audit_fixture.hpp"

#include "engine/event.hpp"

#include <set>

namespace kheish::upkeep {
namespace {

TEST_F(AuditTest, ARecordIsTheEventInItsOwnBytes) {
    const Lines lines = lines_of(exported());
    const std::size_t tab = lines[0].rfind('\t');
    const std::string record = lines[0].substr(tab + 1, lines[0].size() - tab - 2);
    const Result<codec::Json> json = codec::parse_json(record);
    ASSERT_TRUE(json.has_value()) << record;
    EXPECT_EQ(codec::canonical_json(*json), record);
    EXPECT_EQ(json->find("type")->string(), "session.created");
    EXPECT_EQ(json->find("authority")->string(), "user:1001");
    EXPECT_EQ(json->find("body")->find("owner")->string(), "user:1001");
    EXPECT_EQ(json->find("seq")->integer(), 1);
}

TEST_F(AuditTest, EveryTypeOfEventIsInItOrNamedAsNot) {
    std::set<std::string_view> known(engine::event_types().begin(), engine::event_types().end());
    for (const std::string_view type : unaudited_types())
        EXPECT_TRUE(known.contains(type)) << type;
    for (const char* type :
         {"session.created",
          "run.accepted",
          "model.requested",
          "model.completed",
          "permission.decided",
          "approval.requested",
          "approval.resolved",
          "tool.started",
          "tool.finished",
          "outcome.resolved",
          "question.resolved",
          "token.created",
          "token.revoked",
          "auth.failed"})
        EXPECT_TRUE(is_audited(type)) << type;
}

TEST_F(AuditTest, AWholeExportIsFoundWhole) {
    const std::string text = exported();
    const AuditVerdict verdict = verified(text, *former_);
    EXPECT_EQ(verdict.finding, "");
    EXPECT_EQ(verdict.records, count_records(lines_of(text)));
    EXPECT_GE(verdict.records, 9U);
    // However it comes.
    AuditVerifier verifier(former_->verifying_key(), {});
    for (const char c : text)
        verifier.update({&c, 1});
    EXPECT_EQ(verifier.finish().finding, "");
}

TEST_F(AuditTest, EveryBitThatIsFlippedIsFound) {
    std::size_t tried = 0;
    std::size_t missed = 0;
    for (const std::string& text : {exported(), exported_without_epochs()})
        for (std::size_t i = 0; i < text.size(); ++i)
            for (int bit = 0; bit < 8; ++bit) {
                std::string changed = text;
                changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
                ++tried;
                if (passes(changed)) {
                    ++missed;
                    ADD_FAILURE() << "bit " << bit << " of byte " << i;
                }
            }
    RecordProperty("flips_tried", static_cast<int>(tried));
    RecordProperty("flips_missed", static_cast<int>(missed));
    std::cout << tried << " bits flipped, " << tried - missed << " found\n";
}

TEST_F(AuditTest, EveryCutIsFound) {
    std::size_t tried = 0;
    for (const std::string& text : {exported(), exported_without_epochs()})
        for (std::size_t size = 0; size < text.size(); ++size, ++tried)
            EXPECT_FALSE(passes(std::string_view(text).substr(0, size))) << size;
    std::cout << tried << " cuts, all found\n";
}

TEST_F(AuditTest, WhatIsDroppedDoubledOrSwappedIsFoundByName) {
    const Lines lines = lines_of(exported());
    std::size_t tried = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        Lines dropped = lines;
        dropped.erase(dropped.begin() + static_cast<std::ptrdiff_t>(i));
        EXPECT_FALSE(passes(text_of(dropped))) << i;
        Lines doubled = lines;
        doubled.insert(doubled.begin() + static_cast<std::ptrdiff_t>(i), lines[i]);
        // Only the line of a signature may stand there twice: it says nothing new.
        EXPECT_EQ(passes(text_of(doubled)), i + 1 == lines.size()) << i;
        for (std::size_t j = i + 1; j < lines.size(); ++j) {
            if (lines[i] == lines[j])
                continue;
            Lines swapped = lines;
            std::swap(swapped[i], swapped[j]);
            EXPECT_FALSE(passes(text_of(swapped))) << i << " " << j;
            ++tried;
        }
        tried += 2;
    }
    std::cout << tried << " lines dropped, doubled or swapped, all found\n";
    Lines changed = lines;
    changed[3].replace(changed[3].find("\"at_us\":"), 9, "\"at_US\":");
    EXPECT_EQ(finding(text_of(changed)), "record 3 is not what it was when it was hashed");
    changed = lines;
    changed.erase(changed.begin() + 3);
    EXPECT_NE(finding(text_of(changed)).find("where record 3 should stand"), std::string::npos);
}

TEST_F(AuditTest, ARecordThatIsHashedAnewIsFoundToo) {
    const std::string text = exported();
    const Lines lines = lines_of(text);
    for (std::size_t i = 0; i < count_records(lines); ++i) {
        Checkpoint made;
        const std::string changed =
            changed_records(lines, i, made) + text.substr(text.find("\n\n") + 1);
        EXPECT_EQ(
            finding(changed), "a record and its hash are not what the checkpoint was signed for");
    }
}

TEST_F(AuditTest, WhoHoldsTheKeyCannotUndoWhatAnEarlierCheckpointSays) {
    const std::string before = exported();
    const SignedCheckpoint kept = remembered(before);
    (void)submit("demo", "more");
    settle();
    const std::string now = exported();
    EXPECT_TRUE(passes(now, kept));
    EXPECT_FALSE(passes(before, remembered(now))) << "rolled back";
    EXPECT_NE(finding(before, remembered(now)).find("rolled back"), std::string::npos);
    // Every record changed, everything signed anew.
    const Lines lines = lines_of(now);
    for (std::size_t changed = 0; changed < count_records(lines); ++changed) {
        Checkpoint made{audit_origin(*journal_), 0, {}};
        std::string text = changed_records(lines, changed, made);
        text += "\n" + *govern::sign_checkpoint(made, *key_);
        EXPECT_TRUE(passes(text)) << "signed by the key, so alone it is believed";
        EXPECT_EQ(passes(text, kept), changed >= kept.checkpoint.size) << changed;
    }
}

TEST_F(AuditTest, AnotherKeyOrAnotherLogIsNotTakenForThis) {
    EXPECT_NE(
        verified(exported_without_epochs(), a_key()).finding.find("is not signed by"),
        std::string::npos);
    const Status other = export_audit(
        *journal_, KeyEpochs(audit_origin(*journal_)), *SigningKey::generate("another"), -1);
    EXPECT_FALSE(other);
}

} // namespace
} // namespace kheish::upkeep
