#include "upkeep/audit_log.hpp"

#include "base/fd.hpp"
#include "base/text.hpp"
#include "control/stored_record.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace kheish::upkeep {

namespace {

/// What only says how kheishd itself gets on with work that others have asked for: it changes
/// neither who may do what nor anything outside.
constexpr std::array<std::string_view, 12> kUnaudited{
    "run.queued",
    "run.started",
    "run.recovered",
    "run.stuck_reported",
    "run.launch_requested",
    "run.launch_failed",
    "run.scope_stop_requested",
    "model.retry_scheduled",
    "model.retry_due",
    "model.retry_woken",
    "context.trimmed",
    "tool.prepared",
};

/// Longest that may stand behind the records.
constexpr std::size_t kNotesLimitBytes = govern::kKeyEpochsLimitBytes + govern::kNoteLimitBytes;

std::string line_of(std::uint64_t number, const govern::TreeHash& hash, std::string_view record) {
    std::string line =
        std::to_string(number) + "\t" + codec::base64_encode(govern::bytes_of(hash)) + "\t";
    line += record;
    line += '\n';
    return line;
}

} // namespace

bool is_audited(std::string_view type) {
    return std::find(kUnaudited.begin(), kUnaudited.end(), type) == kUnaudited.end();
}

std::vector<std::string_view> unaudited_types() {
    return {kUnaudited.begin(), kUnaudited.end()};
}

std::string audit_origin(const journal::Journal& journal) {
    return "kheish/journal/" + to_hex(journal.instance_id());
}

Status each_audited(
    const journal::Journal& journal,
    UniqueFunction<Status(std::uint64_t number, const journal::StoredEvent& stored)> take) {
    std::uint64_t number = 0;
    EventSeq after = 0;
    for (;;) {
        KHEISH_TRY(
            const journal::Page<journal::StoredEvent> page,
            journal.events(after, {}, journal::kPageLimit));
        for (const journal::StoredEvent& stored : page.items)
            if (is_audited(stored.event.type))
                KHEISH_CHECK(take(number++, stored));
        after = page.next;
        if (!page.has_more)
            return {};
    }
}

Result<std::vector<govern::TreeHash>> audit_leaves(const journal::Journal& journal) {
    std::vector<govern::TreeHash> leaves;
    KHEISH_CHECK(each_audited(journal, [&leaves](std::uint64_t, const auto& stored) -> Status {
        leaves.push_back(govern::leaf_hash(control::audit_record(stored)));
        return {};
    }));
    return leaves;
}

govern::Checkpoint
checkpoint_of(const journal::Journal& journal, const std::vector<govern::TreeHash>& leaves) {
    return {audit_origin(journal), leaves.size(), govern::root_of(leaves)};
}

Status export_audit(
    const journal::Journal& journal,
    const govern::KeyEpochs& epochs,
    const govern::SigningKey& key,
    int fd) {
    govern::MerkleTree tree;
    const auto write = [&tree, fd](std::uint64_t number, const auto& stored) -> Status {
        const std::string record = control::audit_record(stored);
        const govern::TreeHash hash = govern::leaf_hash(record);
        tree.append(hash);
        return write_all(fd, line_of(number, hash, record));
    };
    KHEISH_CHECK(each_audited(journal, write));
    KHEISH_TRY(
        const std::string note,
        govern::sign_checkpoint({audit_origin(journal), tree.size(), tree.root()}, key));
    return write_all(fd, "\n" + epochs.text() + note);
}

AuditVerifier::AuditVerifier(
    govern::VerifyingKey key, std::optional<govern::SignedCheckpoint> earlier)
    : key_(std::move(key)), earlier_(std::move(earlier)) {
    note_earlier();
}

void AuditVerifier::find(std::string finding) {
    if (finding_.empty())
        finding_ = std::move(finding);
}

void AuditVerifier::note_earlier() {
    if (earlier_ && earlier_->checkpoint.size == tree_.size())
        root_at_earlier_ = tree_.root();
}

void AuditVerifier::update(std::string_view bytes) {
    while (!bytes.empty() && finding_.empty()) {
        if (in_notes_) {
            if (notes_.size() + bytes.size() > kNotesLimitBytes)
                return find("what stands behind the records are no notes");
            notes_ += bytes;
            return;
        }
        const std::size_t end = bytes.find('\n');
        rest_ += bytes.substr(0, end);
        if (rest_.size() > kAuditLineLimitBytes)
            return find("record " + std::to_string(tree_.size()) + " is too long");
        if (end == std::string_view::npos)
            return;
        bytes.remove_prefix(end + 1);
        take_line(std::exchange(rest_, {}));
    }
}

