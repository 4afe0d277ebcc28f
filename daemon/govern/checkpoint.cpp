#include "govern/checkpoint.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace kheish::govern {

namespace {

constexpr std::string_view kSignatureMark = "\u2014 ";

std::string text_of(const Checkpoint& checkpoint) {
    return checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" +
           codec::base64_encode(bytes_of(checkpoint.root)) + "\n";
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

tl::unexpected<Error> wrong(std::string why) {
    return fail(Errc::bad_request, "the checkpoint " + std::move(why));
}

/// The signature of this key in a line, if it is one of it.
std::optional<std::string> signature_in(std::string_view line, const VerifyingKey& key) {
    const std::string begin = std::string(kSignatureMark) + key.name() + " ";
    if (!line.starts_with(begin))
        return std::nullopt;
    const std::string_view text = line.substr(begin.size());
    const Result<std::string> bytes = codec::base64_decode(text);
    const std::string id = key.id();
    // One signature has one spelling.
    if (!bytes || !bytes->starts_with(id) || codec::base64_encode(*bytes) != text)
        return std::nullopt;
    return bytes->substr(id.size());
}

Result<Checkpoint> parse_text(std::string_view text) {
    const std::vector<std::string_view> lines = lines_of(text);
    if (lines.size() < 3)
        return wrong("is not whole");
    Checkpoint checkpoint;
    checkpoint.origin = lines[0];
    const std::optional<std::uint64_t> size = parse_number<std::uint64_t>(lines[1]);
    const Result<std::string> root = codec::base64_decode(lines[2]);
    if (!size || !root || root->size() != checkpoint.root.bytes.size())
        return wrong("has no size or no root");
    checkpoint.size = *size;
    std::transform(root->begin(), root->end(), checkpoint.root.bytes.begin(), [](char c) {
        return static_cast<std::byte>(c);
    });
    if (text_of(checkpoint) != text)
        return wrong("is not written as one");
    return checkpoint;
}

} // namespace

Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const SigningKey& key) {
    const VerifyingKey shown = key.verifying_key();
    if (shown.name() != checkpoint.origin)
        return fail(
            Errc::invalid_argument,
            "the key is for " + shown.name() + ", not for " + checkpoint.origin);
    const std::string text = text_of(checkpoint);
    KHEISH_TRY(const std::string signature, key.sign(text));
    return text + "\n" + std::string(kSignatureMark) + shown.name() + " " +
           codec::base64_encode(shown.id() + signature) + "\n";
}

Result<Checkpoint> read_checkpoint(std::string_view note, const VerifyingKey& key) {
    if (note.size() > kNoteLimitBytes)
        return wrong("is longer than " + std::to_string(kNoteLimitBytes) + " bytes");
    const std::size_t gap = note.find("\n\n");
    if (gap == std::string_view::npos || !note.ends_with('\n'))
        return wrong("is not whole");
    const std::string_view text = note.substr(0, gap + 1);
    bool is_signed = false;
    for (const std::string_view line : lines_of(note.substr(gap + 2))) {
        if (!line.starts_with(kSignatureMark))
            return wrong("has something that is no signature behind it");
        if (const std::optional<std::string> signature = signature_in(line, key)) {
            if (!key.verify(text, *signature))
                return wrong("has a signature that is not of " + key.name());
            is_signed = true;
        }
    }
    if (!is_signed)
        return wrong("is not signed by " + key.name());
    KHEISH_TRY(Checkpoint checkpoint, parse_text(text));
    if (checkpoint.origin != key.name())
        return wrong("is of another log: " + escape_for_display(checkpoint.origin));
    return checkpoint;
}

} // namespace kheish::govern
