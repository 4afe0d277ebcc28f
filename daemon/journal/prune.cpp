#include "journal/prune.hpp"

#include "journal/migrate.hpp"
#include "journal/sqlite.hpp"
#include "journal/statements.hpp"
#include "journal/stored_blob.hpp"
#include "journal/writer.hpp"

namespace kheish::journal {

namespace {

/// Of one transaction: the daemon waits for no more than this.
constexpr std::size_t kBlobsPerStep = 64;
constexpr std::int64_t kBytesPerStep = std::int64_t{8} << 20;

} // namespace

Pruning::Pruning(std::unique_ptr<Database> database) : database_(std::move(database)) {}
Pruning::Pruning(Pruning&&) noexcept = default;
Pruning& Pruning::operator=(Pruning&&) noexcept = default;
Pruning::~Pruning() = default;

Result<Pruning> Pruning::plan(const std::string& path, std::int64_t ended_before_us) {
    KHEISH_TRY(Database database, Database::open(path, {.vfs = {}, .read_only = false}));
    KHEISH_CHECK(check_current(database, path));
    KHEISH_CHECK(database.execute("PRAGMA synchronous = FULL", "preparing to prune"));
    Pruning pruning(std::make_unique<Database>(std::move(database)));
    KHEISH_CHECK(pruning.database_->execute("BEGIN", "looking for what can be pruned"));
    KHEISH_CHECK(pruning.read_runs(ended_before_us));
    KHEISH_CHECK(pruning.read_references(ended_before_us));
    KHEISH_CHECK(pruning.database_->run(sql::kCommit, "looking for what can be pruned"));
    return pruning;
}

Status Pruning::read_runs(std::int64_t ended_before_us) {
    KHEISH_TRY(Query query, database_->query(sql::kOldRuns));
    query.bind_all(ended_before_us);
    for (;;) {
        KHEISH_TRY(const bool has_row, query.step());
        if (!has_row)
            return {};
        KHEISH_CHECK(query.read_all(runs_.emplace_back()));
    }
}

Status Pruning::read_references(std::int64_t ended_before_us) {
    KHEISH_TRY(Query query, database_->query(sql::kReferencesOfOldRuns));
    query.bind_all(ended_before_us);
    for (;;) {
        KHEISH_TRY(const bool has_row, query.step());
        if (!has_row)
            break;
        std::string packed;
        bool is_old = false;
        KHEISH_CHECK(query.read_all(read_to_, packed, is_old));
        KHEISH_TRY(const std::vector<codec::BlobRef> refs, decode_blob_refs(packed));
        for (const codec::BlobRef& ref : refs)
            (is_old ? victims_ : kept_).insert(ref.digest);
    }
    for (const codec::Digest& digest : kept_)
        victims_.erase(digest);
    return {};
}

Status Pruning::follow_new_events() {
    KHEISH_TRY(Query query, database_->query(sql::kReferencesAfter));
    query.bind_all(read_to_);
    for (;;) {
        KHEISH_TRY(const bool has_row, query.step());
        if (!has_row)
            return {};
        std::string packed;
        KHEISH_CHECK(query.read_all(read_to_, packed));
        KHEISH_TRY(const std::vector<codec::BlobRef> refs, decode_blob_refs(packed));
        for (const codec::BlobRef& ref : refs)
            victims_.erase(ref.digest);
    }
}

Status Pruning::step() {
    // Nothing is written by anybody else between the look and the end of the transaction.
    KHEISH_CHECK(database_->run(sql::kBegin, "pruning"));
    Status status = prune_some();
    if (status)
        status = database_->run(sql::kCommit, "pruning");
    if (!status && database_->in_transaction()) {
        // The first error says more than a failure to clean up after it.
        (void)database_->run(sql::kRollback, "pruning");
    }
    return status;
}

Status Pruning::prune_some() {
    KHEISH_CHECK(follow_new_events());
    const std::int64_t enough = pruned_bytes_ + kBytesPerStep;
    for (std::size_t i = 0; i < kBlobsPerStep && pruned_bytes_ < enough && !victims_.empty(); ++i) {
        KHEISH_CHECK(prune(*victims_.begin()));
        victims_.erase(victims_.begin());
    }
    return {};
}

Status Pruning::prune(const codec::Digest& digest) {
    KHEISH_TRY(const std::optional<StoredBlob> blob, find_blob(*database_, digest));
    if (!blob || !blob->has_data)
        return {};
    KHEISH_TRY(Query query, database_->query(sql::kPruneBlob));
    query.bind_all(digest);
    KHEISH_CHECK(query.run());
    ++pruned_blobs_;
    pruned_bytes_ += blob->size_bytes;
    return {};
}

} // namespace kheish::journal
