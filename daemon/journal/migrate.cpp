#include "journal/migrate.hpp"

#include "base/fd.hpp"
#include "base/log.hpp"
#include "journal/page_checksum.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace kheish::journal {

namespace {

/// SQLite's virtual machine does some 10^8 of these a second.
constexpr int kInstructionsPerProgress = 50'000'000;
constexpr std::int64_t kMicrosPerSecond = 1'000'000;

/// Calls back while SQLite works; ends with the scope.
class ProgressScope {
  public:
    ProgressScope(sqlite3* database, UniqueFunction<void()>& progress) : database_(database) {
        if (progress)
            sqlite3_progress_handler(database_, kInstructionsPerProgress, &on_progress, &progress);
    }
    ProgressScope(const ProgressScope&) = delete;
    ProgressScope& operator=(const ProgressScope&) = delete;
    ~ProgressScope() { sqlite3_progress_handler(database_, 0, nullptr, nullptr); }

  private:
    static int on_progress(void* context) noexcept {
        (*static_cast<UniqueFunction<void()>*>(context))();
        return 0;
    }

    sqlite3* database_;
};

Status sync_path(const std::string& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0)
        return fail_errno("making " + path + " durable", errno, Errc::journal_unavailable);
    return {};
}

std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

Status remove_file(const std::string& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        return fail_errno("removing " + path, errno, Errc::journal_unavailable);
    return {};
}

/// A copy that is whole or not there under its name, however the program ends.
Status make_backup(Database& database, const std::string& path, const std::string& backup) {
    const std::string partial = path + ".backup.partial";
    KHEISH_CHECK(remove_file(partial));
    {
        // SQLite takes over an empty file, with its mode.
        const Fd fd(::open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (!fd)
            return fail_errno("creating " + partial, errno, Errc::journal_unavailable);
    }
    KHEISH_TRY(Query query, database.query("VACUUM INTO ?"));
    query.bind_all(partial);
    KHEISH_CHECK(query.run());
    KHEISH_CHECK(sync_path(partial));
    if (::rename(partial.c_str(), backup.c_str()) != 0)
        return fail_errno("naming the backup " + backup, errno, Errc::journal_unavailable);
    return sync_path(directory_of(backup));
}

Status check_integrity(Database& database) {
    KHEISH_TRY(const std::string verdict, database.text("PRAGMA integrity_check(1)"));
    if (verdict != "ok")
        return fail(Errc::journal_corrupt, "integrity check: " + verdict);
    KHEISH_TRY(Query query, database.query("PRAGMA foreign_key_check"));
    KHEISH_TRY(const bool broken, query.step());
    if (broken)
        return fail(Errc::journal_corrupt, "a row refers to one that does not exist");
    return {};
}

Status apply_in_transaction(Database& database, const Migration& step) {
    KHEISH_CHECK(database.execute(std::string(step.sql), step.name));
    KHEISH_CHECK(database.execute(
        "PRAGMA application_id = " + std::to_string(kApplicationId) +
            "; PRAGMA user_version = " + std::to_string(step.version),
        step.name));
    return check_integrity(database);
}

Status apply(Database& database, const Migration& step) {
    KHEISH_CHECK(database.execute("BEGIN IMMEDIATE", step.name));
    Status status = apply_in_transaction(database, step);
    if (status)
        status = database.execute("COMMIT", step.name);
    if (!status && database.in_transaction()) {
        // The first error says more than a failure to clean up after it.
        (void)database.execute("ROLLBACK", step.name);
    }
    return status;
}

Status apply_all(Database& database, std::span<const Migration> steps) {
    for (const Migration& step : steps)
        KHEISH_CHECK(apply(database, step));
    return {};
}

/// Rewrites every page, now with a checksum, in one transaction.
Status add_checksums(Database& database) {
    KHEISH_TRY(const bool has_them, database.is_checksummed());
    if (has_them)
        return {};
    KHEISH_TRY(const std::int64_t page_bytes, database.integer("PRAGMA page_size"));
    // SQLite never changes the page size under a log.
    if (page_bytes != kPageBytes)
        KHEISH_CHECK(database.execute(
            "PRAGMA journal_mode = DELETE; PRAGMA page_size = " + std::to_string(kPageBytes) +
                "; VACUUM; PRAGMA journal_mode = WAL",
            "changing the page size"));
    // Through the log: it is copied in the order of the pages, and the first says what they are.
    KHEISH_CHECK(database.reserve_checksums());
    KHEISH_CHECK(database.execute("VACUUM", "adding checksums"));
    // From here on the file says that its pages have checksums, not only the log.
    KHEISH_CHECK(database.execute("PRAGMA wal_checkpoint(TRUNCATE)", "adding checksums"));
    KHEISH_TRY(const bool has_them_now, database.is_checksummed());
    if (!has_them_now)
        return fail(Errc::internal, "SQLite leaves no room for checksums");
    return {};
}

/// The version of the database, once it is clear that it is a journal or an empty file.
Result<std::int64_t> identify(Database& database, const std::string& path) {
    KHEISH_TRY(const std::int64_t application, database.integer("PRAGMA application_id"));
    KHEISH_TRY(const std::int64_t version, database.integer("PRAGMA user_version"));
    KHEISH_TRY(const std::int64_t objects, database.integer("SELECT count(*) FROM sqlite_schema"));
    const bool is_empty = application == 0 && version == 0 && objects == 0;
    if (!is_empty && (application != kApplicationId || version < 1))
        return fail(Errc::journal_corrupt, path + " is not a kheish journal");
    return version;
}

Status check_version(
    Database& database, const std::string& path, std::int64_t version, std::int64_t newest) {
    if (version > newest)
        return fail(
            Errc::journal_newer_schema,
            path + " has schema " + std::to_string(version) + ", this program knows up to " +
                std::to_string(newest) + ": run the newer kheish, or restore an older backup");
    KHEISH_TRY(const bool is_checksummed, database.is_checksummed());
    if (version >= kChecksummedVersion && !is_checksummed)
        return fail(
            Errc::journal_corrupt,
            path + ": the header is damaged, it says that pages have no checksums");
    return {};
}

} // namespace

