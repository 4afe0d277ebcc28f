#pragma once

#include <cstdint>
#include <string_view>

/// How a page of the database (https://sqlite.org/fileformat2.html) says that it is what was
/// written. SQLite leaves the last bytes of every page, the reserved region, to us.
namespace kheish::journal {

inline constexpr int kPageBytes = 4096;
/// The reserved region: XXH3-64, little-endian, of the rest of the page with its number as seed.
inline constexpr int kPageChecksumBytes = 8;

/// Writes the checksum into `page`, of kPageBytes; pages count from 1.
void seal_page(unsigned char* page, std::int64_t number);
/// Whether `page` is what seal_page() left, at this place.
bool is_sealed_page(const unsigned char* page, std::int64_t number);
/// Whether the first 100 bytes of a database say that its pages have room for a checksum.
bool reserves_checksum(const unsigned char* header);

} // namespace kheish::journal
