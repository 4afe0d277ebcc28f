#include "journal/inspection.hpp"

#include "journal/acknowledged_mark.hpp"
#include "journal/migrate.hpp"
#include "journal/sqlite.hpp"
#include "journal/statements.hpp"
#include "journal/stored_blob.hpp"
#include "journal/writer.hpp"

#include <algorithm>
#include <unistd.h>

namespace kheish::journal {

namespace {

Result<Database> open_to_inspect(const std::string& path) {
    KHEISH_TRY(Database database, Database::open(path, {.vfs = {}, .read_only = true}));
    KHEISH_CHECK(check_current(database, path));
    // One moment of the journal, whatever is written meanwhile.
    KHEISH_CHECK(database.execute("BEGIN", "inspecting the journal"));
    return database;
}

/// The first column of every row of `sql`, each told after `prefix`.
Status
report_rows(Database& database, std::string_view sql, const std::string& prefix, Report& report) {
    KHEISH_TRY(Query query, database.query(sql));
    for (;;) {
        KHEISH_TRY(const bool has_row, query.step());
        if (!has_row)
            return {};
        std::string text;
        KHEISH_CHECK(query.read_all(text));
        if (text != "ok")
            report(prefix + text);
    }
}

Status inspect_blobs(Database& database, RecordCounts& counts, Report& report) {
    KHEISH_TRY(Query query, database.query("SELECT sha256, size, codec, data FROM blobs"));
    for (;;) {
        KHEISH_TRY(const bool has_row, query.step());
        if (!has_row)
            return {};
        codec::BlobRef ref;
        int codec = 0;
        std::optional<std::string> data;
        KHEISH_CHECK(query.read_all(ref, codec, data));
        ++counts.blobs;
        if (!data) {
            ++counts.pruned_blobs;
            continue;
        }
        counts.blob_bytes += ref.size_bytes;
        if (codec != 0 || codec::blob_ref(*data) != ref)
            report("blob " + ref.digest.to_hex() + " is not what its digest says");
    }
}

Status inspect_ref(Database& database, EventSeq seq, const codec::BlobRef& ref, Report& report) {
    KHEISH_TRY(const std::optional<StoredBlob> blob, find_blob(database, ref.digest));
    if (!blob || blob->size_bytes != ref.size_bytes)
        report(
            "event " + std::to_string(seq) +
            " refers to content that is not there: " + ref.digest.to_hex());
    return {};
}

Status inspect_events(Database& database, RecordCounts& counts, Report& report) {
    KHEISH_TRY(Query query, database.query("SELECT seq, blob_refs FROM events ORDER BY seq"));
    for (;;) {
        KHEISH_TRY(const bool has_row, query.step());
        if (!has_row)
            return {};
        EventSeq seq = 0;
        std::string packed;
        KHEISH_CHECK(query.read_all(seq, packed));
        if (seq != counts.events + 1)
            report(
                "after event " + std::to_string(counts.events) + " comes " + std::to_string(seq));
        counts.events = seq;
        const Result<std::vector<codec::BlobRef>> refs = decode_blob_refs(packed);
        if (!refs) {
            report("event " + std::to_string(seq) + ": " + refs.error().message);
            continue;
        }
        for (const codec::BlobRef& ref : *refs)
            KHEISH_CHECK(inspect_ref(database, seq, ref, report));
    }
}

} // namespace

Status inspect_structure(const std::string& path, Report& report) {
    KHEISH_TRY(Database database, open_to_inspect(path));
    KHEISH_CHECK(report_rows(database, "PRAGMA integrity_check", "structure: ", report));
    return report_rows(
        database,
        "SELECT \"table\" || ' ' || rowid || ' refers to a row of ' || parent FROM "
        "pragma_foreign_key_check",
        "missing row: ",
        report);
}

Result<RecordCounts> inspect_record(const std::string& path, Report& report) {
    KHEISH_TRY(Database database, open_to_inspect(path));
    RecordCounts counts;
    KHEISH_CHECK(inspect_events(database, counts, report));
    KHEISH_CHECK(inspect_blobs(database, counts, report));
    return counts;
}

Status inspect_mark(const std::string& path, Report& report) {
    if (::access(AcknowledgedMark::path_of(path).c_str(), F_OK) != 0)
        return {};
    // Before the journal, which only grows.
    KHEISH_TRY(AcknowledgedMark mark, AcknowledgedMark::open({}, path));
    KHEISH_TRY(const std::optional<AcknowledgedMark::Value> value, mark.read());
    KHEISH_TRY(Database database, open_to_inspect(path));
    KHEISH_TRY(const EventSeq newest, database.integer(sql::kNewestSeq));
    KHEISH_TRY(Query query, database.query(sql::kSelectMeta));
    query.bind_all(sql::kInstanceIdKey);
    KHEISH_TRY(const bool found, query.step());
    std::string id;
    if (found)
        KHEISH_CHECK(query.read_all(id));
    const bool is_ours =
        value && std::equal(
                     id.begin(),
                     id.end(),
                     reinterpret_cast<const char*>(value->journal.data()),
                     reinterpret_cast<const char*>(value->journal.data()) + value->journal.size());
    if (is_ours && value->newest > newest)
        report(
            "it ends at event " + std::to_string(newest) + ", and " +
            std::to_string(value->newest) + " were acknowledged");
    return {};
}

} // namespace kheish::journal
