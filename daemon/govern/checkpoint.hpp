#pragma once

#include "base/result.hpp"
#include "govern/merkle.hpp"
#include "govern/signing_key.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// What a log was at one moment, in a form that can be signed, printed and remembered: a checkpoint
/// (C2SP tlog-checkpoint) in a signed note (C2SP signed-note).
namespace kheish::govern {

struct Checkpoint {
    std::string origin; ///< which log; also the name of the key that signs
    std::uint64_t size = 0;
    TreeHash root;
    friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

/// The note: origin, size and root on a line each, an empty line, the signature's line.
Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const SigningKey& key);

/// What the note says, if `key` has signed it and it is about the log of that name. Signatures of
/// others beside it are passed over. Errc::bad_request says why it is not believed.
Result<Checkpoint> read_checkpoint(std::string_view note, const VerifyingKey& key);

/// Longest note that is read.
inline constexpr std::size_t kNoteLimitBytes = std::size_t{64} << 10U;

} // namespace kheish::govern
