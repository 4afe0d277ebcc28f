#pragma once

#include <string>

namespace kheish::journal {

/// The name of a SQLite VFS whose one file is `fd`, open for reading and writing, whatever name is
/// asked for: for a process that may write to a file and not open it. No locks, no journal: use
/// PRAGMA journal_mode = MEMORY. The file stays open after SQLite is done with it. `fd` must
/// outlive the connection; a later call puts another in its place.
std::string fd_vfs(int fd);

} // namespace kheish::journal
