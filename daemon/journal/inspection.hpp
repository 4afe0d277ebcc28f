#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"

#include <cstdint>
#include <string>

/// Looks for damage in the journal at a path, beside a process that may write to it. Nothing is
/// changed. What is wrong is told to `report`, in a sentence each; an Error says why the inspection
/// could not be made.
namespace kheish::journal {

using Report = UniqueFunction<void(const std::string& finding)>;

struct RecordCounts {
    EventSeq events = 0;
    std::int64_t blobs = 0;
    std::int64_t pruned_blobs = 0;
    std::int64_t blob_bytes = 0; ///< of those that are there
};

/// Every page against its checksum, tables against indexes, references between rows.
Status inspect_structure(const std::string& path, Report& report);
/// Events follow each other and refer to content that is known with that size; content is what its
/// digest says.
Result<RecordCounts> inspect_record(const std::string& path, Report& report);
/// Whether all that was acknowledged is there (acknowledged_mark.hpp).
Status inspect_mark(const std::string& path, Report& report);

} // namespace kheish::journal
