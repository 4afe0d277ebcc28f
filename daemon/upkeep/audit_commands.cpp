#include "upkeep/audit_commands.hpp"

#include "control/stored_record.hpp"

#include "base/log.hpp"
#include "base/text.hpp"
#include "codec/json.hpp"
#include "journal/sqlite_journal.hpp"
#include "upkeep/audit_log.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

namespace kheish::upkeep {

namespace {

using codec::Json;

/// A note without its last newline, which journalctl adds.
std::string field_of(const std::string& note) {
    return note.substr(0, note.rfind('\n'));
}

Result<int> say(const std::string& text) {
    KHEISH_CHECK(write_all(STDOUT_FILENO, text));
    return EXIT_SUCCESS;
}

std::string time_of(std::int64_t at_us) {
    const std::time_t seconds = at_us / 1'000'000;
    std::tm parts{};
    std::array<char, 32> text{};
    if (::gmtime_r(&seconds, &parts) == nullptr)
        return "?";
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

/// {"record": N, and the members of the event}.
std::string json_line(std::uint64_t number, const journal::StoredEvent& stored) {
    return "{\"record\":" + std::to_string(number) + "," + control::audit_record(stored).substr(1) +
           "\n";
}

std::string text_line(std::uint64_t number, const journal::StoredEvent& stored) {
    const journal::NewEvent& event = stored.event;
    std::string line = std::to_string(number) + "  " + time_of(event.at_us) + "  " + event.type +
                       "  " + escape_for_display(event.authority);
    if (event.run)
        line += "  " + event.run->to_string();
    else if (!event.session.empty())
        line += "  " + escape_for_display(event.session.value);
    return line + "\n";
}

Result<int> list(const Options& options, const journal::Journal& journal) {
    const auto first = static_cast<std::uint64_t>(options.record);
    KHEISH_CHECK(each_audited(
        journal,
        [&options, first](std::uint64_t number, const journal::StoredEvent& stored) -> Status {
            const std::optional<RunId>& run = stored.event.run;
            const bool is_wanted = options.run.empty() || (run && run->to_string() == options.run);
            if (number < first || !is_wanted)
                return {};
            return write_all(
                STDOUT_FILENO,
                options.json ? json_line(number, stored) : text_line(number, stored));
        }));
    return EXIT_SUCCESS;
}

Result<int> show(const Options& options, const journal::Journal& journal) {
    const auto wanted = static_cast<std::uint64_t>(options.record);
    std::string found;
    KHEISH_CHECK(each_audited(
        journal,
        [&options, &found, wanted](
            std::uint64_t number, const journal::StoredEvent& stored) -> Status {
            if (number == wanted)
                found = options.json ? json_line(number, stored)
                                     : text_line(number, stored) + stored.event.body + "\n";
            return {};
        }));
    if (found.empty())
        return fail(Errc::not_found, "there is no record " + std::to_string(wanted));
    return say(found);
}

Json hashes_view(const std::vector<govern::TreeHash>& hashes) {
    Json view = Json::array();
    for (const govern::TreeHash& hash : hashes)
        view.append(Json(hash.to_hex()));
    return view;
}

/// With what is signed, and what has to be known to believe it.
struct Signing {
    govern::SigningKey key;
    govern::KeyEpochs epochs;
};

std::string how_it_began(const govern::KeyEpochs& epochs, std::size_t index) {
    return index == 0                           ? "the first"
           : epochs.all()[index].is_handed_over ? "handed over by the former key"
                                                : "without the signature of the former key";
}

/// Of an epoch that has begun now, where that is not as it should be.
void warn_of_break(const govern::KeyEpochs& epochs, std::size_t number_before) {
    const std::size_t number = epochs.all().size();
    if (number == number_before || number == 1 || epochs.newest()->is_handed_over)
        return;
    log(Level::warning,
        "the audit log has a new key without the signature of the former",
        {{"KHEISH_AUDIT_EPOCH", field_of(epochs.newest_note())}});
}

AuditKeys::LogNow log_now(const journal::Journal& journal) {
    return [&journal]() -> Result<govern::Checkpoint> {
        KHEISH_TRY(const std::vector<govern::TreeHash> leaves, audit_leaves(journal));
        return checkpoint_of(journal, leaves);
    };
}

Result<AuditKeys> keys_of(const Options& options, const journal::Journal& journal) {
    return AuditKeys::open(options.state_directory, audit_origin(journal));
}

Result<Signing>
prepare_to_sign(const Options& options, const GivenKeys& given, const journal::Journal& journal) {
    KHEISH_TRY(AuditKeys keys, keys_of(options, journal));
    const std::size_t number_before = keys.epochs().all().size();
    KHEISH_TRY(govern::SigningKey key, keys.find_to_sign(given.current, log_now(journal)));
    warn_of_break(keys.epochs(), number_before);
    return Signing{std::move(key), keys.epochs()};
}

Result<int> export_records(const journal::Journal& journal, const Signing& signing) {
    KHEISH_CHECK(export_audit(journal, signing.epochs, signing.key, STDOUT_FILENO));
    return EXIT_SUCCESS;
}

Result<int> prove(const Options& options, const journal::Journal& journal, const Signing& signing) {
    KHEISH_TRY(const std::vector<govern::TreeHash> leaves, audit_leaves(journal));
    const auto index = static_cast<std::uint64_t>(options.record);
    if (index >= leaves.size())
        return fail(
            Errc::not_found,
            "there is no record " + std::to_string(index) + ": the log has " +
                std::to_string(leaves.size()));
    KHEISH_TRY(
        const std::string note,
        govern::sign_checkpoint(checkpoint_of(journal, leaves), signing.key));
    return say(
        codec::canonical_json(Json::object({
            {"record", options.record},
            {"leaf_hash", leaves[index].to_hex()},
            {"proof", hashes_view(govern::inclusion_proof(leaves, index))},
            {"checkpoint", note},
            {"key_epochs", signing.epochs.text()},
        })) +
        "\n");
}

Result<int>
checkpoint(const Options& options, const journal::Journal& journal, const Signing& signing) {
    KHEISH_TRY(const std::vector<govern::TreeHash> leaves, audit_leaves(journal));
    KHEISH_TRY(
        const std::string note,
        govern::sign_checkpoint(checkpoint_of(journal, leaves), signing.key));
    if (!options.log)
        return say(note);
    // Fields of their own: of what is printed, the log drops empty lines. The newest epoch's note
    // binds those of all before it.
    set_log_level(Level::notice);
    log(Level::notice,
        "a checkpoint of the audit log",
        {{"KHEISH_CHECKPOINT", field_of(note)},
         {"KHEISH_AUDIT_EPOCH", field_of(signing.epochs.newest_note())}});
    return EXIT_SUCCESS;
}

Json epoch_view(const govern::KeyEpochs& epochs, std::size_t index) {
    const govern::KeyEpoch& epoch = epochs.all()[index];
    return Json::object({
        {"epoch", static_cast<std::int64_t>(index + 1)},
        {"first_record", static_cast<std::int64_t>(epoch.start.size)},
        {"key", epoch.key.to_text()},
        {"handed_over", epoch.is_handed_over},
    });
}

std::string epoch_line(const govern::KeyEpochs& epochs, std::size_t index) {
    const govern::KeyEpoch& epoch = epochs.all()[index];
    return std::to_string(index + 1) + "  " + std::to_string(epoch.start.size) + "  " +
           epoch.key.to_text() + "  " + how_it_began(epochs, index) + "\n";
}

Result<int> list_epochs(const Options& options, const govern::KeyEpochs& epochs) {
    std::string text;
    for (std::size_t i = 0; i < epochs.all().size(); ++i)
        text += options.json ? codec::canonical_json(epoch_view(epochs, i)) + "\n"
                             : epoch_line(epochs, i);
    return say(text);
}

Result<int>
rotate_key(const Options& options, const GivenKeys& given, const journal::Journal& journal) {
    KHEISH_TRY(AuditKeys keys, keys_of(options, journal));
    KHEISH_CHECK(keys.rotate(given, options.is_lost, log_now(journal)));
    const std::size_t index = keys.epochs().all().size() - 1;
    return say(
        options.json ? codec::canonical_json(epoch_view(keys.epochs(), index)) + "\n"
                     : epoch_line(keys.epochs(), index));
}

/// The verbs that sign.
Result<int> sign(const Options& options, const GivenKeys& given, const journal::Journal& journal) {
    KHEISH_TRY(const Signing signing, prepare_to_sign(options, given, journal));
    switch (options.verb) {
    case Options::Verb::audit_export:
        return export_records(journal, signing);
    case Options::Verb::audit_prove:
        return prove(options, journal, signing);
    default:
        return checkpoint(options, journal, signing);
    }
}

Result<int> say_verdict(const Options& options, const AuditVerdict& verdict) {
    const bool is_whole = verdict.finding.empty();
    const std::string newest = verdict.key ? verdict.key->to_text() : "";
    Json view = Json::object(
        {{"records", static_cast<std::int64_t>(verdict.records)}, {"finding", verdict.finding}});
    if (is_whole)
        view.set("key", newest);
    std::string text = verdict.finding + "\n";
    if (is_whole)
        text =
            std::to_string(verdict.records) + " records, none changed, removed or put elsewhere\n";
    if (is_whole && newest != options.key)
        text += "the key has been handed over since; now it is " + newest + "\n";
    KHEISH_CHECK(say(options.json ? codec::canonical_json(view) + "\n" : text));
    return is_whole ? EXIT_SUCCESS : EXIT_FAILURE;
}

Status feed(AuditVerifier& verifier, int fd) {
    std::array<char, 65536> buffer{};
    for (;;) {
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fail_errno("reading the export", errno);
        if (count == 0)
            return {};
        verifier.update({buffer.data(), static_cast<std::size_t>(count)});
    }
}

} // namespace

Result<int> carry_out_audit(const Options& options, const GivenKeys& given) {
    const SystemClock clock;
    KHEISH_TRY(
        const std::unique_ptr<journal::SqliteJournal> journal,
        journal::SqliteJournal::open_to_read(options.journal(), clock));
    switch (options.verb) {
    case Options::Verb::audit_list:
        return list(options, *journal);
    case Options::Verb::audit_show:
        return show(options, *journal);
    case Options::Verb::audit_generate_key: {
        KHEISH_TRY(
            const govern::SigningKey key, govern::SigningKey::generate(audit_origin(*journal)));
        return say(key.to_text() + "\n");
    }
    case Options::Verb::audit_rotate_key:
        return rotate_key(options, given, *journal);
    case Options::Verb::audit_key: {
        KHEISH_TRY(AuditKeys keys, keys_of(options, *journal));
        KHEISH_TRY(const govern::SigningKey key, keys.find(given.current));
        return say(key.verifying_key().to_text() + "\n");
    }
    case Options::Verb::audit_epochs: {
        KHEISH_TRY(const AuditKeys keys, keys_of(options, *journal));
        return list_epochs(options, keys.epochs());
    }
    default:
        return sign(options, given, *journal);
    }
}

Result<int> verify_audit(const Options& options) {
    Result<govern::VerifyingKey> key = govern::VerifyingKey::parse(options.key);
    if (!key)
        return fail(std::move(key).error().wrap("--key"));
    std::optional<govern::SignedCheckpoint> earlier;
    if (!options.checkpoint.empty()) {
        KHEISH_TRY(const std::string note, read_file(options.checkpoint, govern::kNoteLimitBytes));
        Result<govern::SignedCheckpoint> read = govern::parse_signed_checkpoint(note);
        if (!read)
            return fail(std::move(read).error().wrap(options.checkpoint));
        earlier = *std::move(read);
    }
    const bool from_stdin = options.file == "-";
    Fd file;
    if (!from_stdin) {
        file = Fd(::open(options.file.c_str(), O_RDONLY | O_CLOEXEC));
        if (!file)
            return fail_errno("opening " + options.file, errno, Errc::invalid_argument);
    }
    AuditVerifier verifier(*key, std::move(earlier));
    KHEISH_CHECK(feed(verifier, from_stdin ? STDIN_FILENO : file.get()));
    return say_verdict(options, verifier.finish());
}

} // namespace kheish::upkeep
