#pragma once

#include "journal/journal.hpp"
#include "journal/sqlite.hpp"

namespace kheish::journal {

/// Puts one Write into the transaction that is open on `database`. A failure leaves a part of it
/// there: the caller rolls back to its savepoint.
class Writer {
  public:
    explicit Writer(Database& database) : database_(database) {}

    /// `newest` is the seq of the last event, in this transaction or before it.
    Result<Committed> apply(const Write& write, EventSeq newest);

  private:
    Status store_blob(const std::string& data, const codec::BlobRef& ref);
    Status append(const NewEvent& event, EventSeq seq);
    Status put(const SessionRow& row);
    Status put(const TokenRow& row);
    Status put(const GrantRow& row);
    Status put(const SecretRow& row);
    Status put(const SubjectRow& row);
    Status put(const RunRow& row);
    Status put(const ToolCallRow& row);
    Status put(const ApprovalRow& row);
    Status put(const OutputRow& row);
    Status put(const IdempotencyReceipt& receipt);
    /// Errc::internal unless `ref` is known with this size.
    Status check_ref(const codec::BlobRef& ref, std::string_view where);
    template <class Row>
    Status put_row(std::string_view sql, const Row& row);

    Database& database_;
};

/// Entries of 40 bytes, as schema/0001_initial.sql says.
std::string encode_blob_refs(const std::vector<codec::BlobRef>& refs);
/// Errc::journal_corrupt for what encode_blob_refs() cannot have written.
Result<std::vector<codec::BlobRef>> decode_blob_refs(std::string_view bytes);

} // namespace kheish::journal
