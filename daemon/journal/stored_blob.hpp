#pragma once

#include "codec/digest.hpp"
#include "journal/sqlite.hpp"

#include <optional>

namespace kheish::journal {

/// What the journal has of some content.
struct StoredBlob {
    std::int64_t size_bytes = 0;
    bool has_data = false; ///< not where it was pruned
};

/// Nothing where it has never been stored.
Result<std::optional<StoredBlob>> find_blob(Database& database, const codec::Digest& digest);

} // namespace kheish::journal
