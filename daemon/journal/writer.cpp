#include "journal/writer.hpp"

#include "journal/governance_statements.hpp"
#include "journal/statements.hpp"
#include "journal/stored_blob.hpp"

#include <cstring>
#include <endian.h>

namespace kheish::journal {

namespace {

constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kBlobRefBytes = kDigestBytes + sizeof(std::uint64_t);

} // namespace

std::string encode_blob_refs(const std::vector<codec::BlobRef>& refs) {
    std::string bytes(refs.size() * kBlobRefBytes, '\0');
    char* target = bytes.data();
    for (const codec::BlobRef& ref : refs) {
        const std::uint64_t size = htobe64(static_cast<std::uint64_t>(ref.size_bytes));
        std::memcpy(target, ref.digest.bytes.data(), kDigestBytes);
        std::memcpy(target + kDigestBytes, &size, sizeof(size));
        target += kBlobRefBytes;
    }
    return bytes;
}

Result<std::vector<codec::BlobRef>> decode_blob_refs(std::string_view bytes) {
    if (bytes.size() % kBlobRefBytes != 0)
        return fail(Errc::journal_corrupt, "blob_refs has an incomplete entry");
    std::vector<codec::BlobRef> refs(bytes.size() / kBlobRefBytes);
    const char* source = bytes.data();
    for (codec::BlobRef& ref : refs) {
        std::uint64_t size = 0;
        std::memcpy(ref.digest.bytes.data(), source, kDigestBytes);
        std::memcpy(&size, source + kDigestBytes, sizeof(size));
        ref.size_bytes = static_cast<std::int64_t>(be64toh(size));
        source += kBlobRefBytes;
    }
    return refs;
}

Result<Committed> Writer::apply(const Write& write, EventSeq newest) {
    for (const std::string& data : write.blobs)
        KHEISH_CHECK(store_blob(data, codec::blob_ref(data)));
    EventSeq seq = newest;
    for (const NewEvent& event : write.events)
        KHEISH_CHECK(append(event, ++seq));
    for (const Row& row : write.rows)
        KHEISH_CHECK(std::visit([this](const auto& plain) { return put(plain); }, row));
    if (write.receipt)
        KHEISH_CHECK(put(*write.receipt));
    if (write.events.empty())
        return Committed{};
    return Committed{.first = newest + 1, .last = seq};
}

Status Writer::store_blob(const std::string& data, const codec::BlobRef& ref) {
    KHEISH_TRY(const std::optional<StoredBlob> known, find_blob(database_, ref.digest));
    if (known && known->has_data)
        return {};
    if (known) {
        KHEISH_TRY(Query restore, database_.query(sql::kRestoreBlob));
        restore.bind_all(Bytes{data}, ref.digest);
        return restore.run();
    }
    KHEISH_TRY(Query insert, database_.query(sql::kInsertBlob));
    insert.bind_all(ref, Bytes{data});
    return insert.run();
}

Status Writer::check_ref(const codec::BlobRef& ref, std::string_view where) {
    KHEISH_TRY(const std::optional<StoredBlob> blob, find_blob(database_, ref.digest));
    if (blob && blob->size_bytes == ref.size_bytes)
        return {};
    return fail(
        Errc::internal,
        std::string(where) + " refers to blob " + ref.digest.to_hex() + " of " +
            std::to_string(ref.size_bytes) + " bytes, which " +
            (blob ? "has " + std::to_string(blob->size_bytes)
                  : "is neither in the journal nor in the write"));
}

Status Writer::append(const NewEvent& event, EventSeq seq) {
    for (const codec::BlobRef& ref : event.blob_refs)
        KHEISH_CHECK(check_ref(ref, event.type));
    const std::string refs = encode_blob_refs(event.blob_refs);
    KHEISH_TRY(Query query, database_.query(sql::kInsertEvent));
    query.bind_all(
        seq,
        event.session,
        event.run,
        event.agent,
        event.at_us,
        event.type,
        event.version,
        event.authority,
        Bytes{event.body},
        Bytes{refs});
    return query.run();
}

template <class Row>
Status Writer::put_row(std::string_view sql, const Row& row) {
    KHEISH_TRY(Query query, database_.query(sql));
    query.bind_tuple(sql::written(row));
    return query.run();
}

Status Writer::put(const SessionRow& row) {
    return put_row(sql::kWriteSession, row);
}

Status Writer::put(const RunRow& row) {
    KHEISH_CHECK(check_ref(row.input, "the row of a run"));
    return put_row(sql::kWriteRun, row);
}

Status Writer::put(const ToolCallRow& row) {
    KHEISH_CHECK(check_ref(row.input, "the row of a tool call"));
    if (row.result)
        KHEISH_CHECK(check_ref(*row.result, "the row of a tool call"));
    return put_row(sql::kWriteToolCall, row);
}

Status Writer::put(const ApprovalRow& row) {
    KHEISH_CHECK(check_ref(row.input, "the row of an approval"));
    return put_row(sql::kWriteApproval, row);
}

Status Writer::put(const OutputRow& row) {
    KHEISH_CHECK(check_ref(row.content, "the row of an output"));
    return put_row(sql::kWriteOutput, row);
}

Status Writer::put(const TokenRow& row) {
    return put_row(sql::kWriteToken, row);
}

Status Writer::put(const GrantRow& row) {
    return put_row(sql::kWriteGrant, row);
}

Status Writer::put(const SecretRow& row) {
    return put_row(sql::kWriteSecret, row);
}

Status Writer::put(const SubjectRow& row) {
    return put_row(sql::kWriteSubject, row);
}

Status Writer::put(const IdempotencyReceipt& receipt) {
    {
        KHEISH_TRY(Query lookup, database_.query(sql::kSelectReceipt));
        lookup.bind_all(receipt.scope, receipt.key_digest);
        KHEISH_TRY(const bool taken, lookup.step());
        if (taken)
            return fail(
                Errc::idempotency_conflict, "the idempotency key has been used: ask what for");
    }
    KHEISH_TRY(Query insert, database_.query(sql::kInsertReceipt));
    insert.bind_all(
        receipt.scope,
        receipt.key_digest,
        receipt.fingerprint,
        receipt.run,
        receipt.result,
        receipt.created_us);
    return insert.run();
}

} // namespace kheish::journal
