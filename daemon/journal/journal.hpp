#pragma once

#include "base/ids.hpp"
#include "base/responder.hpp"
#include "base/result.hpp"
#include "codec/digest.hpp"
#include "journal/rows.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The durable record of everything: an append-only list of events, the content they refer to, and
/// rows that follow from them. It knows nothing of what events mean.
namespace kheish::journal {

inline constexpr std::size_t kEventBodyLimitBytes = std::size_t{1} << 20U;
inline constexpr std::size_t kBlobLimitBytes = std::size_t{64} << 20U;
/// What may wait for one commit. More is refused with Errc::service_unavailable.
inline constexpr std::size_t kPendingWritesLimit = 4096;
inline constexpr std::size_t kPendingBytesLimit = std::size_t{256} << 20U;
/// A page holds at most this many items, and events stop at about this many bytes.
inline constexpr std::size_t kPageLimit = 1000;
inline constexpr std::size_t kPageBytesLimit = std::size_t{8} << 20U;

/// An event to be appended. The journal gives it its place and keeps the rest byte for byte.
struct NewEvent {
    SessionId session;
    std::optional<RunId> run;
    AgentId agent;
    std::int64_t at_us = 0; ///< wall clock
    std::string type;
    int version = 1;
    std::string authority; ///< Authority::to_string()
    std::string body;      ///< canonical JSON
    std::vector<codec::BlobRef> blob_refs;

    friend bool operator==(const NewEvent&, const NewEvent&) = default;
};

struct StoredEvent {
    EventSeq seq = 0;
    NewEvent event;

    friend bool operator==(const StoredEvent&, const StoredEvent&) = default;
};

/// Proof that a request with this key was accepted, and what it was answered.
/// Key: scope and key_digest.
struct IdempotencyReceipt {
    std::string scope; ///< principal and operation: the same key of another one is another key
    codec::Digest key_digest;
    codec::Digest fingerprint; ///< of the request: another request under the same key is a conflict
    std::optional<RunId> run;
    std::string result; ///< the answer, as JSON
    std::int64_t created_us = 0;

    friend bool operator==(const IdempotencyReceipt&, const IdempotencyReceipt&) = default;
};

/// What one use case wants to become true, all or nothing: blobs, then events, then rows in the
/// order given, then the receipt.
struct Write {
    std::vector<NewEvent> events;
    /// Content, stored under its SHA-256; what is there already is kept once. Every BlobRef in
    /// `events` and `rows` (but for spools) must be here or in the journal, with its true size;
    /// otherwise the write fails with Errc::internal.
    std::vector<std::string> blobs;
    std::vector<Row> rows;
    /// Where the key is taken the write fails with Errc::idempotency_conflict, whatever the
    /// fingerprint: the caller then looks the receipt up and compares.
    std::optional<IdempotencyReceipt> receipt;
};

/// Where a committed write's events lie: event i at first + i. Both 0 for a write without events.
struct Committed {
    EventSeq first = 0;
    EventSeq last = 0;

    friend bool operator==(const Committed&, const Committed&) = default;
};

enum class Order { ascending, descending };

/// Which part of a list. Items are ordered by a number that is unique and never changes, so that a
/// page boundary neither repeats nor skips an item while others are added.
struct PageRequest {
    std::optional<std::int64_t> after; ///< Page::next of the page before
    std::size_t limit = 50;            ///< 1 to kPageLimit, else Errc::invalid_limit
    Order order = Order::ascending;
};

template <class T>
struct Page {
    std::vector<T> items;
    bool has_more = false;
    std::int64_t next = 0; ///< PageRequest::after of the next page, meant where there is more
};

/// Absent members filter nothing.
struct EventFilter {
    std::optional<SessionId> session;
    std::optional<RunId> run;
};

struct SessionFilter {
    std::optional<std::string> owner;
    std::optional<bool> ended;
};

struct RunFilter {
    std::optional<SessionId> session;
    std::optional<std::string> owner;
    std::optional<std::string> status;
    std::optional<bool> live;
};

struct ApprovalFilter {
    std::optional<SessionId> session;
    std::optional<RunId> run;
    std::optional<std::string> owner;        ///< of the session
    std::optional<std::string> decider = {}; ///< the owner, or to whom it was escalated
    std::optional<ApprovalState> state;
    std::optional<bool> questions = {}; ///< only them, or all but them
};

/// Place in the list of live runs; the default is before the first.
struct LiveCursor {
    SessionId session;
    std::int64_t queue_position = -2;
    std::int64_t run_number = 0;
};

struct LivePage {
    std::vector<RunRow> items;
    bool has_more = false;
    LiveCursor next;
};

struct StatusCount {
    std::string status;
    std::int64_t count = 0;
};

/// Whether the journal takes writes.
struct Health {
    bool writable = true;
    /// Where it does not: storage_full (ends by itself when a trial write succeeds),
    /// journal_unavailable (I/O error) or journal_corrupt (both until the daemon starts again).
    Error error;
};

/// Since the journal was opened.
struct Stats {
    std::int64_t commits = 0;        ///< transactions that were made durable
    std::int64_t failed_commits = 0; ///< transactions that were rolled back as a whole
    std::int64_t writes = 0;         ///< writes committed
    std::int64_t refused_writes = 0; ///< writes answered with an error
    std::int64_t events = 0;         ///< events committed
    std::int64_t last_commit_us = 0; ///< from first statement to the end of COMMIT
    std::int64_t max_commit_us = 0;
};

/// One writer, one thread. Writes are queued and made durable together; reads see committed data
/// only and never wait for a write.
class Journal {
  public:
    Journal() = default;
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;
    virtual ~Journal() = default;

