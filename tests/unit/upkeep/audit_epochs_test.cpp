#include "audit_fixture.hpp"

namespace kheish::upkeep {
namespace {

class AuditEpochsTest : public AuditTest {
  protected:
    /// The records and notes of an export, each note without the empty line behind it.
    struct Parts {
        std::string records; ///< with the empty line
        std::vector<std::string> notes;
    };
    static Parts parts_of(const std::string& text) {
        const std::size_t gap = text.find("\n\n") + 2;
        Parts parts{text.substr(0, gap), {}};
        std::string_view notes = std::string_view(text).substr(gap);
        while (const std::optional<std::size_t> end = govern::end_of_note(notes)) {
            parts.notes.emplace_back(notes.substr(0, *end));
            notes.remove_prefix(*end + 1);
        }
        parts.notes.emplace_back(notes);
        return parts;
    }
    static std::string text_of(const Parts& parts) {
        std::string text = parts.records;
        for (std::size_t i = 0; i < parts.notes.size(); ++i)
            text += (i == 0 ? "" : "\n") + parts.notes[i];
        return text;
    }
    void more() {
        (void)submit("demo", "more");
        settle();
    }
};

TEST_F(AuditEpochsTest, AKeyThatWasRememberedLeadsToTheNewest) {
    const std::string text = exported();
    EXPECT_EQ(parts_of(text).notes.size(), 3U);
    for (const SigningKey* known : {&*former_, &*key_}) {
        const AuditVerdict verdict = verified(text, *known);
        EXPECT_EQ(verdict.finding, "");
        EXPECT_EQ(verdict.key, key_->verifying_key());
    }
    // Over more than one handover.
    const SigningKey third = a_key();
    more();
    begin(third, &*key_);
    EXPECT_EQ(verified(exported(*epochs_, third), *former_).key, third.verifying_key());
    // What was exported before is as good as it was.
    EXPECT_EQ(verified(exported_by_former_, *former_).finding, "");
}

TEST_F(AuditEpochsTest, ExportsFromBeforeThereWereEpochsAreReadAsTheyWere) {
    const AuditVerdict verdict = verified(exported_without_epochs(), *key_);
    EXPECT_EQ(verdict.finding, "");
    EXPECT_EQ(verdict.key, key_->verifying_key());
    EXPECT_NE(
        verified(exported_without_epochs(), *former_).finding.find("is not signed by key"),
        std::string::npos);
}

TEST_F(AuditEpochsTest, EveryNoteThatIsDroppedDoubledSwappedOrCutIsFound) {
    const Parts whole = parts_of(exported());
    const std::size_t count = whole.notes.size();
    std::size_t tried = 0;
    const auto expect_found = [this, &tried](const Parts& changed) {
        ++tried;
        EXPECT_FALSE(passes(text_of(changed))) << tried;
    };
    for (std::size_t i = 0; i < count; ++i) {
        const auto place = static_cast<std::ptrdiff_t>(i);
        Parts dropped = whole;
        dropped.notes.erase(dropped.notes.begin() + place);
        expect_found(dropped);
        for (std::size_t j = 0; j <= count; ++j) {
            Parts doubled = whole;
            doubled.notes.insert(
                doubled.notes.begin() + static_cast<std::ptrdiff_t>(j), whole.notes[i]);
            expect_found(doubled);
        }
        for (std::size_t j = i + 1; j < count; ++j) {
            Parts swapped = whole;
            std::swap(swapped.notes[i], swapped.notes[j]);
            expect_found(swapped);
        }
        for (std::size_t size = 0; size < whole.notes[i].size(); ++size) {
            Parts cut = whole;
            cut.notes[i].resize(size);
            expect_found(cut);
        }
        // A line of a signature that is dropped, doubled or put into another note.
        const Lines lines = lines_of(whole.notes[i]);
        for (std::size_t line = 4; line < lines.size(); ++line)
            for (std::size_t j = 0; j + 1 < count; ++j) {
                Parts added = whole;
                added.notes[j] += lines[line];
                if (lines[line].starts_with("\u2014"))
                    expect_found(added);
            }
    }
    // What may go: all epochs, for who has remembered the key that signs now. What is found whole
    // are the same records under a signature of the same key.
    Parts without = whole;
    without.notes.erase(without.notes.begin(), without.notes.end() - 1);
    EXPECT_EQ(text_of(without), exported_without_epochs());
    EXPECT_EQ(finding(text_of(without)), "");
    EXPECT_NE(verified(text_of(without), *former_).finding, "");
    std::cout << tried << " notes dropped, doubled, swapped or cut, all found\n";
}

TEST_F(AuditEpochsTest, AKeyThatTheFormerHasNotSignedIsNamed) {
    more();
    const std::size_t size = now().size;
    const SigningKey forger = a_key();
    begin(forger, nullptr);
    const std::string text = exported(*epochs_, forger);
    const std::string expected = "the key changed at record " + std::to_string(size) +
                                 " without the signature of the former: from " +
                                 key_->verifying_key().label() + " to " +
                                 forger.verifying_key().label();
    EXPECT_EQ(verified(text, *former_).finding, expected);
    EXPECT_EQ(verified(text, *key_).finding, expected);
    EXPECT_EQ(verified(text, forger).finding, "") << "whoever was told of it";
    EXPECT_EQ(
        verified(text, a_key()).finding.find("no epoch of the log is of key"), std::size_t{0});
    // The former comes back: it has handed over to nobody.
    begin(*key_, nullptr);
    EXPECT_EQ(verified(exported(), *former_).finding, "");
    EXPECT_NE(verified(exported(), forger).finding, "");
    // One that has handed over does not, not even by another's word.
    EXPECT_FALSE(epochs_->begin(now(), *former_, nullptr));
    EXPECT_FALSE(epochs_->begin(now(), *former_, &*key_));
    EXPECT_FALSE(epochs_->begin(now(), *key_, nullptr)) << "it signs already";
}

TEST_F(AuditEpochsTest, AHandoverThatSomebodyElseSignedIsFound) {
    const SigningKey forger = a_key();
    for (const SigningKey& signer : {forger, *former_}) {
        KeyEpochs forged = *epochs_;
        const Status begun = forged.begin(now(), forger, &signer);
        ASSERT_FALSE(begun);
        EXPECT_EQ(begun.error().message, "epoch 3 of the key is not signed as it says");
    }
    // The same behind the back of who writes epochs: the former key's line is another's.
    Parts parts = parts_of(exported());
    const std::string& note = parts.notes[1];
    const std::string text = note.substr(0, note.find("\n\n") + 1);
    const std::array<const SigningKey*, 2> signers{&*key_, &forger};
    parts.notes[1] = *govern::sign_note(text, signers);
    EXPECT_EQ(finding(text_of(parts)), "epoch 2 of the key is not signed as it says");
    EXPECT_EQ(
        verified(text_of(parts), *former_).finding, "epoch 2 of the key is not signed as it says");
    // Another history before it is not the one that the newest key's note is bound to.
    KeyEpochs other(audit_origin(*journal_));
    ASSERT_TRUE(other.begin(remembered(exported_by_former_).checkpoint, forger, nullptr));
    parts = parts_of(exported());
    parts.notes[0] = other.newest_note();
    EXPECT_EQ(finding(text_of(parts)), "epoch 2 of the key is not the one that follows");
}

TEST_F(AuditEpochsTest, WhoHoldsTheNewestKeyCannotUndoWhatWasThereBeforeItsEpoch) {
    const std::string text = exported();
    const Lines lines = lines_of(text);
    const std::uint64_t handed_over = epochs_->newest()->start.size;
    ASSERT_LT(handed_over, count_records(lines));
    std::size_t tried = 0;
    for (std::size_t changed = 0; changed < count_records(lines); ++changed, ++tried) {
        Checkpoint made{audit_origin(*journal_), 0, {}};
        const std::string records = changed_records(lines, changed, made);
        const std::string note = *govern::sign_checkpoint(made, *key_);
        const std::string kept = records + "\n" + epochs_->text() + note;
        const std::string found = verified(kept, *former_).finding;
        EXPECT_EQ(found.empty(), changed >= handed_over) << found;
        // With another note of the epoch, which the former key does not sign.
        KeyEpochs forged(audit_origin(*journal_));
        ASSERT_TRUE(forged.begin(epochs_->all()[0].start, *former_, nullptr));
        ASSERT_TRUE(forged.begin(made, *key_, nullptr));
        EXPECT_NE(verified(records + "\n" + forged.text() + note, *former_).finding, "");
    }
    std::cout << tried << " records changed by who holds the newest key\n";
}

TEST_F(AuditEpochsTest, AnEpochBeyondTheRecordsIsARollback) {
    const std::string before = parts_of(exported_by_former_).records;
    Checkpoint made{audit_origin(*journal_), 0, {}};
    (void)changed_records(lines_of(exported_by_former_), SIZE_MAX, made);
    more();
    const SigningKey third = a_key();
    begin(third, &*key_);
    const std::string cut = before + epochs_->text() + *govern::sign_checkpoint(made, third);
    EXPECT_EQ(
        verified(cut, *former_).finding,
        "epoch 3 of the key began when the log had " +
            std::to_string(epochs_->newest()->start.size) + " records, here are " +
            std::to_string(made.size) + ": it was rolled back or cut");
    const Status shorter = epochs_->begin(made, a_key(), nullptr);
    ASSERT_FALSE(shorter);
    EXPECT_NE(shorter.error().message.find("begins with a log of"), std::string::npos);
}

TEST_F(AuditEpochsTest, ACheckpointThatWasKeptUnderAnyKeyCounts) {
    const SignedCheckpoint kept = remembered(exported_by_former_);
    const std::string text = exported();
    EXPECT_EQ(verified(text, *former_, kept).finding, "");
    EXPECT_EQ(verified(text, *key_, kept).finding, "");
    EXPECT_EQ(verified(text, *former_, remembered(text)).finding, "");
    // The note of an epoch is one as well.
    const SignedCheckpoint note = *govern::parse_signed_checkpoint(epochs_->newest_note());
    EXPECT_EQ(verified(text, *former_, note).finding, "");
    SignedCheckpoint other = kept;
    other.note = *govern::parse_note(*govern::sign_checkpoint(kept.checkpoint, a_key()));
    EXPECT_EQ(
        verified(text, *former_, other).finding,
        "the earlier checkpoint is not signed by a key of this log");
    const std::string unlike =
        *govern::sign_checkpoint({kept.checkpoint.origin, kept.checkpoint.size, {}}, *former_);
    EXPECT_NE(
        verified(text, *key_, *govern::parse_signed_checkpoint(unlike))
            .finding.find("is not what it was at the earlier checkpoint"),
        std::string::npos);
}

} // namespace
} // namespace kheish::upkeep
