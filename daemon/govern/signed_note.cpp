#include "govern/signed_note.hpp"

#include "codec/digest.hpp"

namespace kheish::govern {

namespace {

constexpr std::string_view kSignatureMark = "\u2014 ";
constexpr std::string_view kEmptyLine = "\n\n"; ///< and the end of the line before it

} // namespace

Result<std::string> sign_note(std::string_view text, std::span<const SigningKey* const> keys) {
    std::string note(text);
    note += '\n';
    for (const SigningKey* key : keys) {
        const VerifyingKey shown = key->verifying_key();
        KHEISH_TRY(const std::string signature, key->sign(text));
        note += kSignatureMark;
        note += shown.name() + " " + codec::base64_encode(shown.id() + signature) + "\n";
    }
    return note;
}

std::optional<SignedNote> parse_note(std::string_view note) {
    const std::size_t gap = note.find(kEmptyLine);
    if (gap == std::string_view::npos || note.size() > kNoteLimitBytes || !note.ends_with('\n'))
        return std::nullopt;
    SignedNote parsed{std::string(note.substr(0, gap + 1)), {}};
    std::string_view rest = note.substr(gap + kEmptyLine.size());
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        parsed.signatures.emplace_back(rest.substr(0, end));
        if (!rest.starts_with(kSignatureMark))
            return std::nullopt;
        rest.remove_prefix(end + 1);
    }
    return parsed;
}

SignatureState
check_signature(std::string_view text, std::string_view line, const VerifyingKey& key) {
    const std::string begin = std::string(kSignatureMark) + key.name() + " ";
    if (!line.starts_with(begin))
        return SignatureState::absent;
    const std::string_view encoded = line.substr(begin.size());
    const Result<std::string> bytes = codec::base64_decode(encoded);
    const std::string id = key.id();
    // One signature has one spelling.
    if (!bytes || !bytes->starts_with(id) || codec::base64_encode(*bytes) != encoded)
        return SignatureState::absent;
    return key.verify(text, std::string_view(*bytes).substr(id.size())) ? SignatureState::valid
                                                                        : SignatureState::wrong;
}

SignatureState check_signatures(const SignedNote& note, const VerifyingKey& key) {
    SignatureState state = SignatureState::absent;
    for (const std::string& line : note.signatures) {
        const SignatureState one = check_signature(note.text, line, key);
        if (one == SignatureState::wrong)
            return one;
        if (one == SignatureState::valid)
            state = one;
    }
    return state;
}

std::optional<std::size_t> end_of_note(std::string_view notes) {
    const std::size_t gap = notes.find(kEmptyLine);
    const std::size_t end =
        gap == std::string_view::npos ? gap : notes.find(kEmptyLine, gap + kEmptyLine.size());
    if (end == std::string_view::npos)
        return std::nullopt;
    return end + 1;
}

} // namespace kheish::govern
