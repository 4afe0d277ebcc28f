#pragma once

#include "journal/sqlite_journal.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kheish::journal {

/// A directory of its own, removed at the end.
class TemporaryDirectory {
  public:
    TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory();
    std::string file(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

class FakeClock final : public Clock {
  public:
    Instant now() const override { return now_; }
    std::string boot_id() const override { return std::string(32, '0'); }
    void advance_us(std::int64_t step_us) {
        now_.wall_us += step_us;
        now_.boot_us += step_us;
    }

  private:
    Instant now_{.wall_us = 1'700'000'000'000'000, .boot_us = 5'000'000};
};

/// 1, 2, 3, ...
class CountingEntropy final : public Entropy {
  public:
    void fill(std::span<std::byte> bytes) override;

  private:
    std::uint8_t next_ = 0;
};

/// Reads and writes the database behind the journal's back. The first column of each row, as text.
std::vector<std::string> raw_sql(const std::string& path, const std::string& sql);
/// The same for SQL that must fail: SQLite's message.
std::string raw_sql_error(const std::string& path, const std::string& sql);

NewEvent make_event(const std::string& session, std::optional<std::int64_t> run);
SessionRow make_session(const std::string& name, const std::string& owner = "user:1000");
/// Its input is the blob of kInputText.
RunRow make_run(std::int64_t number, const std::string& session);
inline constexpr const char* kInputText = "Inspect this repo.";

/// Session `name` with its event.
Write session_write(const std::string& name, const std::string& owner = "user:1000");
/// Run `number` of a session that exists, with its input and one event.
Write run_write(std::int64_t number, const std::string& session);

/// What a Responder was answered; still empty before that.
struct Answer {
    std::shared_ptr<std::optional<Result<Committed>>> value =
        std::make_shared<std::optional<Result<Committed>>>();

    Responder<Committed> responder() const;
    bool has_value() const { return value->has_value(); }
    const Result<Committed>& operator*() const { return **value; }
    const Result<Committed>* operator->() const { return &**value; }
};

/// A journal in a directory of its own, opened and opened again.
class JournalFile {
  public:
    explicit JournalFile(std::string vfs = {});
    /// Ends the journal that is open and opens the file again.
    Status reopen();
    void close() { journal_.reset(); }
    SqliteJournal& journal() { return *journal_; }
    SqliteJournal* operator->() { return journal_.get(); }
    std::string path() const { return directory.file("journal.db"); }
    /// Submits and commits.
    Result<Committed> write(Write write);
    Answer submit(Write write);

    TemporaryDirectory directory;
    FakeClock clock;
    CountingEntropy entropy;

  private:
    std::string vfs_;
    std::unique_ptr<SqliteJournal> journal_;
};

/// A write of rows as they are.
Write rows_write(std::vector<Row> rows, std::vector<std::string> blobs = {});

} // namespace kheish::journal
