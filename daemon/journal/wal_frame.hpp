#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <optional>
#include <span>

/// The frames of a write-ahead log (https://sqlite.org/fileformat2.html#the_write_ahead_log) whose
/// pages are of kPageBytes. SQLite checks their checksums when it recovers a log, and trusts them
/// from then on.
namespace kheish::journal {

inline constexpr std::int64_t kWalHeaderBytes = 32;
inline constexpr std::int64_t kWalFrameHeaderBytes = 24;

/// Which frame, from 0, has its header at `offset_bytes` of the log, or its page.
std::optional<std::int64_t> wal_frame_of_header(std::int64_t offset_bytes);
std::optional<std::int64_t> wal_frame_of_page(std::int64_t offset_bytes);
/// Where the checksum lies that the one of `frame` goes on from: that of the frame before, or of
/// the log's header.
std::int64_t wal_seed_offset(std::int64_t frame);

struct WalFrame {
    std::span<const unsigned char> log_header;   ///< kWalHeaderBytes
    std::span<const unsigned char> seed;         ///< 8 bytes, at wal_seed_offset()
    std::span<const unsigned char> frame_header; ///< kWalFrameHeaderBytes
    std::span<const unsigned char> page;         ///< kPageBytes
};

/// Whether the frame belongs to this log and is what its checksum says.
bool is_intact(const WalFrame& frame);

} // namespace kheish::journal
