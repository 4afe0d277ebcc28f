#include "journal/sqlite_journal.hpp"

#include "base/log.hpp"
#include "journal/migrate.hpp"
#include "journal/process_lock.hpp"
#include "journal/sqlite.hpp"
#include "journal/statements.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

namespace kheish::journal {

namespace {

/// The log is copied into the database at this many pages (of 4 KiB), within a COMMIT: rarely
/// enough to cost little, often enough that reading it at a start does.
constexpr std::string_view kCheckpointPages = "4000";
constexpr std::string_view kLogLimitBytes = "67108864";

Status make_file(const std::string& path) {
    // SQLite gives its log and index files the mode of the database.
    const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd && errno != EACCES && errno != EROFS) // SQLite itself says why it cannot write
        return fail_errno("opening " + path, errno, Errc::journal_unavailable);
    return {};
}

Status prepare(Database& database, Durability durability) {
    KHEISH_TRY(const std::string mode, database.text("PRAGMA journal_mode = WAL"));
    if (mode != "wal")
        return fail(
            Errc::journal_unavailable, "SQLite refuses write-ahead logging here, it has: " + mode);
    const std::string_view synchronous = durability == Durability::full ? "FULL" : "OFF";
    return database.execute(
        "PRAGMA synchronous = " + std::string(synchronous) +
            "; PRAGMA wal_autocheckpoint = " + std::string(kCheckpointPages) +
            "; PRAGMA journal_size_limit = " + std::string(kLogLimitBytes),
        "configuring the journal");
}

Result<Database> open_database(const std::string& path, Options& options, const Clock& clock) {
    KHEISH_CHECK(make_file(path));
    KHEISH_TRY(Database database, Database::open(path, {.vfs = options.vfs, .read_only = false}));
    KHEISH_CHECK(prepare(database, options.durability));
    KHEISH_CHECK(migrate(database, path, migrations(), clock, options.on_migration_progress));
    return database;
}

/// A journal that is gone is not made anew over what it has promised.
Status check_presence(const std::string& path, AcknowledgedMark& mark) {
    KHEISH_TRY(const std::optional<AcknowledgedMark::Value> acknowledged, mark.read());
    struct stat status {};
    const bool is_there = ::stat(path.c_str(), &status) == 0 && status.st_size > 0;
    if (is_there || !acknowledged)
        return {};
    return fail(
        Errc::journal_corrupt,
        "the journal " + path + " is missing, and " + std::to_string(acknowledged->newest) +
            " events of it were acknowledged: put it back from a backup; to begin with an empty "
            "one, remove " +
            AcknowledgedMark::path_of(path));
}

} // namespace

Result<std::unique_ptr<SqliteJournal>> SqliteJournal::open(
    const std::string& path, Options options, const Clock& clock, Entropy& entropy) {
    KHEISH_TRY(Fd lock, lock_process(path + ".lock"));
    KHEISH_TRY(AcknowledgedMark mark, AcknowledgedMark::open(options.vfs, path));
    KHEISH_CHECK(check_presence(path, mark));
    Result<Database> database = open_database(path, options, clock);
    if (!database)
        return fail(std::move(database).error().wrap("opening the journal " + path));
    std::unique_ptr<SqliteJournal> journal = std::make_unique<SqliteJournal>(
        ConstructorKey{}, std::move(lock), *std::move(database), std::move(mark), clock);
    Status loaded = journal->load_instance_id(&entropy);
    if (loaded)
        loaded = journal->load();
    if (loaded)
        loaded = journal->check_mark();
    if (loaded)
        loaded = journal->prepare_writing();
    if (!loaded)
        return fail(std::move(loaded).error().wrap("reading the journal " + path));
    return journal;
}

SqliteJournal::SqliteJournal(
    ConstructorKey /*key*/,
    Fd lock,
    Database database,
    std::optional<AcknowledgedMark> mark,
    const Clock& clock)
    : lock_(std::move(lock)), database_(std::make_unique<Database>(std::move(database))),
      mark_(std::move(mark)), clock_(clock) {}

