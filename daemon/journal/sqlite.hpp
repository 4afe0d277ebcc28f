#pragma once

#include "base/handle.hpp"
#include "base/result.hpp"
#include "journal/values.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sqlite3.h>

/// SQLite behind RAII and Result. Nothing outside this folder includes this file.
namespace kheish::journal {

using SqliteHandle = Handle<sqlite3, sqlite3_close>;
using StatementHandle = Handle<sqlite3_stmt, sqlite3_finalize>;

/// The Error of SQLite's (extended) result `code` on `database`: storage_full where the disk or a
/// quota is full, journal_corrupt, journal_unavailable for what the file system or the machine did,
/// internal for a constraint and everything else that the program itself brings about.
Error sqlite_error(sqlite3* database, int code, std::string_view context);
/// After one of these the transaction as a whole is lost.
bool is_storage_failure(Errc code);

/// One use of a prepared statement: bind every parameter in order, then step or run. The end of its
/// life resets the statement. Not two at once on one SQL text.
class Query {
  public:
    /// `corruption` outlives the query and keeps the first that is met.
    Query(sqlite3_stmt* statement, std::optional<Error>& corruption)
        : statement_(statement), corruption_(corruption) {}
    Query(Query&& other) noexcept
        : statement_(std::exchange(other.statement_, nullptr)), corruption_(other.corruption_),
          bound_(other.bound_) {}
    Query& operator=(Query&&) = delete;
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;
    ~Query() { reset(); }

    /// Binds the next parameters. More than the statement has is a programming error, as is
    /// stepping before all are bound.
    template <class... Values>
    Query& bind_all(const Values&... values) {
        (bind(values), ...);
        return *this;
    }
    /// Binds each member of a tuple of references.
    template <class... Values>
    Query& bind_tuple(const std::tuple<Values...>& values) {
        std::apply([this](const auto&... value) { this->bind_all(value...); }, values);
        return *this;
    }

    /// True where there is a row to read.
    Result<bool> step();
    /// For statements that give no rows.
    Status run();

    /// Reads all columns of the row, in order. Another number of them is a programming error; a
    /// value that cannot be what it is said to be is Errc::journal_corrupt.
    template <class... Values>
    Status read_tuple(const std::tuple<Values&...>& values) {
        ColumnReader reader(statement_);
        std::apply([&reader](auto&... value) { (reader.read(value), ...); }, values);
        Status status = reader.finish();
        if (!status)
            note(status.error());
        return status;
    }
    template <class... Values>
    Status read_all(Values&... values) {
        return read_tuple(std::tie(values...));
    }

  private:
    template <class Value>
    void bind(const Value& value) {
        ParameterBinder binder(statement_, bound_);
        binder.bind(value);
        bound_ = binder.bound();
    }
    void note(const Error& error);
    void reset() noexcept;

    sqlite3_stmt* statement_;
    std::optional<Error>& corruption_;
    int bound_ = 0;
};

struct DatabaseOptions {
    std::string vfs; ///< name of a registered VFS; empty is SQLite's own
    bool read_only = false;
};

/// One connection with the settings that every use of a journal needs, over checksum_vfs().
class Database {
  public:
    /// Opens the existing file at `path`.
    static Result<Database> open(const std::string& path, const DatabaseOptions& options);

    /// Runs SQL text without parameters or results.
    Status execute(const std::string& sql, std::string_view context);
    /// Runs a statement of the prepared ones that has neither parameters nor results.
    Status run(std::string_view sql, std::string_view context);
    /// A use of `sql`, which is prepared once and kept.
    Result<Query> query(std::string_view sql);
    /// The first column of the first row of `sql`.
    Result<std::int64_t> integer(std::string_view sql);
    Result<std::string> text(std::string_view sql);
    /// False where SQLite has rolled back a transaction by itself, or none was begun.
    bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
    sqlite3* handle() const { return handle_.get(); }
    /// Whether the pages in the file carry checksums (not: those that are still in the log).
    Result<bool> is_checksummed();
    /// A new database, and one that is vacuumed, gets room for a checksum in every page. Done by
    /// open() for one that is written to; setting another page size undoes it.
    Status reserve_checksums();
    /// The first that was met in reading: the database is damaged.
    const std::optional<Error>& corruption() const { return *corruption_; }
    /// Keeps `error` for corruption().
    void note_corruption(const Error& error);

  private:
    explicit Database(SqliteHandle handle)
        : handle_(std::move(handle)), corruption_(std::make_unique<std::optional<Error>>()) {}

    SqliteHandle handle_;
    std::unique_ptr<std::optional<Error>> corruption_; ///< stays where it is
    std::map<std::string, StatementHandle, std::less<>> statements_;
};

} // namespace kheish::journal