void AuditVerifier::take_line(std::string_view line) {
    if (line.empty())
        in_notes_ = true;
    else
        take_record(line);
}

void AuditVerifier::take_record(std::string_view line) {
    const std::string number = std::to_string(tree_.size());
    const std::string name = "record " + number;
    const std::size_t first = line.find('\t');
    const std::size_t second = first == std::string_view::npos ? first : line.find('\t', first + 1);
    if (second == std::string_view::npos)
        return find(name + " is not written as one");
    if (line.substr(0, first) != number)
        return find(
            "where " + name +
            " should stand, there is another one: records are missing, or not in "
            "their order");
    const std::string_view record = line.substr(second + 1);
    const govern::TreeHash hash = govern::leaf_hash(record);
    if (line.substr(first + 1, second - first - 1) != codec::base64_encode(govern::bytes_of(hash)))
        return find(name + " is not what it was when it was hashed");
    tree_.append(hash);
    leaves_.push_back(hash);
    note_earlier();
}

void AuditVerifier::check_notes() {
    std::string_view newest = notes_;
    while (const std::optional<std::size_t> end = govern::end_of_note(newest))
        newest.remove_prefix(*end + 1);
    const std::size_t epochs_size = notes_.size() - newest.size();
    const Result<govern::KeyEpochs> epochs =
        govern::KeyEpochs::parse(std::string_view(notes_).substr(0, epochs_size), key_.name());
    if (!epochs)
        return find(epochs.error().message);
    const Result<govern::VerifyingKey> key = epochs->follow(key_);
    if (!key)
        return find(key.error().message);
    key_ = *key;
    check_newest(newest);
    check_epochs(*epochs);
    if (earlier_)
        check_earlier(*epochs);
}

void AuditVerifier::check_epochs(const govern::KeyEpochs& epochs) {
    govern::MerkleTree tree;
    std::size_t number = 0;
    for (const govern::KeyEpoch& epoch : epochs.all()) {
        const std::string name = "epoch " + std::to_string(++number) + " of the key";
        const std::string size = std::to_string(epoch.start.size);
        if (epoch.start.size > leaves_.size()) {
            std::string finding = name;
            finding.append(" began when the log had ").append(size);
            finding.append(" records, here are ").append(std::to_string(leaves_.size()));
            return find(finding.append(": it was rolled back or cut"));
        }
        while (tree.size() < epoch.start.size)
            tree.append(leaves_[tree.size()]);
        if (tree.root() != epoch.start.root)
            return find(std::string("one of the first ")
                            .append(size)
                            .append(" records is not what it was when ")
                            .append(name)
                            .append(" began"));
    }
}

void AuditVerifier::check_newest(std::string_view note) {
    const Result<govern::Checkpoint> now = govern::read_checkpoint(note, key_);
    if (!now)
        return find(now.error().message);
    if (now->size != tree_.size())
        return find(
            "the checkpoint is about " + std::to_string(now->size) + " records, here are " +
            std::to_string(tree_.size()));
    if (now->root != tree_.root())
        find("a record and its hash are not what the checkpoint was signed for");
}

void AuditVerifier::check_earlier(const govern::KeyEpochs& epochs) {
    const std::string size = std::to_string(earlier_->checkpoint.size);
    // The newest key stands for all that is in its epoch's note, and so for the keys before it.
    const bool is_signed =
        govern::check_signed_by(*earlier_, key_).has_value() ||
        std::any_of(epochs.all().begin(), epochs.all().end(), [this](const auto& epoch) {
            return govern::check_signed_by(*earlier_, epoch.key).has_value();
        });
    if (!is_signed)
        return find("the earlier checkpoint is not signed by a key of this log");
    if (!root_at_earlier_)
        return find(
            "the log had " + size + " records before, and has " + std::to_string(tree_.size()) +
            " now: it was rolled back or cut");
    if (*root_at_earlier_ != earlier_->checkpoint.root)
        find("one of the first " + size + " records is not what it was at the earlier checkpoint");
}

AuditVerdict AuditVerifier::finish() {
    if (finding_.empty() && !in_notes_)
        find("the export ends in the middle: it has no checkpoint");
    if (finding_.empty())
        check_notes();
    if (!finding_.empty())
        return {tree_.size(), finding_, {}};
    return {tree_.size(), {}, key_};
}

} // namespace kheish::upkeep
