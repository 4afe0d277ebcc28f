#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"

#include <string>

namespace kheish::journal {

/// Makes a journal at `target`, where there is no file, with the record of the one at `source`
/// (events, content, receipts, and what belongs to the journal as a whole) and without the rows
/// that follow from events. `source`, which nobody writes to, must be of this program's schema.
/// Errors: as in opening both; journal_corrupt where the record itself is damaged.
Status copy_record(const std::string& source, const std::string& target, const Clock& clock);
/// Copies the log of the journal at `path`, which nobody has open, into it and removes it, so that
/// the one file is all of it.
Status merge_log(const std::string& path);

} // namespace kheish::journal
