#include "govern/key_epochs.hpp"

#include "codec/digest.hpp"

#include <optional>
#include <utility>

namespace kheish::govern {

namespace {

constexpr std::string_view kEpochLine = "key-epoch ";

std::string extension_of(
    std::size_t number,
    const VerifyingKey& key,
    std::string_view former_note,
    bool is_handed_over) {
    std::string lines =
        std::string(kEpochLine) + std::to_string(number) + " " + key.to_text() + "\n";
    if (number > 1)
        lines += "former-epoch " + codec::sha256(former_note).to_hex() +
                 (is_handed_over ? " signed\n" : " unsigned\n");
    return lines;
}

/// The key that the further lines of a checkpoint name.
std::optional<VerifyingKey> key_in(std::string_view extension) {
    const std::string_view line = extension.substr(0, extension.find('\n'));
    if (!line.starts_with(kEpochLine))
        return std::nullopt;
    const Result<VerifyingKey> key = VerifyingKey::parse(line.substr(line.rfind(' ') + 1));
    return key ? std::optional(*key) : std::nullopt;
}

} // namespace

Result<KeyEpochs> KeyEpochs::parse(std::string_view text, std::string origin) {
    KeyEpochs epochs(std::move(origin));
    while (!text.empty()) {
        const std::optional<std::size_t> end = end_of_note(text);
        if (!end)
            return fail(
                Errc::bad_request,
                "epoch " + std::to_string(epochs.epochs_.size() + 1) +
                    " of the key is not written to its end");
        KHEISH_CHECK(epochs.append(text.substr(0, *end)));
        text.remove_prefix(*end + 1);
    }
    return epochs;
}

bool KeyEpochs::has_handed_over(const VerifyingKey& key) const {
    for (std::size_t i = 1; i < epochs_.size(); ++i)
        if (epochs_[i].is_handed_over && epochs_[i - 1].key == key)
            return true;
    return false;
}

Status KeyEpochs::begin(Checkpoint now, const SigningKey& key, const SigningKey* former) {
    now.extension =
        extension_of(epochs_.size() + 1, key.verifying_key(), newest_note_, former != nullptr);
    std::vector<const SigningKey*> keys{&key};
    if (former != nullptr)
        keys.push_back(former);
    KHEISH_TRY(const std::string note, sign_note(text_of(now), keys));
    return append(note);
}

Status KeyEpochs::append(std::string_view note) {
    const std::string name = "epoch " + std::to_string(epochs_.size() + 1) + " of the key ";
    if (epochs_.size() >= kKeyEpochLimit)
        return fail(
            Errc::bad_request,
            name + "is one too many: " + std::to_string(kKeyEpochLimit) + " may be");
    const Result<SignedCheckpoint> read = parse_signed_checkpoint(note);
    if (!read)
        return fail(Errc::bad_request, name + "has no note: " + read.error().message);
    const std::string& extension = read->checkpoint.extension;
    const std::optional<VerifyingKey> key = key_in(extension);
    if (!key)
        return fail(Errc::bad_request, name + "names no key");
    const bool is_handed_over =
        !epochs_.empty() && extension == extension_of(epochs_.size() + 1, *key, newest_note_, true);
    KeyEpoch epoch{read->checkpoint, *key, is_handed_over};
    if (const std::string why = wrong_with(*read, epoch); !why.empty())
        return fail(Errc::bad_request, name + why);
    epochs_.push_back(std::move(epoch));
    newest_note_ = note;
    text_ += newest_note_ + "\n";
    return {};
}

std::string KeyEpochs::wrong_with(const SignedCheckpoint& note, const KeyEpoch& epoch) const {
    const KeyEpoch* former = newest();
    if (epoch.start.origin != origin_ || epoch.key.name() != origin_)
        return "is of another log";
    if (epoch.start.extension !=
        extension_of(epochs_.size() + 1, epoch.key, newest_note_, epoch.is_handed_over))
        return "is not the one that follows";
    if (former != nullptr && epoch.start.size < former->start.size)
        return "begins with a log of " + std::to_string(epoch.start.size) +
               " records, the one before with " + std::to_string(former->start.size);
    if (former != nullptr && epoch.key == former->key)
        return "is of the key that has signed before it";
    if (has_handed_over(epoch.key))
        return "is of a key that has handed over";
    const std::vector<std::string>& signatures = note.note.signatures;
    const auto is_signed = [&note, &signatures](std::size_t place, const VerifyingKey& key) {
        return check_signature(note.note.text, signatures[place], key) == SignatureState::valid;
    };
    if (signatures.size() != (epoch.is_handed_over ? 2 : 1) || !is_signed(0, epoch.key) ||
        (epoch.is_handed_over && !is_signed(1, former->key)))
        return "is not signed as it says";
    return {};
}

Result<VerifyingKey> KeyEpochs::follow(const VerifyingKey& known) const {
    VerifyingKey trusted = known;
    bool is_found = epochs_.empty();
    std::string broken;
    for (std::size_t i = 0; i < epochs_.size(); ++i) {
        const KeyEpoch& epoch = epochs_[i];
        const bool follows = i > 0 && epochs_[i - 1].key == trusted;
        if (follows && epoch.is_handed_over)
            trusted = epoch.key;
        else if (follows)
            broken = "the key changed at record " + std::to_string(epoch.start.size) +
                     " without the signature of the former: from " + trusted.label() + " to " +
                     epoch.key.label();
        is_found = is_found || epoch.key == trusted;
    }
    if (!is_found)
        return fail(Errc::bad_request, "no epoch of the log is of key " + known.label());
    if (!epochs_.empty() && epochs_.back().key != trusted)
        return fail(Errc::bad_request, broken);
    return trusted;
}

} // namespace kheish::govern
