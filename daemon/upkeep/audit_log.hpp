#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "govern/checkpoint.hpp"
#include "govern/key_epochs.hpp"
#include "journal/journal.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The audit log: of the journal's events those about who may do what, and about what was done for
/// whom, as the leaves of one Merkle tree, in the order in which they were committed.
///
/// An export of it is lines of text. First the records, each
///
///     NUMBER <tab> HASH <tab> RECORD
///
/// with the number from 0, the leaf's hash in base64 and the record's own bytes: canonical JSON of
/// the event with its authority and its body. Then an empty line, the note of each epoch of the key
/// (govern::KeyEpochs) with an empty line behind it, and the signed checkpoint. Exports from before
/// there were epochs have no notes of them and are read as well.
namespace kheish::upkeep {

/// Whether events of that type are in the audit log.
bool is_audited(std::string_view type);
/// The types that are not.
std::vector<std::string_view> unaudited_types();

/// "kheish/journal/" and the journal's instance id: the log's name and its key's.
std::string audit_origin(const journal::Journal& journal);

/// Calls `take(number, event)` for every event of the log in order, until one is an error.
Status each_audited(
    const journal::Journal& journal,
    UniqueFunction<Status(std::uint64_t number, const journal::StoredEvent& stored)> take);

/// Hashes of all leaves.
Result<std::vector<govern::TreeHash>> audit_leaves(const journal::Journal& journal);
/// The log with these leaves.
govern::Checkpoint
checkpoint_of(const journal::Journal& journal, const std::vector<govern::TreeHash>& leaves);

/// Writes an export, signed now by `key`, which is that of the newest of `epochs`.
Status export_audit(
    const journal::Journal& journal,
    const govern::KeyEpochs& epochs,
    const govern::SigningKey& key,
    int fd);

struct AuditVerdict {
    std::uint64_t records = 0;
    std::string finding;                     ///< the first thing that is wrong; empty: nothing is
    std::optional<govern::VerifyingKey> key; ///< the newest; where nothing is wrong
};

/// Checks an export as it comes, with nothing but a public key and, where somebody has kept one, an
/// earlier checkpoint of the same log, or the note of an epoch. The key may be that of any epoch:
/// from it on, every key must have handed over to the next. The earlier checkpoint may be signed by
/// the key of any epoch.
class AuditVerifier {
  public:
    AuditVerifier(govern::VerifyingKey key, std::optional<govern::SignedCheckpoint> earlier);

    /// The next bytes of the export.
    void update(std::string_view bytes);
    /// After the last of them.
    AuditVerdict finish();

  private:
    void take_line(std::string_view line);
    void take_record(std::string_view line);
    void note_earlier();
    void check_notes();
    void check_epochs(const govern::KeyEpochs& epochs);
    void check_newest(std::string_view note);
    void check_earlier(const govern::KeyEpochs& epochs);
    void find(std::string finding);

    govern::VerifyingKey key_; ///< in the end the newest
    std::optional<govern::SignedCheckpoint> earlier_;
    std::optional<govern::TreeHash> root_at_earlier_;
    govern::MerkleTree tree_;
    std::vector<govern::TreeHash> leaves_;
    std::string rest_;  ///< a line that has not ended
    std::string notes_; ///< what stands behind the records
    bool in_notes_ = false;
    std::string finding_;
};

/// Longest line of an export.
inline constexpr std::size_t kAuditLineLimitBytes = std::size_t{64} << 20U;

} // namespace kheish::upkeep
