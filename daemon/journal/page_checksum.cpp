#include "journal/page_checksum.hpp"

#include <cstring>
#include <endian.h>

#include <xxhash.h>

namespace kheish::journal {

namespace {

constexpr std::size_t kCoveredBytes = kPageBytes - kPageChecksumBytes;
constexpr std::size_t kReservedBytesOffset = 20;

std::uint64_t checksum(const unsigned char* page, std::int64_t number) {
    return htole64(XXH3_64bits_withSeed(page, kCoveredBytes, static_cast<XXH64_hash_t>(number)));
}

} // namespace

void seal_page(unsigned char* page, std::int64_t number) {
    const std::uint64_t value = checksum(page, number);
    std::memcpy(page + kCoveredBytes, &value, sizeof(value));
}

bool is_sealed_page(const unsigned char* page, std::int64_t number) {
    const std::uint64_t value = checksum(page, number);
    return std::memcmp(page + kCoveredBytes, &value, sizeof(value)) == 0;
}

bool reserves_checksum(const unsigned char* header) {
    return header[kReservedBytesOffset] == kPageChecksumBytes;
}

} // namespace kheish::journal
