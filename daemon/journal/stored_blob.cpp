#include "journal/stored_blob.hpp"

#include "journal/statements.hpp"

namespace kheish::journal {

Result<std::optional<StoredBlob>> find_blob(Database& database, const codec::Digest& digest) {
    KHEISH_TRY(Query query, database.query(sql::kFindBlob));
    query.bind_all(digest);
    KHEISH_TRY(const bool found, query.step());
    if (!found)
        return std::nullopt;
    StoredBlob blob;
    KHEISH_CHECK(query.read_all(blob.size_bytes, blob.has_data));
    return blob;
}

} // namespace kheish::journal
