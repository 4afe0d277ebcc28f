#pragma once

#include "base/result.hpp"
#include "govern/signing_key.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Signed notes (C2SP signed-note): a text of lines, an empty line, and a line for each signature.
namespace kheish::govern {

struct SignedNote {
    std::string text;                    ///< with its last newline
    std::vector<std::string> signatures; ///< lines, without theirs
};

/// `text` has no empty line; the signatures stand in the order of `keys`.
Result<std::string> sign_note(std::string_view text, std::span<const SigningKey* const> keys);

/// Nothing where `note` is not written as one, or is longer than kNoteLimitBytes.
std::optional<SignedNote> parse_note(std::string_view note);

enum class SignatureState { valid, wrong, absent };
/// What that line of signatures is to `key`: absent where it is another key's.
SignatureState
check_signature(std::string_view text, std::string_view line, const VerifyingKey& key);
/// Of all its signatures: wrong where one of `key` is, those of others are passed over.
SignatureState check_signatures(const SignedNote& note, const VerifyingKey& key);

/// Where in `notes`, each with an empty line behind it, the first one ends and that line begins;
/// nothing where no empty line stands behind a note.
std::optional<std::size_t> end_of_note(std::string_view notes);

/// Longest note that is read.
inline constexpr std::size_t kNoteLimitBytes = std::size_t{64} << 10U;

} // namespace kheish::govern
