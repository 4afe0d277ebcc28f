#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "govern/key_epochs.hpp"

#include <optional>
#include <string>

/// The keys that sign the audit log, and the record of their epochs: files of the state directory.
///
///     audit-signing.key        the key, where no other is given
///     audit-signing.key.next   the next one, while the key is being changed
///     audit-key-epochs         the notes of all epochs (govern::KeyEpochs::text())
///
/// No key signs before its epoch is on record, and no epoch is before its key is kept: the next key
/// is written first, then its epoch, then it takes the name of the former. Whoever comes after an
/// interruption finds out which of both holds by the newest epoch.
namespace kheish::upkeep {

/// Keys that are not of the state directory, as text; empty: not given.
struct GivenKeys {
    std::string current;
    std::string next; ///< of a change
};

/// Longest file of a signing key.
inline constexpr std::size_t kSigningKeyLimitBytes = 4096;

class AuditKeys {
  public:
    /// The checkpoint of the log as it is, for the note of an epoch.
    using LogNow = UniqueFunction<Result<govern::Checkpoint>()>;

    /// Those of the log `origin` in `directory`, which nobody else changes as long as this lives.
    /// Errc::journal_corrupt where the record of the epochs is no such record.
    static Result<AuditKeys> open(std::string directory, std::string origin);

    const govern::KeyEpochs& epochs() const { return epochs_; }

    /// `given`, or the state directory's, which is made where there has been no key at all. Not to
    /// sign with: its epoch may not have begun. Errc::not_found where the key is somewhere else.
    Result<govern::SigningKey> find(const std::string& given);
    /// The same, after its epoch has begun; signed by the state directory's key too, where that is
    /// the former one. Errc::conflict where the key has handed over to another.
    Result<govern::SigningKey> find_to_sign(const std::string& given, LogNow now);
    /// Begins an epoch of the next key: `given.next`, or one that is made and takes the place of
    /// the state directory's. The former is `given.current`, or the state directory's; where it is
    /// at hand it signs the handover. Errc::conflict where it is not, unless `is_lost`.
    Result<govern::SigningKey> rotate(const GivenKeys& given, bool is_lost, LogNow now);

  private:
    AuditKeys(std::string directory, std::string origin, Fd lock)
        : directory_(std::move(directory)), origin_(std::move(origin)), lock_(std::move(lock)),
          epochs_(origin_) {}

    std::string path() const { return directory_ + "/audit-signing.key"; }
    std::string next_path() const { return path() + ".next"; }
    std::string epochs_path() const { return directory_ + "/audit-key-epochs"; }
    Result<govern::SigningKey> parse(const std::string& text) const;
    Result<std::optional<govern::SigningKey>> read(const std::string& path) const;
    Result<govern::SigningKey> make(const std::string& path) const;
    /// The state directory's; a change that was interrupted is finished first.
    Result<std::optional<govern::SigningKey>> own();
    bool is_newest(const std::optional<govern::SigningKey>& key) const;
    /// The newest epoch's key, where it is at hand.
    Result<std::optional<govern::SigningKey>> former(const std::string& given, bool is_lost);
    Status begin(
        LogNow& now,
        const govern::SigningKey& key,
        const std::optional<govern::SigningKey>& former);

    std::string directory_;
    std::string origin_;
    Fd lock_;
    govern::KeyEpochs epochs_;
};

} // namespace kheish::upkeep
