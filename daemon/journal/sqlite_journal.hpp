#pragma once

#include "base/clock.hpp"
#include "base/entropy.hpp"
#include "base/fd.hpp"
#include "base/unique_function.hpp"
#include "journal/acknowledged_mark.hpp"
#include "journal/journal.hpp"

#include <memory>

namespace kheish::journal {

class Database;

/// `full`: an answered write survives a power cut. `off`: it survives the end of the process only;
/// for simulations.
enum class Durability { full, off };

struct Options {
    Durability durability = Durability::full;
    std::string vfs; ///< name of a registered SQLite VFS; empty is SQLite's own
    /// Called now and then while a migration takes its time.
    UniqueFunction<void()> on_migration_progress;
};

/// The journal in one SQLite database; schema/0001_initial.sql describes it. Every page that is
/// read is checked (checksum_vfs.hpp); beside it lies the mark of what was acknowledged
/// (acknowledged_mark.hpp).
class SqliteJournal final : public Journal {
    /// Only open() has one.
    struct ConstructorKey {};

  public:
    /// Opens the journal at `path`, makes it (mode 0600) where there is none, and brings it to this
    /// program's schema. `clock` and `entropy` outlive the journal. Errors: journal_unavailable
    /// (in use by another process, read-only, no such directory), journal_corrupt,
    /// journal_newer_schema, storage_full; an existing database is then as it was. It is
    /// journal_corrupt too where it holds less than was acknowledged.
    static Result<std::unique_ptr<SqliteJournal>>
    open(const std::string& path, Options options, const Clock& clock, Entropy& entropy);
    /// Opens the journal at `path` for reading, as it is at this moment, beside a process that may
    /// go on writing to it; nothing can be submitted. It must be of this program's schema:
    /// journal_newer_schema, or journal_unavailable for an older one, which the daemon brings up to
    /// date at its start.
    static Result<std::unique_ptr<SqliteJournal>>
    open_to_read(const std::string& path, const Clock& clock);
    SqliteJournal(
        ConstructorKey key,
        Fd lock,
        Database database,
        std::optional<AcknowledgedMark> mark,
        const Clock& clock);
    /// What was submitted and not committed is answered with Errc::journal_unavailable; what is
    /// submitted by a responder meanwhile too, and at once.
    ~SqliteJournal() override;

    void submit(Write write, Responder<Committed> done) override;
    bool has_pending() const override { return !queue_.empty(); }
    Status commit() override;

    Health health() const override { return health_; }
    Stats stats() const override { return stats_; }
    std::array<std::byte, 16> instance_id() const override { return instance_id_; }
    std::int64_t next_run_number() override { return ++newest_run_; }
    std::int64_t next_session_number() override { return ++newest_session_; }

    EventSeq newest_seq() const override { return newest_seq_; }
    Result<Page<StoredEvent>>
    events(EventSeq after, const EventFilter& filter, std::size_t limit) const override;
    Result<std::string> blob(const codec::Digest& digest) const override;
    Result<SessionRow> session(const SessionId& session) const override;
    Result<RunRow> run(RunId run) const override;
    Result<ToolCallRow> tool_call(RunId run, const CallId& call) const override;
    Result<ApprovalRow> approval(const ApprovalId& approval) const override;
    Result<TokenRow> token(const std::string& name) const override;
    Result<GrantRow> grant(const std::string& grant) const override;
    Result<SecretRow> secret(const std::string& name) const override;
    Result<std::optional<IdempotencyReceipt>>
    receipt(const std::string& scope, const codec::Digest& key_digest) const override;
    Result<Page<SessionRow>>
    sessions(const SessionFilter& filter, const PageRequest& page) const override;
    Result<Page<RunRow>> runs(const RunFilter& filter, const PageRequest& page) const override;
    Result<Page<ToolCallRow>> tool_calls(RunId run, const PageRequest& page) const override;
    Result<Page<ApprovalRow>>
    approvals(const ApprovalFilter& filter, const PageRequest& page) const override;
    Result<Page<OutputRow>> outputs(RunId run, const PageRequest& page) const override;
    Result<Page<TokenRow>> tokens(const PageRequest& page) const override;
    Result<Page<GrantRow>> live_grants(const PageRequest& page) const override;
    Result<std::int64_t> count_grants() const override;
    Result<Page<SecretRow>> secrets(const PageRequest& page) const override;
    Result<Page<SubjectRow>> subjects(const PageRequest& page) const override;
    Result<std::int64_t> count_sessions(const SessionFilter& filter) const override;
    Result<std::int64_t> count_runs(const RunFilter& filter) const override;
    Result<std::int64_t> count_approvals(const ApprovalFilter& filter) const override;
    Result<LivePage> live_runs(const LiveCursor& after, std::size_t limit) const override;
    Result<std::vector<StatusCount>>
    run_counts(const std::optional<SessionId>& session) const override;

  private:
    struct Pending {
        Write write;
        Responder<Committed> done;
        Result<Committed> outcome = Committed{};
    };

    Status load();
    Status prepare_writing();
    Status check_mark();
    void write_mark();
    void notice_corruption();
    /// Makes one where `entropy` is given and there is none.
    Status load_instance_id(Entropy* entropy);
    /// The write's bytes, or why it is refused before it is tried.
    Result<std::size_t> admit(const Write& write) const;
    Status run_transaction(std::vector<Pending>& batch);
    /// An error only where the transaction as a whole is lost.
    Status run_one(Pending& pending, EventSeq& newest);
    void fail_transaction(std::vector<Pending>& batch, const Error& error);
    void count_commit(const std::vector<Pending>& batch, std::int64_t started_us);
    void answer(std::vector<Pending>& batch);
    void enter_failure(const Error& error);
    void recover_if_due();
    Status try_write();
    Status write_probe(std::size_t size_bytes);

    Fd lock_; ///< released after the database is closed
    std::unique_ptr<Database> database_;
    std::optional<AcknowledgedMark> mark_; ///< none where nothing is written
    bool mark_failed_ = false;
    const Clock& clock_;
    std::vector<Pending> queue_;
    std::size_t queued_bytes_ = 0;
    bool committing_ = false;
    bool closing_ = false;
    std::int64_t next_probe_boot_us_ = 0;
    EventSeq newest_seq_ = 0;
    std::int64_t newest_run_ = 0;
    std::int64_t newest_session_ = 0;
    std::array<std::byte, 16> instance_id_{};
    Health health_;
    Stats stats_;
};

} // namespace kheish::journal