SqliteJournal::~SqliteJournal() {
    closing_ = true;
    for (Pending& pending : std::exchange(queue_, {}))
        pending.done.fail(Errc::journal_unavailable, "the journal was closed before the commit");
}

Result<std::unique_ptr<SqliteJournal>>
SqliteJournal::open_to_read(const std::string& path, const Clock& clock) {
    KHEISH_TRY(Database database, Database::open(path, {.vfs = {}, .read_only = true}));
    KHEISH_CHECK(check_current(database, path));
    KHEISH_CHECK(database.execute("BEGIN", "reading the journal"));
    std::unique_ptr<SqliteJournal> journal = std::make_unique<SqliteJournal>(
        ConstructorKey{}, Fd(), std::move(database), std::nullopt, clock);
    journal->health_ = {
        .writable = false,
        .error = {.code = Errc::journal_unavailable, .message = "it was opened to be read"}};
    KHEISH_CHECK(journal->load_instance_id(nullptr));
    KHEISH_CHECK(journal->load());
    return journal;
}

Status SqliteJournal::load() {
    KHEISH_TRY(newest_seq_, database_->integer(sql::kNewestSeq));
    KHEISH_TRY(newest_run_, database_->integer(sql::kNewestRun));
    KHEISH_TRY(newest_session_, database_->integer(sql::kNewestSession));
    return {};
}

Status SqliteJournal::prepare_writing() {
    // A statement that does not fit the schema shows here, not in the middle of a run's life.
    for (const std::string_view text :
         {sql::kInsertEvent,
          sql::kInsertBlob,
          sql::kInsertReceipt,
          sql::kWriteSession,
          sql::kWriteRun,
          sql::kWriteToolCall,
          sql::kWriteApproval,
          sql::kWriteOutput})
        KHEISH_CHECK(database_->query(text));
    return {};
}

Status SqliteJournal::check_mark() {
    KHEISH_TRY(const std::optional<AcknowledgedMark::Value> acknowledged, mark_->read());
    if (!acknowledged || acknowledged->journal != instance_id_ ||
        acknowledged->newest <= newest_seq_)
        return {};
    return fail(
        Errc::journal_corrupt,
        "it ends at event " + std::to_string(newest_seq_) + ", and " +
            std::to_string(acknowledged->newest) +
            " were acknowledged: its write-ahead log is damaged, or it is an older copy. Put a "
            "backup in its place, or accept that what came later is forgotten: in both cases "
            "remove the .acknowledged file beside it");
}

Status SqliteJournal::load_instance_id(Entropy* entropy) {
    {
        KHEISH_TRY(Query query, database_->query(sql::kSelectMeta));
        query.bind_all(sql::kInstanceIdKey);
        KHEISH_TRY(const bool found, query.step());
        std::string value;
        if (found) {
            KHEISH_CHECK(query.read_all(value));
            if (value.size() != instance_id_.size())
                return fail(Errc::journal_corrupt, "the instance id has another length");
            std::memcpy(instance_id_.data(), value.data(), value.size());
            return {};
        }
    }
    if (entropy == nullptr)
        return fail(Errc::journal_corrupt, "it has no instance id");
    entropy->fill(instance_id_);
    const std::string id(reinterpret_cast<const char*>(instance_id_.data()), instance_id_.size());
    const std::string created = std::to_string(clock_.now().wall_us);
    KHEISH_CHECK(database_->run(sql::kBegin, "making the journal"));
    for (const auto& [key, value] :
         {std::pair<std::string_view, std::string_view>{sql::kInstanceIdKey, id},
          {sql::kCreatedKey, created},
          {sql::kProbeKey, ""}}) {
        KHEISH_TRY(Query query, database_->query(sql::kInsertMeta));
        query.bind_all(key, Bytes{value});
        KHEISH_CHECK(query.run());
    }
    return database_->run(sql::kCommit, "making the journal");
}

} // namespace kheish::journal
