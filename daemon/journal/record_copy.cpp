#include "journal/record_copy.hpp"

#include "base/fd.hpp"
#include "journal/migrate.hpp"
#include "journal/sqlite.hpp"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace kheish::journal {

namespace {

constexpr std::string_view kWhat = "copying the record";

Status copy_tables(Database& database) {
    for (const char* statement :
         {"BEGIN IMMEDIATE",
          "INSERT INTO meta SELECT * FROM damaged.meta",
          "INSERT INTO blobs SELECT * FROM damaged.blobs ORDER BY id",
          "INSERT INTO events SELECT * FROM damaged.events ORDER BY seq",
          "INSERT INTO receipts SELECT * FROM damaged.receipts",
          "COMMIT"})
        KHEISH_CHECK(database.execute(statement, kWhat));
    return {};
}

} // namespace

Status copy_record(const std::string& source, const std::string& target, const Clock& clock) {
    {
        KHEISH_TRY(Database checked, Database::open(source, {.vfs = {}, .read_only = true}));
        KHEISH_CHECK(check_current(checked, source));
    }
    {
        const Fd made(::open(target.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (!made)
            return fail_errno("making " + target, errno, Errc::journal_unavailable);
    }
    KHEISH_TRY(Database database, Database::open(target, {.vfs = {}, .read_only = false}));
    KHEISH_CHECK(database.execute("PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL", kWhat));
    UniqueFunction<void()> no_progress;
    KHEISH_CHECK(migrate(database, target, migrations(), clock, no_progress));
    {
        KHEISH_TRY(Query attach, database.query("ATTACH ? AS damaged"));
        attach.bind_all(source);
        KHEISH_CHECK(attach.run());
    }
    return copy_tables(database);
}

Status merge_log(const std::string& path) {
    {
        KHEISH_TRY(Database database, Database::open(path, {.vfs = {}, .read_only = false}));
        KHEISH_CHECK(database.execute("PRAGMA synchronous = FULL", "merging the log"));
        const int code = sqlite3_wal_checkpoint_v2(
            database.handle(), "main", SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
        if (code != SQLITE_OK)
            return fail(sqlite_error(database.handle(), code, "merging the log"));
    }
    // SQLite removes its log with the last connection.
    if (::access((path + "-wal").c_str(), F_OK) == 0)
        return fail(Errc::journal_unavailable, path + "-wal is in use by another program");
    return {};
}

} // namespace kheish::journal
