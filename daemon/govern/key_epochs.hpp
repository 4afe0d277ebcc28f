#pragma once

#include "base/result.hpp"
#include "govern/checkpoint.hpp"
#include "govern/signing_key.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Which key has signed a log since when, as the keys themselves say it. An epoch begins with a
/// signed note: a checkpoint of the log at that moment with the further lines
///
///     key-epoch NUMBER KEY
///     former-epoch HASH signed
///
/// with the number from 1 and the text of the verifying key. The second line is not in the first
/// epoch's; it binds all that came before: HASH is the SHA-256, in hexadecimal, of the former
/// epoch's whole note. Where the former key was not at hand, "signed" is "unsigned".
///
/// The first signature is the new key's, which shows that somebody holds it; the second, where it
/// says "signed", the former key's: a handover. What has handed over signs nothing more. A note has
/// one spelling, so that every byte of it counts.
namespace kheish::govern {

struct KeyEpoch {
    Checkpoint start; ///< what the log was, and the lines above
    VerifyingKey key;
    bool is_handed_over = false; ///< by the key of the epoch before
};

class KeyEpochs {
  public:
    /// Of the log `origin`, which has none yet.
    explicit KeyEpochs(std::string origin) : origin_(std::move(origin)) {}
    /// What text() gave. Errc::bad_request says which epoch is wrong, and why.
    static Result<KeyEpochs> parse(std::string_view text, std::string origin);

    /// All notes, with an empty line behind each.
    const std::string& text() const { return text_; }
    const std::vector<KeyEpoch>& all() const { return epochs_; }
    /// Null where there is none.
    const KeyEpoch* newest() const { return epochs_.empty() ? nullptr : &epochs_.back(); }
    /// Its note; empty where there is none.
    const std::string& newest_note() const { return newest_note_; }
    /// Whether that key has signed a handover to another.
    bool has_handed_over(const VerifyingKey& key) const;

    /// From now on, when the log is as `now` says, `key` signs. `former` is the newest epoch's key,
    /// or null where that is not at hand. Errc::bad_request says why it cannot be.
    Status begin(Checkpoint now, const SigningKey& key, const SigningKey* former);

    /// The newest key, if whoever trusts `known` can trust it: because it is the same, or because
    /// every key from `known` on has handed over to the next one. Without epochs, `known` itself.
    /// Errc::bad_request says where the chain breaks.
    Result<VerifyingKey> follow(const VerifyingKey& known) const;

  private:
    Status append(std::string_view note);
    /// What is wrong with it as the next one; empty where nothing is.
    std::string wrong_with(const SignedCheckpoint& note, const KeyEpoch& epoch) const;

    std::string origin_;
    std::string text_;
    std::string newest_note_;
    std::vector<KeyEpoch> epochs_;
};

/// Most epochs of a log.
inline constexpr std::size_t kKeyEpochLimit = 1000;
/// Longest text of them.
inline constexpr std::size_t kKeyEpochsLimitBytes = std::size_t{2} << 20U;

} // namespace kheish::govern