Status check_current(Database& database, const std::string& path) {
    const std::int64_t newest = migrations().back().version;
    KHEISH_TRY(const std::int64_t version, identify(database, path));
    KHEISH_CHECK(check_version(database, path, version, newest));
    if (version < newest)
        return fail(
            Errc::journal_unavailable,
            path + " has schema " + std::to_string(version) + ", not yet " +
                std::to_string(newest) + ": start kheishd, which brings it up to date");
    return {};
}

Status migrate(
    Database& database,
    const std::string& path,
    std::span<const Migration> steps,
    const Clock& clock,
    UniqueFunction<void()>& progress) {
    KHEISH_TRY(const std::int64_t version, identify(database, path));
    const std::int64_t newest = steps.back().version;
    KHEISH_CHECK(check_version(database, path, version, newest));
    if (version == newest)
        return {};
    const std::span<const Migration> missing = steps.subspan(static_cast<std::size_t>(version));
    const ProgressScope scope(database.handle(), progress);
    if (version == 0)
        return apply_all(database, missing);
    const std::string backup = path + ".v" + std::to_string(version) + "-" +
                               std::to_string(clock.now().wall_us / kMicrosPerSecond) + ".backup";
    KHEISH_CHECK(make_backup(database, path, backup));
    log(Level::notice,
        "The journal is brought to a newer schema; a backup was made",
        {{log_field::kMessageId, std::string(log_message::kJournalMigrated)},
         {"KHEISH_BACKUP", backup}});
    Status status = add_checksums(database);
    if (status)
        status = apply_all(database, missing);
    // A daemon that is started again and again must not fill the disk with equal copies.
    if (!status && database.integer("PRAGMA user_version") == version)
        KHEISH_CHECK(remove_file(backup));
    return status;
}

} // namespace kheish::journal
