#include "journal/wal_frame.hpp"

#include "journal/page_checksum.hpp"

#include <array>
#include <cstring>
#include <endian.h>

namespace kheish::journal {

namespace {

constexpr std::int64_t kFrameBytes = kWalFrameHeaderBytes + kPageBytes;
constexpr std::uint32_t kMagic = 0x377f0682; ///< with its lowest bit, words are big-endian
constexpr std::size_t kSaltOffset = 16;      ///< in the log's header
constexpr std::size_t kFrameSaltOffset = 8;
constexpr std::size_t kSaltBytes = 8;
constexpr std::size_t kChecksumOffset = 16; ///< in a frame's header
constexpr std::size_t kChecksummedHeaderBytes = 8;

std::uint32_t big_endian(std::span<const unsigned char> bytes, std::size_t offset) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + offset, sizeof(word));
    return be32toh(word);
}

struct Sums {
    std::uint32_t first = 0;
    std::uint32_t second = 0;
};

void add(Sums& sums, std::span<const unsigned char> bytes, bool words_are_big_endian) {
    for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
        std::array<std::uint32_t, 2> words{};
        std::memcpy(words.data(), bytes.data() + i, sizeof(words));
        for (std::uint32_t& word : words)
            word = words_are_big_endian ? be32toh(word) : le32toh(word);
        sums.first += words[0] + sums.second;
        sums.second += words[1] + sums.first;
    }
}

} // namespace

std::optional<std::int64_t> wal_frame_of_header(std::int64_t offset_bytes) {
    const std::int64_t from_first = offset_bytes - kWalHeaderBytes;
    if (from_first < 0 || from_first % kFrameBytes != 0)
        return std::nullopt;
    return from_first / kFrameBytes;
}

std::optional<std::int64_t> wal_frame_of_page(std::int64_t offset_bytes) {
    return wal_frame_of_header(offset_bytes - kWalFrameHeaderBytes);
}

std::int64_t wal_seed_offset(std::int64_t frame) {
    if (frame == 0)
        return kWalHeaderBytes - static_cast<std::int64_t>(sizeof(Sums));
    return kWalHeaderBytes + (frame - 1) * kFrameBytes + static_cast<std::int64_t>(kChecksumOffset);
}

bool is_intact(const WalFrame& frame) {
    const std::uint32_t magic = big_endian(frame.log_header, 0);
    if ((magic & ~1U) != kMagic)
        return false;
    if (std::memcmp(
            frame.log_header.data() + kSaltOffset,
            frame.frame_header.data() + kFrameSaltOffset,
            kSaltBytes) != 0)
        return false;
    Sums sums{big_endian(frame.seed, 0), big_endian(frame.seed, 4)};
    const bool words_are_big_endian = (magic & 1U) != 0;
    add(sums, frame.frame_header.first(kChecksummedHeaderBytes), words_are_big_endian);
    add(sums, frame.page, words_are_big_endian);
    return sums.first == big_endian(frame.frame_header, kChecksumOffset) &&
           sums.second == big_endian(frame.frame_header, kChecksumOffset + 4);
}

} // namespace kheish::journal
