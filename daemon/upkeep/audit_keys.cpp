#include "upkeep/audit_keys.hpp"

#include "upkeep/durable_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <utility>

namespace kheish::upkeep {

using govern::SigningKey;

namespace {

std::string trimmed(std::string text) {
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

Result<Fd> lock_directory(const std::string& path) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd)
        return fail_errno("opening " + path, errno);
    while (::flock(fd.get(), LOCK_EX) != 0)
        if (errno != EINTR)
            return fail_errno("locking " + path, errno);
    return fd;
}

} // namespace

Result<AuditKeys> AuditKeys::open(std::string directory, std::string origin) {
    KHEISH_TRY(Fd lock, lock_directory(directory));
    AuditKeys keys(std::move(directory), std::move(origin), std::move(lock));
    const Result<std::string> text = read_file(keys.epochs_path(), govern::kKeyEpochsLimitBytes);
    if (!text && text.error().sys_errno == ENOENT)
        return keys;
    if (!text)
        return fail(text.error());
    Result<govern::KeyEpochs> epochs = govern::KeyEpochs::parse(*text, keys.origin_);
    if (!epochs)
        return fail(Errc::journal_corrupt, keys.epochs_path() + ": " + epochs.error().message);
    keys.epochs_ = *std::move(epochs);
    return keys;
}

Result<SigningKey> AuditKeys::parse(const std::string& text) const {
    KHEISH_TRY(SigningKey key, SigningKey::parse(trimmed(text)));
    const std::string name = key.verifying_key().name();
    if (name != origin_)
        return fail(Errc::invalid_argument, "the key is for " + name + ", not for " + origin_);
    return key;
}

Result<std::optional<SigningKey>> AuditKeys::read(const std::string& path) const {
    const Result<std::string> text = read_file(path, kSigningKeyLimitBytes);
    if (!text && text.error().sys_errno == ENOENT)
        return std::nullopt;
    if (!text)
        return fail(text.error());
    Result<SigningKey> key = parse(*text);
    if (!key)
        return fail(std::move(key).error().wrap(path));
    return std::optional(*std::move(key));
}

Result<SigningKey> AuditKeys::make(const std::string& path) const {
    KHEISH_TRY(SigningKey key, SigningKey::generate(origin_));
    KHEISH_CHECK(write_durably(path, key.to_text() + "\n"));
    return key;
}

bool AuditKeys::is_newest(const std::optional<SigningKey>& key) const {
    const govern::KeyEpoch* newest = epochs_.newest();
    return key && newest != nullptr && newest->key == key->verifying_key();
}

Result<std::optional<SigningKey>> AuditKeys::own() {
    KHEISH_TRY(std::optional<SigningKey> next, read(next_path()));
    if (!is_newest(next))
        return read(path());
    KHEISH_CHECK(rename_durably(next_path(), path()));
    return next;
}

Result<SigningKey> AuditKeys::find(const std::string& given) {
    if (!given.empty())
        return parse(given);
    KHEISH_TRY(std::optional<SigningKey> key, own());
    if (key)
        return *std::move(key);
    if (epochs_.newest() == nullptr)
        return make(path());
    return fail(
        Errc::not_found,
        "the log is signed by key " + epochs_.newest()->key.label() +
            ", which is not in the state directory: say where it is with --signing-key; if it is "
            "lost, begin with another: audit rotate-key --lost");
}

Result<SigningKey> AuditKeys::find_to_sign(const std::string& given, LogNow now) {
    KHEISH_TRY(SigningKey key, find(given));
    if (is_newest(key))
        return key;
    if (epochs_.has_handed_over(key.verifying_key()))
        return fail(
            Errc::conflict,
            "key " + key.verifying_key().label() + " has handed over to others: now " +
                epochs_.newest()->key.label() + " signs");
    KHEISH_TRY(std::optional<SigningKey> former, own());
    KHEISH_CHECK(begin(now, key, is_newest(former) ? former : std::nullopt));
    return key;
}

Result<std::optional<SigningKey>> AuditKeys::former(const std::string& given, bool is_lost) {
    std::optional<SigningKey> key;
    if (given.empty()) {
        KHEISH_TRY(key, own());
    } else {
        KHEISH_TRY(key, parse(given));
    }
    const govern::KeyEpoch* newest = epochs_.newest();
    if (newest == nullptr || is_newest(key))
        return key;
    if (is_lost)
        return std::nullopt;
    return fail(
        Errc::conflict,
        "the log is signed by key " + newest->key.label() + ", which is not " +
            (given.empty() ? "in the state directory: say where it is with --signing-key"
                           : "the one of --signing-key") +
            "; if it is lost, --lost");
}

Result<SigningKey> AuditKeys::rotate(const GivenKeys& given, bool is_lost, LogNow now) {
    if (!given.current.empty() && given.next.empty())
        return fail(
            Errc::invalid_argument,
            "the key is not of the state directory: say which is the next with --next-signing-key");
    KHEISH_TRY(const std::optional<SigningKey> known, former(given.current, is_lost));
    if (known && epochs_.newest() == nullptr)
        KHEISH_CHECK(begin(now, *known, std::nullopt));
    KHEISH_TRY(SigningKey next, given.next.empty() ? make(next_path()) : parse(given.next));
    KHEISH_CHECK(begin(now, next, known));
    if (given.next.empty())
        KHEISH_CHECK(rename_durably(next_path(), path()));
    return next;
}

Status
AuditKeys::begin(LogNow& now, const SigningKey& key, const std::optional<SigningKey>& former) {
    KHEISH_TRY(govern::Checkpoint start, now());
    govern::KeyEpochs epochs = epochs_;
    if (const Status begun = epochs.begin(std::move(start), key, former ? &*former : nullptr);
        !begun)
        return fail(Errc::conflict, begun.error().message);
    KHEISH_CHECK(write_durably(epochs_path(), epochs.text()));
    epochs_ = std::move(epochs);
    return {};
}

} // namespace kheish::upkeep
