#include "upkeep/audit_log.hpp"

#include "control_fixture.hpp"
#include "engine/event.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <unistd.h>

namespace kheish::upkeep {
namespace {

using govern::Checkpoint;
using govern::SigningKey;
using Lines = std::vector<std::string>;

/// A journal in which a run of alice has waited for an approval and got it.
class AuditTest : public control::ControlFixture {
  protected:
    void SetUp() override {
        ControlFixture::SetUp();
        key_.emplace(*SigningKey::generate(audit_origin(*journal_)));
        make_session("demo");
        const RunId run = submit("demo", "go");
        launched(run);
        routes_->fake.answer_calls({{"provider-1", "bash", R"({"command":"make"})"}});
        settle();
        ASSERT_TRUE(resolve(run, only_approval(run), true).has_value());
        finish_call(run, "call-1-0", "made");
        routes_->fake.answer("Done.");
        settle();
    }
    std::string exported() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe(ends.data()), 0);
        const Fd reader(ends[0]);
        Fd writer(ends[1]);
        const Status done = export_audit(*journal_, *key_, writer.get());
        EXPECT_TRUE(done) << done.error().to_string();
        writer.reset();
        return read_all(reader.get(), 1 << 20).value_or("");
    }
    AuditVerdict verified(std::string_view text, std::optional<Checkpoint> earlier = {}) {
        AuditVerifier verifier(key_->verifying_key(), std::move(earlier));
        verifier.update(text);
        return verifier.finish();
    }
    bool passes(std::string_view text, std::optional<Checkpoint> earlier = {}) {
        return verified(text, std::move(earlier)).finding.empty();
    }
    Checkpoint checkpoint_of(const std::string& text) {
        return *govern::read_checkpoint(text.substr(text.find("\n\n") + 2), key_->verifying_key());
    }
    static Lines lines_of(const std::string& text) {
        Lines lines;
        std::size_t begin = 0;
        for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos;
             begin = end + 1)
            lines.push_back(text.substr(begin, end + 1 - begin));
        return lines;
    }
    static std::string text_of(const Lines& lines) {
        std::string text;
        for (const std::string& line : lines)
            text += line;
        return text;
    }
    /// How many lines of the export are records.
    static std::size_t count_records(const Lines& lines) {
        return static_cast<std::size_t>(
            std::find(lines.begin(), lines.end(), "\n") - lines.begin());
    }

    std::optional<SigningKey> key_;
};

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
    const AuditVerdict verdict = verified(text);
    EXPECT_EQ(verdict.finding, "");
    EXPECT_EQ(verdict.records, count_records(lines_of(text)));
    EXPECT_GE(verdict.records, 9U);
    // However it comes.
    AuditVerifier verifier(key_->verifying_key(), {});
    for (const char c : text)
        verifier.update({&c, 1});
    EXPECT_EQ(verifier.finish().finding, "");
}

TEST_F(AuditTest, EveryBitThatIsFlippedIsFound) {
    const std::string text = exported();
    std::size_t tried = 0;
    std::size_t missed = 0;
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
    const std::string text = exported();
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_FALSE(passes(std::string_view(text).substr(0, size))) << size;
    std::cout << text.size() << " cuts, all found\n";
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
    EXPECT_EQ(verified(text_of(changed)).finding, "record 3 is not what it was when it was hashed");
    changed = lines;
    changed.erase(changed.begin() + 3);
    EXPECT_NE(
        verified(text_of(changed)).finding.find("where record 3 should stand"), std::string::npos);
}

TEST_F(AuditTest, ARecordThatIsHashedAnewIsFoundToo) {
    Lines lines = lines_of(exported());
    for (std::size_t i = 0; i < count_records(lines); ++i) {
        Lines changed = lines;
        const std::size_t tab = changed[i].rfind('\t');
        std::string record = changed[i].substr(tab + 1);
        record.pop_back();
        record.replace(record.find("\"at_us\":"), 9, "\"at_US\":");
        const govern::TreeHash hash = govern::leaf_hash(record);
        changed[i] = std::to_string(i) + "\t" +
                     codec::base64_encode(std::string_view(
                         reinterpret_cast<const char*>(hash.bytes.data()), hash.bytes.size())) +
                     "\t" + record + "\n";
        EXPECT_EQ(
            verified(text_of(changed)).finding,
            "a record and its hash are not what the checkpoint was signed for");
    }
}

TEST_F(AuditTest, WhoHoldsTheKeyCannotUndoWhatAnEarlierCheckpointSays) {
    const std::string before = exported();
    const Checkpoint remembered = checkpoint_of(before);
    (void)submit("demo", "more");
    settle();
    const std::string now = exported();
    EXPECT_TRUE(passes(now, remembered));
    EXPECT_FALSE(passes(before, checkpoint_of(now))) << "rolled back";
    EXPECT_NE(verified(before, checkpoint_of(now)).finding.find("rolled back"), std::string::npos);
    // Every record changed, everything signed anew.
    Lines lines = lines_of(now);
    const std::size_t records = count_records(lines);
    for (std::size_t changed = 0; changed < records; ++changed) {
        govern::MerkleTree tree;
        std::string text;
        for (std::size_t i = 0; i < records; ++i) {
            std::string record = lines[i].substr(lines[i].rfind('\t') + 1);
            record.pop_back();
            if (i == changed)
                record.replace(record.find("\"at_us\":"), 9, "\"at_US\":");
            const govern::TreeHash hash = govern::leaf_hash(record);
            tree.append(hash);
            text += std::to_string(i) + "\t" +
                    codec::base64_encode(std::string_view(
                        reinterpret_cast<const char*>(hash.bytes.data()), hash.bytes.size())) +
                    "\t" + record + "\n";
        }
        text += "\n" + *govern::sign_checkpoint(
                           {audit_origin(*journal_), tree.size(), tree.root()}, *key_);
        EXPECT_TRUE(passes(text)) << "signed by the key, so alone it is believed";
        EXPECT_EQ(passes(text, remembered), changed >= remembered.size) << changed;
    }
}

TEST_F(AuditTest, AnotherKeyOrAnotherLogIsNotTakenForThis) {
    const std::string text = exported();
    AuditVerifier verifier(SigningKey::generate(audit_origin(*journal_))->verifying_key(), {});
    verifier.update(text);
    EXPECT_NE(verifier.finish().finding.find("is not signed by"), std::string::npos);
    const Status other = export_audit(*journal_, *SigningKey::generate("another"), -1);
    EXPECT_FALSE(other);
}

} // namespace
} // namespace kheish::upkeep
