#include "journal/sqlite.hpp"

#include "base/assert.hpp"
#include "journal/checksum_vfs.hpp"
#include "journal/page_checksum.hpp"

#include <cerrno>
#include <chrono>

namespace kheish::journal {

namespace {

/// Only another program that writes to the journal can make us wait. This is time that the loop
/// stands still.
constexpr std::chrono::milliseconds kBusyTimeout{500};

Errc classify(int code, int sys_errno) {
    if ((code & 0xff) == SQLITE_FULL || sys_errno == ENOSPC || sys_errno == EDQUOT)
        return Errc::storage_full;
    if (code == SQLITE_IOERR_DATA || code == SQLITE_IOERR_CORRUPTFS)
        return Errc::journal_corrupt;
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return Errc::journal_corrupt;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_NOMEM:
        return Errc::journal_unavailable;
    default:
        return Errc::internal;
    }
}

Status configure(sqlite3* handle) {
    struct Setting {
        int option;
        int value;
    };
    constexpr Setting kSettings[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_FKEY, 1},
        {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0},
    };
    for (const Setting& setting : kSettings) {
        const int code = sqlite3_db_config(handle, setting.option, setting.value, nullptr);
        if (code != SQLITE_OK)
            return fail(sqlite_error(handle, code, "configuring SQLite"));
    }
    return {};
}

/// SQLite has no words of its own for what checksum_vfs() finds.
const char* text_of(sqlite3* database, int code) {
    if (code == SQLITE_IOERR_DATA)
        return "a page does not match its checksum";
    return database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
}

} // namespace

Error sqlite_error(sqlite3* database, int code, std::string_view context) {
    const int primary = code & 0xff;
    // SQLite notes what the system said for these two only.
    const bool from_system = primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN;
    const int sys_errno = from_system && database != nullptr ? sqlite3_system_errno(database) : 0;
    Error error{
        .code = classify(code, sys_errno),
        .message = std::string(context) + ": " + text_of(database, code) + " (" +
                   std::to_string(code) + ")",
        .sys_errno = sys_errno,
    };
    error.transient = error.code == Errc::storage_full || primary == SQLITE_BUSY;
    return error;
}

bool is_storage_failure(Errc code) {
    return code == Errc::storage_full || code == Errc::journal_unavailable ||
           code == Errc::journal_corrupt;
}

void Query::reset() noexcept {
    if (statement_ == nullptr)
        return;
    // Both repeat or ignore the error that step() has reported.
    (void)sqlite3_reset(statement_);
    (void)sqlite3_clear_bindings(statement_);
}

Result<bool> Query::step() {
    KHEISH_ASSERT(bound_ == sqlite3_bind_parameter_count(statement_));
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW)
        return true;
    if (code == SQLITE_DONE)
        return false;
    sqlite3* database = sqlite3_db_handle(statement_);
    Error error = sqlite_error(database, sqlite3_extended_errcode(database), "using the journal");
    note(error);
    return fail(std::move(error));
}

void Query::note(const Error& error) {
    if (error.code == Errc::journal_corrupt && !corruption_)
        corruption_ = error;
}

Status Query::run() {
    KHEISH_TRY(const bool has_row, step());
    KHEISH_ASSERT(!has_row);
    return {};
}

Result<Database> Database::open(const std::string& path, const DatabaseOptions& options) {
    const int flags = (options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &raw, flags, checksum_vfs(options.vfs).c_str());
    SqliteHandle handle(raw); // also after a failure there is something to close
    if (code != SQLITE_OK)
        return fail(sqlite_error(raw, code, "opening " + path));
    (void)sqlite3_busy_timeout(raw, static_cast<int>(kBusyTimeout.count())); // never fails
    KHEISH_CHECK(configure(raw));
    // SQLite falls back to reading where it may not write.
    if (!options.read_only && sqlite3_db_readonly(raw, "main") == 1)
        return fail(Errc::journal_unavailable, path + " is read-only");
    Database database(std::move(handle));
    if (!options.read_only)
        KHEISH_CHECK(database.reserve_checksums());
    return database;
}

Status Database::execute(const std::string& sql, std::string_view context) {
    const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK)
        return fail(sqlite_error(handle_.get(), code, context));
    return {};
}

Status Database::run(std::string_view sql, std::string_view context) {
    KHEISH_TRY(Query query, this->query(sql));
    Status status = query.run();
    if (!status)
        return fail(std::move(status).error().wrap(context));
    return {};
}

Result<Query> Database::query(std::string_view sql) {
    const auto found = statements_.find(sql);
    if (found != statements_.end()) {
        KHEISH_ASSERT(sqlite3_stmt_busy(found->second.get()) == 0);
        return Query(found->second.get(), *corruption_);
    }
    sqlite3_stmt* raw = nullptr;
    const int code = sqlite3_prepare_v3(
        handle_.get(),
        sql.data(),
        static_cast<int>(sql.size()),
        SQLITE_PREPARE_PERSISTENT,
        &raw,
        nullptr);
    StatementHandle statement(raw);
    if (code != SQLITE_OK) {
        Error error = sqlite_error(handle_.get(), code, "preparing a statement");
        note_corruption(error);
        return fail(std::move(error));
    }
    statements_.emplace(std::string(sql), std::move(statement));
    return Query(raw, *corruption_);
}

Result<bool> Database::is_checksummed() {
    int answer = 0;
    const int code = sqlite3_file_control(handle_.get(), "main", kIsChecksummedControl, &answer);
    if (code != SQLITE_OK)
        return fail(sqlite_error(handle_.get(), code, "asking for checksums"));
    return answer != 0;
}

Status Database::reserve_checksums() {
    int bytes = kPageChecksumBytes;
    const int code =
        sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes);
    if (code != SQLITE_OK)
        return fail(sqlite_error(handle_.get(), code, "reserving room for checksums"));
    return {};
}

void Database::note_corruption(const Error& error) {
    if (error.code == Errc::journal_corrupt && !*corruption_)
        *corruption_ = error;
}

Result<std::int64_t> Database::integer(std::string_view sql) {
    KHEISH_TRY(Query query, this->query(sql));
    KHEISH_TRY(const bool has_row, query.step());
    std::int64_t value = 0;
    if (!has_row)
        return fail(Errc::journal_corrupt, "no answer to: " + std::string(sql));
    KHEISH_CHECK(query.read_all(value));
    return value;
}

Result<std::string> Database::text(std::string_view sql) {
    KHEISH_TRY(Query query, this->query(sql));
    KHEISH_TRY(const bool has_row, query.step());
    std::string value;
    if (!has_row)
        return fail(Errc::journal_corrupt, "no answer to: " + std::string(sql));
    KHEISH_CHECK(query.read_all(value));
    return value;
}

} // namespace kheish::journal
