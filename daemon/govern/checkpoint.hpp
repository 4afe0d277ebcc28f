#pragma once

#include "base/result.hpp"
#include "govern/merkle.hpp"
#include "govern/signed_note.hpp"
#include "govern/signing_key.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// What a log was at one moment, in a form that can be signed, printed and remembered: a checkpoint
/// (C2SP tlog-checkpoint) in a signed note (C2SP signed-note).
namespace kheish::govern {

struct Checkpoint {
    std::string origin; ///< which log; also the name of the keys that sign
    std::uint64_t size = 0;
    TreeHash root;
    std::string extension = {}; ///< further lines, each with its newline; mostly none
    friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

/// Origin, size and root on a line each, and the further lines: what is signed.
std::string text_of(const Checkpoint& checkpoint);

/// The note, without further lines in it.
Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const SigningKey& key);

/// A checkpoint of which it is not known yet whose signature counts.
struct SignedCheckpoint {
    Checkpoint checkpoint;
    SignedNote note;
};
/// Errc::bad_request says what is wrong.
Result<SignedCheckpoint> parse_signed_checkpoint(std::string_view note);
/// Whether `key` has signed it and it is about the log of that name. Signatures of others beside it
/// are passed over. Errc::bad_request says why it is not believed.
Status check_signed_by(const SignedCheckpoint& signed_checkpoint, const VerifyingKey& key);

/// Both of them, for a checkpoint without further lines: with them it is something else.
Result<Checkpoint> read_checkpoint(std::string_view note, const VerifyingKey& key);

} // namespace kheish::govern
