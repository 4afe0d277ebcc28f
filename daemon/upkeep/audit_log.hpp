#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "govern/checkpoint.hpp"
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
/// the event with its authority and its body. Then an empty line, and the signed checkpoint.
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

/// Writes an export, signed now.
Status export_audit(const journal::Journal& journal, const govern::SigningKey& key, int fd);

struct AuditVerdict {
    std::uint64_t records = 0;
    std::string finding; ///< the first thing that is wrong; empty where nothing is
};

/// Checks an export as it comes, with nothing but the public key and, where somebody has kept one,
/// an earlier checkpoint of the same log.
class AuditVerifier {
  public:
    AuditVerifier(govern::VerifyingKey key, std::optional<govern::Checkpoint> earlier);

    /// The next bytes of the export.
    void update(std::string_view bytes);
    /// After the last of them.
    AuditVerdict finish();

  private:
    void take_line(std::string_view line);
    void take_record(std::string_view line);
    void note_earlier();
    void find(std::string finding);

    govern::VerifyingKey key_;
    std::optional<govern::Checkpoint> earlier_;
    std::optional<govern::TreeHash> root_at_earlier_;
    govern::MerkleTree tree_;
    std::string rest_; ///< a line that has not ended
    std::string note_;
    bool in_note_ = false;
    std::string finding_;
};

/// Longest line of an export.
inline constexpr std::size_t kAuditLineLimitBytes = std::size_t{64} << 20U;

} // namespace kheish::upkeep
