#include "govern/checkpoint.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace kheish::govern {

namespace {

tl::unexpected<Error> wrong(std::string why) {
    return fail(Errc::bad_request, "the checkpoint " + std::move(why));
}

/// The next line of `text`, which then begins behind it.
std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

Result<Checkpoint> parse_text(std::string_view text) {
    std::string_view rest = text;
    Checkpoint checkpoint;
    checkpoint.origin = take_line(rest);
    const std::optional<std::uint64_t> size = parse_number<std::uint64_t>(take_line(rest));
    const Result<std::string> root = codec::base64_decode(take_line(rest));
    if (!size || !root || root->size() != checkpoint.root.bytes.size())
        return wrong("has no size or no root");
    checkpoint.size = *size;
    std::transform(root->begin(), root->end(), checkpoint.root.bytes.begin(), [](char c) {
        return static_cast<std::byte>(c);
    });
    checkpoint.extension = rest;
    if (text_of(checkpoint) != text)
        return wrong("is not written as one");
    return checkpoint;
}

} // namespace

std::string text_of(const Checkpoint& checkpoint) {
    return checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" +
           codec::base64_encode(bytes_of(checkpoint.root)) + "\n" + checkpoint.extension;
}

Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const SigningKey& key) {
    const VerifyingKey shown = key.verifying_key();
    if (shown.name() != checkpoint.origin)
        return fail(
            Errc::invalid_argument,
            "the key is for " + shown.name() + ", not for " + checkpoint.origin);
    const std::array<const SigningKey*, 1> keys{&key};
    return sign_note(text_of(checkpoint), keys);
}

Result<SignedCheckpoint> parse_signed_checkpoint(std::string_view note) {
    std::optional<SignedNote> parsed = parse_note(note);
    if (!parsed)
        return wrong("is not whole, or has something that is no signature behind it");
    KHEISH_TRY(Checkpoint checkpoint, parse_text(parsed->text));
    return SignedCheckpoint{std::move(checkpoint), *std::move(parsed)};
}

Status check_signed_by(const SignedCheckpoint& signed_checkpoint, const VerifyingKey& key) {
    switch (check_signatures(signed_checkpoint.note, key)) {
    case SignatureState::absent:
        return wrong("is not signed by key " + key.label());
    case SignatureState::wrong:
        return wrong("has a signature that is not of key " + key.label());
    case SignatureState::valid:
        break;
    }
    if (signed_checkpoint.checkpoint.origin != key.name())
        return wrong(
            "is of another log: " + escape_for_display(signed_checkpoint.checkpoint.origin));
    return {};
}

Result<Checkpoint> read_checkpoint(std::string_view note, const VerifyingKey& key) {
    KHEISH_TRY(SignedCheckpoint read, parse_signed_checkpoint(note));
    KHEISH_CHECK(check_signed_by(read, key));
    if (!read.checkpoint.extension.empty())
        return wrong("says more than what the log is");
    return std::move(read).checkpoint;
}

} // namespace kheish::govern
