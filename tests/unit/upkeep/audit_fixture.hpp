#pragma once

#include "upkeep/audit_log.hpp"

#include "control_fixture.hpp"

#include <algorithm>
#include <array>

#include <unistd.h>

namespace kheish::upkeep {

using govern::Checkpoint;
using govern::KeyEpochs;
using govern::SignedCheckpoint;
using govern::SigningKey;
using govern::VerifyingKey;
using Lines = std::vector<std::string>;

/// A journal in which a run of alice has waited for an approval and got it, and whose first key has
/// handed over to another meanwhile.
class AuditTest : public control::ControlFixture {
  protected:
    void SetUp() override {
        ControlFixture::SetUp();
        epochs_.emplace(audit_origin(*journal_));
        former_.emplace(a_key());
        key_.emplace(a_key());
        make_session("demo");
        begin(*former_, nullptr);
        const RunId run = submit("demo", "go");
        launched(run);
        routes_->fake.answer_calls({{"provider-1", "bash", R"({"command":"make"})"}});
        settle();
        exported_by_former_ = exported(*epochs_, *former_);
        begin(*key_, &*former_);
        ASSERT_TRUE(resolve(run, only_approval(run), true).has_value());
        finish_call(run, "call-1-0", "made");
        routes_->fake.answer("Done.");
        settle();
    }
    SigningKey a_key() { return *SigningKey::generate(audit_origin(*journal_)); }
    Checkpoint now() { return checkpoint_of(*journal_, audit_leaves(*journal_).value()); }
    void begin(const SigningKey& key, const SigningKey* former) {
        const Status begun = epochs_->begin(now(), key, former);
        ASSERT_TRUE(begun) << begun.error().to_string();
    }
    std::string exported(const KeyEpochs& epochs, const SigningKey& key) {
        std::array<int, 2> ends{};
        EXPECT_EQ(::pipe(ends.data()), 0);
        const Fd reader(ends[0]);
        Fd writer(ends[1]);
        const Status done = export_audit(*journal_, epochs, key, writer.get());
        EXPECT_TRUE(done) << done.error().to_string();
        writer.reset();
        return read_all(reader.get(), 1 << 20).value_or("");
    }
    std::string exported() { return exported(*epochs_, *key_); }
    /// As exports were before there were epochs.
    std::string exported_without_epochs() {
        return exported(KeyEpochs(audit_origin(*journal_)), *key_);
    }
    static AuditVerdict verified(
        std::string_view text,
        const SigningKey& known,
        std::optional<SignedCheckpoint> earlier = {}) {
        AuditVerifier verifier(known.verifying_key(), std::move(earlier));
        verifier.update(text);
        return verifier.finish();
    }
    /// For who has remembered the key that signs now.
    std::string finding(std::string_view text, std::optional<SignedCheckpoint> earlier = {}) {
        return verified(text, *key_, std::move(earlier)).finding;
    }
    /// For somebody: who has remembered the key that signs now, or the one before it.
    bool passes(std::string_view text, const std::optional<SignedCheckpoint>& earlier = {}) {
        return finding(text, earlier).empty() || verified(text, *former_, earlier).finding.empty();
    }
    /// What stands at the end of an export.
    static std::string note_in(const std::string& text) {
        std::string_view note = std::string_view(text).substr(text.find("\n\n") + 2);
        while (const std::optional<std::size_t> end = govern::end_of_note(note))
            note.remove_prefix(*end + 1);
        return std::string(note);
    }
    static SignedCheckpoint remembered(const std::string& text) {
        return *govern::parse_signed_checkpoint(note_in(text));
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
    /// All records of the export, one of them changed and hashed anew, without what is behind them.
    static std::string changed_records(const Lines& lines, std::size_t changed, Checkpoint& made) {
        govern::MerkleTree tree;
        std::string text;
        for (std::size_t i = 0; i < count_records(lines); ++i) {
            std::string record = lines[i].substr(lines[i].rfind('\t') + 1);
            record.pop_back();
            if (i == changed)
                record.replace(record.find("\"at_us\":"), 9, "\"at_US\":");
            const govern::TreeHash hash = govern::leaf_hash(record);
            tree.append(hash);
            text += std::to_string(i) + "\t" + codec::base64_encode(govern::bytes_of(hash)) + "\t" +
                    record + "\n";
        }
        made.size = tree.size();
        made.root = tree.root();
        return text;
    }

    std::optional<SigningKey> key_;
    std::optional<SigningKey> former_;
    std::optional<KeyEpochs> epochs_;
    std::string exported_by_former_; ///< before the other key's epoch began
};

} // namespace kheish::upkeep
