#pragma once

#include <string>

namespace kheish::journal {

/// xFileControl (sqlite3_file_control) of a database: whether its pages carry checksums, to an int.
inline constexpr int kIsChecksummedControl = 0x6b68'0001;

/// The name of a SQLite VFS (https://sqlite.org/vfs.html) that lies over the registered VFS `base`
/// (empty: SQLite's own), made at the first call. Every page of a database that reserves room for
/// it (SQLITE_FCNTL_RESERVE_BYTES with kPageChecksumBytes, as every new one has to) is written with
/// a checksum, and one that is read and does not match is SQLITE_IOERR_DATA, as is a page of the
/// write-ahead log that does not match the log's own. Other databases are left as they are. Not for
/// several threads.
std::string checksum_vfs(const std::string& base);

} // namespace kheish::journal
