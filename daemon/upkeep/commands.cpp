#include "upkeep/commands.hpp"

#include "base/entropy.hpp"
#include "base/fd.hpp"
#include "codec/json.hpp"
#include "journal/backup.hpp"
#include "journal/prune.hpp"
#include "upkeep/export.hpp"
#include "upkeep/rebuild.hpp"
#include "upkeep/spools.hpp"
#include "upkeep/verification.hpp"

#include <cstdlib>
#include <unistd.h>

namespace kheish::upkeep {

namespace {

using codec::Json;

constexpr std::int64_t kMicrosPerDay = std::int64_t{86'400} * 1'000'000;

/// One line that is written over and over, where somebody looks.
void show_progress(const std::string& text) {
    if (::isatty(STDERR_FILENO) != 0)
        (void)write_all(STDERR_FILENO, "\r\x1b[K" + text); // nothing depends on it
}

Result<int> show(const Options& options, const Json& view, const std::string& pretty, int status) {
    show_progress("");
    const std::string text = options.json ? codec::canonical_json(view) + "\n" : pretty;
    KHEISH_CHECK(write_all(STDOUT_FILENO, text));
    return status;
}

std::string count_of(std::int64_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

Result<int> run_verify(const Options& options) {
    const SystemClock clock;
    show_progress("Reading the journal");
    KHEISH_TRY(const Verdict verdict, verify(options.journal(), clock));
    std::string text;
    std::vector<Json> findings;
    for (const std::string& detail : verdict.details) {
        text += detail + "\n";
        findings.emplace_back(detail);
    }
    if (verdict.findings > std::ssize(verdict.details))
        text +=
            "... and " + std::to_string(verdict.findings - std::ssize(verdict.details)) + " more\n";
    text += count_of(verdict.events, "event") + ", " + count_of(verdict.blobs, "blob") + " (" +
            std::to_string(verdict.pruned_blobs) + " pruned), " +
            count_of(verdict.sessions, "session") + ", " + count_of(verdict.runs, "run") + ": " +
            (verdict.findings == 0 ? "no damage" : count_of(verdict.findings, "finding")) + "\n";
    const Json view = Json::object({
        {"events", verdict.events},
        {"blobs", verdict.blobs},
        {"pruned_blobs", verdict.pruned_blobs},
        {"sessions", verdict.sessions},
        {"runs", verdict.runs},
        {"findings", verdict.findings},
        {"details", Json::array(std::move(findings))},
    });
    return show(options, view, text, verdict.findings == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

Result<int> run_backup(const Options& options, int fd) {
    std::int64_t copied = 0;
    journal::BackupProgress progress = [&copied](std::int64_t done, std::int64_t pages) {
        copied = done;
        show_progress(std::to_string(done) + " of " + count_of(pages, "page"));
    };
    KHEISH_CHECK(journal::back_up(options.journal(), fd, progress));
    return show(
        options,
        Json::object({{"file", options.file}, {"pages", copied}}),
        options.file + ": " + count_of(copied, "page") + ", read back and whole\n",
        EXIT_SUCCESS);
}

Result<int> run_export(const Options& options) {
    const SystemClock clock;
    KHEISH_CHECK(
        export_events(options.journal(), STDOUT_FILENO, options.after, options.content, clock));
    return EXIT_SUCCESS;
}

Result<int> run_prune(const Options& options) {
    const std::int64_t now_us = SystemClock().now().wall_us;
    KHEISH_TRY(
        journal::Pruning pruning,
        journal::Pruning::plan(
            options.journal(), now_us - options.older_than_days * kMicrosPerDay));
    while (pruning.left() > 0) {
        KHEISH_CHECK(pruning.step());
        show_progress(
            count_of(std::ssize(pruning.runs()), "run") + ", " + std::to_string(pruning.left()) +
            " blobs left");
    }
    KHEISH_TRY(
        const SpoolsRemoved spools,
        remove_spools(options.state_directory + "/spool", pruning.runs()));
    const Json view = Json::object({
        {"runs", static_cast<std::int64_t>(pruning.runs().size())},
        {"blobs", pruning.pruned_blobs()},
        {"blob_bytes", pruning.pruned_bytes()},
        {"spools", spools.files},
        {"spool_bytes", spools.bytes},
    });
    return show(
        options,
        view,
        count_of(std::ssize(pruning.runs()), "old run") + ": " +
            count_of(pruning.pruned_blobs(), "blob") + " of " +
            count_of(pruning.pruned_bytes(), "byte") + " and " +
            count_of(spools.files, "spooled output") + " of " + count_of(spools.bytes, "byte") +
            " dropped, digests kept\n",
        EXIT_SUCCESS);
}

Result<int> run_rebuild(const Options& options) {
    const SystemClock clock;
    SystemEntropy entropy;
    show_progress("Making the journal anew");
    KHEISH_TRY(const Rebuilt rebuilt, rebuild(options.journal(), clock, entropy));
    const Json view = Json::object({
        {"events", rebuilt.events},
        {"sessions", rebuilt.sessions},
        {"runs", rebuilt.runs},
        {"lost_secrets", rebuilt.lost_secrets},
        {"kept_as", rebuilt.kept_as},
    });
    return show(
        options,
        view,
        count_of(rebuilt.events, "event") + ", " + count_of(rebuilt.sessions, "session") + ", " +
            count_of(rebuilt.runs, "run") + "; the journal that was there is kept as " +
            rebuilt.kept_as +
            (rebuilt.lost_secrets > 0
                 ? "; " + count_of(rebuilt.lost_secrets, "secret") + " could not be read"
                 : "") +
            "\n",
        EXIT_SUCCESS);
}

} // namespace

Result<int> carry_out(const Options& options, int backup_fd) {
    switch (options.verb) {
    case Options::Verb::verify:
        return run_verify(options);
    case Options::Verb::backup:
        return run_backup(options, backup_fd);
    case Options::Verb::export_events:
        return run_export(options);
    case Options::Verb::prune:
        return run_prune(options);
    case Options::Verb::rebuild:
        return run_rebuild(options);
    default:
        break; // --help and --version
    }
    KHEISH_CHECK(write_all(STDOUT_FILENO, options.text));
    return EXIT_SUCCESS;
}

} // namespace kheish::upkeep
