#include "base/assert.hpp"
#include "base/log.hpp"
#include "journal/sqlite.hpp"
#include "journal/sqlite_journal.hpp"
#include "journal/statements.hpp"
#include "journal/writer.hpp"

#include <algorithm>

/// The writing half of SqliteJournal.
namespace kheish::journal {

namespace {

constexpr std::int64_t kProbeIntervalUs = 1'000'000;
/// Enough that a disk with a few free blocks does not count as having room.
constexpr std::size_t kProbeBytes = std::size_t{256} << 10U;
/// What a row costs in the queue, for its bound on memory.
constexpr std::size_t kRowBytes = 1024;

Status too_large(std::string_view what, std::size_t size, std::size_t limit) {
    return fail(
        Errc::payload_too_large,
        std::string(what) + " of " + std::to_string(size) + " bytes is beyond the limit of " +
            std::to_string(limit));
}

} // namespace

Result<std::size_t> SqliteJournal::admit(const Write& write) const {
    std::size_t bytes = write.rows.size() * kRowBytes;
    for (const NewEvent& event : write.events) {
        if (event.body.size() > kEventBodyLimitBytes)
            return fail(
                too_large("an event body", event.body.size(), kEventBodyLimitBytes).error());
        bytes += event.body.size() + kRowBytes;
    }
    for (const std::string& blob : write.blobs) {
        if (blob.size() > kBlobLimitBytes)
            return fail(too_large("content", blob.size(), kBlobLimitBytes).error());
        bytes += blob.size();
    }
    if (queue_.size() >= kPendingWritesLimit || queued_bytes_ + bytes > kPendingBytesLimit)
        return fail(Error{
            .code = Errc::service_unavailable,
            .message = "too much waits to be written to the journal: try again",
            .transient = true});
    return bytes;
}

void SqliteJournal::submit(Write write, Responder<Committed> done) {
    if (closing_)
        return done.fail(Errc::journal_unavailable, "the journal is being closed");
    Pending pending{.write = std::move(write), .done = std::move(done), .outcome = Committed{}};
    const Result<std::size_t> bytes = admit(pending.write);
    if (bytes) {
        queued_bytes_ += *bytes;
    } else {
        pending.outcome = fail(bytes.error());
        pending.write = {};
    }
    queue_.push_back(std::move(pending));
}

Status SqliteJournal::commit() {
    KHEISH_ASSERT(!committing_);
    committing_ = true;
    notice_corruption();
    recover_if_due();
    std::vector<Pending> batch = std::exchange(queue_, {});
    queued_bytes_ = 0;
    Status status;
    if (!health_.writable && !batch.empty()) {
        fail_transaction(batch, health_.error);
        status = fail(health_.error);
    } else if (std::any_of(batch.begin(), batch.end(), [](const Pending& pending) {
                   return pending.outcome.has_value();
               })) {
        status = run_transaction(batch);
    }
    answer(batch);
    committing_ = false;
    return status;
}

Status SqliteJournal::run_transaction(std::vector<Pending>& batch) {
    const std::int64_t started_us = clock_.now().boot_us;
    EventSeq newest = newest_seq_;
    Status status = database_->run(sql::kBegin, "beginning a transaction");
    for (Pending& pending : batch)
        if (status && pending.outcome)
            status = run_one(pending, newest);
    if (status)
        status = database_->run(sql::kCommit, "committing");
    if (status) {
        newest_seq_ = newest;
        write_mark();
        count_commit(batch, started_us);
        return {};
    }
    if (database_->in_transaction()) {
        // Where even this fails the transaction is lost all the same: nothing of it was committed.
        (void)database_->run(sql::kRollback, "rolling back");
    }
    ++stats_.failed_commits;
    enter_failure(status.error());
    fail_transaction(batch, status.error());
    return status;
}

/// The commit is durable all the same: without its mark less is noticed of what may happen to it.
void SqliteJournal::write_mark() {
    const Status written = mark_->write({instance_id_, newest_seq_});
    if (!written && !mark_failed_)
        log(Level::warning,
            "The mark of what the journal has acknowledged cannot be written",
            {{log_field::kError, written.error().to_string()}});
    mark_failed_ = !written;
}

/// Something was read that is not what was written: nothing is written on top of it.
void SqliteJournal::notice_corruption() {
    if (health_.writable && database_->corruption())
        enter_failure(*database_->corruption());
}

Status SqliteJournal::run_one(Pending& pending, EventSeq& newest) {
    KHEISH_CHECK(database_->run(sql::kSavepoint, "beginning a write"));
    pending.outcome = Writer(*database_).apply(pending.write, newest);
    if (pending.outcome) {
        if (pending.outcome->last > 0)
            newest = pending.outcome->last;
    } else if (is_storage_failure(pending.outcome.error().code)) {
        return fail(pending.outcome.error());
    } else {
        KHEISH_CHECK(database_->run(sql::kRollbackToSavepoint, "undoing a write"));
    }
    return database_->run(sql::kRelease, "ending a write");
}

void SqliteJournal::fail_transaction(std::vector<Pending>& batch, const Error& error) {
    for (Pending& pending : batch)
        if (pending.outcome || is_storage_failure(pending.outcome.error().code))
            pending.outcome = fail(error);
}

void SqliteJournal::count_commit(const std::vector<Pending>& batch, std::int64_t started_us) {
    stats_.last_commit_us = clock_.now().boot_us - started_us;
    stats_.max_commit_us = std::max(stats_.max_commit_us, stats_.last_commit_us);
    ++stats_.commits;
    for (const Pending& pending : batch) {
        if (!pending.outcome)
            continue;
        ++stats_.writes;
        stats_.events += static_cast<std::int64_t>(pending.write.events.size());
    }
}

void SqliteJournal::answer(std::vector<Pending>& batch) {
    for (Pending& pending : batch) {
        if (!pending.outcome)
            ++stats_.refused_writes;
        if (pending.done)
            pending.done.answer(std::move(pending.outcome));
    }
}

void SqliteJournal::enter_failure(const Error& error) {
    // Another program's lock passes; a full disk is what recover_if_due() waits for.
    const bool passes = error.transient && error.code != Errc::storage_full;
    if (!is_storage_failure(error.code) || passes)
        return;
    health_ = Health{.writable = false, .error = error};
    next_probe_boot_us_ = clock_.now().boot_us + kProbeIntervalUs;
    log(Level::critical,
        "The journal takes no writes",
        {{log_field::kMessageId, std::string(log_message::kJournalFailed)},
         {log_field::kError, error.to_string()}});
}

void SqliteJournal::recover_if_due() {
    if (health_.writable || health_.error.code != Errc::storage_full)
        return;
    const std::int64_t now_us = clock_.now().boot_us;
    if (now_us < next_probe_boot_us_)
        return;
    next_probe_boot_us_ = now_us + kProbeIntervalUs;
    const Status status = try_write();
    if (status) {
        health_ = Health{};
        log(Level::notice, "The journal takes writes again");
    } else if (status.error().code != Errc::storage_full) {
        enter_failure(status.error());
    }
}

Status SqliteJournal::try_write() {
    KHEISH_CHECK(write_probe(kProbeBytes));
    return write_probe(0);
}

Status SqliteJournal::write_probe(std::size_t size_bytes) {
    const std::string data(size_bytes, '\0');
    KHEISH_TRY(Query query, database_->query(sql::kUpdateMeta));
    query.bind_all(Bytes{data}, sql::kProbeKey);
    return query.run();
}

} // namespace kheish::journal
