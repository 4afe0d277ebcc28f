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

std::string trimmed(std::string text) {
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

/// Written under another name first: under its own it is whole, or not there.
Result<govern::SigningKey> make_key(const std::string& path, const std::string& name) {
    KHEISH_TRY(govern::SigningKey key, govern::SigningKey::generate(name));
    const std::string partial = path + ".partial-" + std::to_string(::getpid());
    const Fd fd(
        ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd)
        return fail_errno("making " + partial, errno);
    Status written = write_all(fd.get(), key.to_text() + "\n");
    if (written && ::fsync(fd.get()) != 0)
        written = fail_errno("writing " + partial, errno);
    if (written && ::link(partial.c_str(), path.c_str()) != 0)
        written = fail_errno("making " + path, errno, Errc::conflict);
    if (::unlink(partial.c_str()) != 0 && written)
        written = fail_errno("removing " + partial, errno);
    KHEISH_CHECK(written);
    return key;
}

/// Of the state directory, where none was given.
Result<govern::SigningKey>
signing_key(const Options& options, const std::string& given, const journal::Journal& journal) {
    if (!given.empty())
        return govern::SigningKey::parse(trimmed(given));
    const std::string path = options.state_directory + "/audit-signing.key";
    const Result<std::string> text = read_file(path, kSigningKeyLimitBytes);
    if (!text && text.error().sys_errno == ENOENT)
        return make_key(path, audit_origin(journal));
    if (!text)
        return fail(text.error());
    Result<govern::SigningKey> key = govern::SigningKey::parse(trimmed(*text));
    if (!key)
        return fail(std::move(key).error().wrap(path));
    return key;
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

Result<std::string> checkpoint_of(
    const std::vector<govern::TreeHash>& leaves,
    const journal::Journal& journal,
    const govern::SigningKey& key) {
    return govern::sign_checkpoint(
        {audit_origin(journal), leaves.size(), govern::root_of(leaves)}, key);
}

Json hashes_view(const std::vector<govern::TreeHash>& hashes) {
    Json view = Json::array();
    for (const govern::TreeHash& hash : hashes)
        view.append(Json(hash.to_hex()));
    return view;
}

Result<int>
prove(const Options& options, const journal::Journal& journal, const govern::SigningKey& key) {
    KHEISH_TRY(const std::vector<govern::TreeHash> leaves, audit_leaves(journal));
    const auto index = static_cast<std::uint64_t>(options.record);
    if (index >= leaves.size())
        return fail(
            Errc::not_found,
            "there is no record " + std::to_string(index) + ": the log has " +
                std::to_string(leaves.size()));
    KHEISH_TRY(const std::string note, checkpoint_of(leaves, journal, key));
    return say(
        codec::canonical_json(Json::object({
            {"record", options.record},
            {"leaf_hash", leaves[index].to_hex()},
            {"proof", hashes_view(govern::inclusion_proof(leaves, index))},
            {"checkpoint", note},
        })) +
        "\n");
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

Result<int> carry_out_audit(const Options& options, const std::string& key_text) {
    const SystemClock clock;
    KHEISH_TRY(
        const std::unique_ptr<journal::SqliteJournal> journal,
        journal::SqliteJournal::open_to_read(options.journal(), clock));
    if (options.verb == Options::Verb::audit_list)
        return list(options, *journal);
    if (options.verb == Options::Verb::audit_show)
        return show(options, *journal);
    KHEISH_TRY(const govern::SigningKey key, signing_key(options, key_text, *journal));
    switch (options.verb) {
    case Options::Verb::audit_key:
        return say(key.verifying_key().to_text() + "\n");
    case Options::Verb::audit_export:
        KHEISH_CHECK(export_audit(*journal, key, STDOUT_FILENO));
        return EXIT_SUCCESS;
    case Options::Verb::audit_prove:
        return prove(options, *journal, key);
    default: {
        KHEISH_TRY(const std::vector<govern::TreeHash> leaves, audit_leaves(*journal));
        KHEISH_TRY(std::string note, checkpoint_of(leaves, *journal, key));
        if (!options.log)
            return say(note);
        // A field of its own: of what is printed, the log drops empty lines. journalctl adds a
        // newline.
        set_log_level(Level::notice);
        log(Level::notice,
            "a checkpoint of the audit log",
            {{"KHEISH_CHECKPOINT", trimmed(std::move(note))}});
        return EXIT_SUCCESS;
    }
    }
}

Result<int> verify_audit(const Options& options) {
    Result<govern::VerifyingKey> key = govern::VerifyingKey::parse(options.key);
    if (!key)
        return fail(std::move(key).error().wrap("--key"));
    std::optional<govern::Checkpoint> earlier;
    if (!options.checkpoint.empty()) {
        KHEISH_TRY(const std::string note, read_file(options.checkpoint, govern::kNoteLimitBytes));
        Result<govern::Checkpoint> read = govern::read_checkpoint(note, *key);
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
    AuditVerifier verifier(*std::move(key), std::move(earlier));
    KHEISH_CHECK(feed(verifier, from_stdin ? STDIN_FILENO : file.get()));
    const AuditVerdict verdict = verifier.finish();
    const bool is_whole = verdict.finding.empty();
    const std::string records = std::to_string(verdict.records);
    const Json view = Json::object(
        {{"records", static_cast<std::int64_t>(verdict.records)}, {"finding", verdict.finding}});
    KHEISH_CHECK(
        say(options.json ? codec::canonical_json(view) + "\n"
            : is_whole   ? records + " records, none changed, removed or put elsewhere\n"
                         : verdict.finding + "\n"));
    return is_whole ? EXIT_SUCCESS : EXIT_FAILURE;
}

} // namespace kheish::upkeep