    /// Queues `write` for the next commit(). `done` is answered from commit(), never from here, in
    /// the order of submission: after the transaction is durable, or with the reason why nothing of
    /// this write is. Errors: internal (a broken reference, an unknown session or run),
    /// idempotency_conflict, payload_too_large, service_unavailable (too much waits), and the
    /// journal's own of Health.
    virtual void submit(Write write, Responder<Committed> done) = 0;
    virtual bool has_pending() const = 0;
    /// Writes everything that was submitted in one transaction with one sync, each write under its
    /// own savepoint, then answers. A write that is refused fails alone; a transaction that fails
    /// fails them all, and its error is returned; where that is journal_unavailable because the
    /// disk did not confirm, only the next start shows whether they were kept. Called once per turn
    /// of the loop, before it polls; also drives the recovery from a full disk. What responders
    /// submit meanwhile waits for the next call. Not to be called from a responder.
    virtual Status commit() = 0;

    virtual Health health() const = 0;
    virtual Stats stats() const = 0;
    /// 16 random bytes, made with the journal: tells this journal from every other.
    virtual std::array<std::byte, 16> instance_id() const = 0;
    /// A number that no committed run has and that this process has not given out before.
    virtual std::int64_t next_run_number() = 0;
    /// The same for "session-<n>"; a caller may have chosen that very name, so look first.
    virtual std::int64_t next_session_number() = 0;

    /// Of the newest committed event, 0 where there is none.
    virtual EventSeq newest_seq() const = 0;
    /// Events with a higher seq than `after`, in order, at most `limit` (1 to kPageLimit).
    /// `next` is the seq of the last one returned, or `after` where there is none.
    virtual Result<Page<StoredEvent>>
    events(EventSeq after, const EventFilter& filter, std::size_t limit) const = 0;
    /// Content by its digest, checked against it: Errc::journal_corrupt where it differs,
    /// Errc::not_found where it never was or has been pruned.
    virtual Result<std::string> blob(const codec::Digest& digest) const = 0;

    // Single rows: Errc::session_not_found, run_not_found, not_found, approval_not_found, and
    // not_found for the others.
    virtual Result<SessionRow> session(const SessionId& session) const = 0;
    virtual Result<RunRow> run(RunId run) const = 0;
    virtual Result<ToolCallRow> tool_call(RunId run, const CallId& call) const = 0;
    virtual Result<ApprovalRow> approval(const ApprovalId& approval) const = 0;
    virtual Result<TokenRow> token(const std::string& name) const = 0;
    virtual Result<GrantRow> grant(const std::string& grant) const = 0;
    virtual Result<SecretRow> secret(const std::string& name) const = 0;
    /// Nothing where the key was never used.
    virtual Result<std::optional<IdempotencyReceipt>>
    receipt(const std::string& scope, const codec::Digest& key_digest) const = 0;

    // Lists, by number of creation; runs by run number, outputs by index.
    virtual Result<Page<SessionRow>>
    sessions(const SessionFilter& filter, const PageRequest& page) const = 0;
    virtual Result<Page<RunRow>> runs(const RunFilter& filter, const PageRequest& page) const = 0;
    virtual Result<Page<ToolCallRow>> tool_calls(RunId run, const PageRequest& page) const = 0;
    virtual Result<Page<ApprovalRow>>
    approvals(const ApprovalFilter& filter, const PageRequest& page) const = 0;
    virtual Result<Page<OutputRow>> outputs(RunId run, const PageRequest& page) const = 0;
    /// Those that have not been revoked.
    virtual Result<Page<TokenRow>> tokens(const PageRequest& page) const = 0;
    /// Those that have not been revoked, and whose run or session, where it is that, has not ended.
    virtual Result<Page<GrantRow>> live_grants(const PageRequest& page) const = 0;
    virtual Result<std::int64_t> count_grants() const = 0; ///< all there are
    /// All there are, deleted ones too.
    virtual Result<Page<SecretRow>> secrets(const PageRequest& page) const = 0;
    virtual Result<Page<SubjectRow>> subjects(const PageRequest& page) const = 0;
    virtual Result<std::int64_t> count_sessions(const SessionFilter& filter) const = 0;
    virtual Result<std::int64_t> count_runs(const RunFilter& filter) const = 0;
    virtual Result<std::int64_t> count_approvals(const ApprovalFilter& filter) const = 0;

    /// Runs that have not ended or whose scope has not, by session; within one the active run
    /// first, then the queue. Costs as much as there are such runs, however many others have ended.
    virtual Result<LivePage> live_runs(const LiveCursor& after, std::size_t limit) const = 0;
    /// How many runs have each status that occurs, by name.
    virtual Result<std::vector<StatusCount>>
    run_counts(const std::optional<SessionId>& session) const = 0;
};

} // namespace kheish::journal
