#pragma once

#include "base/result.hpp"
#include "base/unique_function.hpp"

#include <cstdint>
#include <string>

namespace kheish::journal {

/// Told how many of the pages are done.
using BackupProgress = UniqueFunction<void(std::int64_t pages_done, std::int64_t pages)>;

/// Copies the journal at `path`, as it is at one moment, into the empty file `fd` (open for reading
/// and writing, and the caller's), while another process may write to it; then reads the copy back.
/// The copy is durable, a journal by itself and has every checksum. Errors: as in opening a journal
/// to read; storage_full and journal_unavailable of the target; journal_corrupt where a page of the
/// source or of the copy is damaged. What is in `fd` is then of no use.
Status back_up(const std::string& path, int fd, BackupProgress& progress);

} // namespace kheish::journal
