#pragma once

#include <chrono>
#include <cstddef>

/// Every bound of the HTTP edge. Times are whole seconds: they are counted in ticks of kTick, so
/// each passes at the earliest after its value and at the latest one tick later.
namespace kheish::http {

inline constexpr std::size_t kKibibyte = 1024;
inline constexpr std::size_t kMebibyte = kKibibyte * kKibibyte;

inline constexpr std::size_t kRequestLineLimitBytes = 8 * kKibibyte; ///< beyond: 414
inline constexpr std::size_t kHeaderLimitBytes = 32 * kKibibyte;     ///< all lines; beyond: 431
inline constexpr std::size_t kHeaderCountLimit = 100;                ///< beyond: 431
inline constexpr std::size_t kLeadingEmptyLineLimit = 4;             ///< RFC 9112 2.2
inline constexpr std::size_t kQueryMemberLimit = 32;
inline constexpr std::size_t kPathSegmentLimit = 16;
inline constexpr std::size_t kChunkLineLimitBytes = kKibibyte; ///< size and extensions, trailer
/// What chunk sizes, extensions and trailers may add to a body of at most `limit` bytes.
constexpr std::size_t chunk_overhead_limit_bytes(std::size_t limit) {
    return 8 * limit + 64 * kKibibyte;
}

inline constexpr std::chrono::seconds kTick{1};
inline constexpr std::chrono::seconds kIdleTimeout{120};  ///< between two requests
inline constexpr std::chrono::seconds kHeaderTimeout{10}; ///< first to last byte of a head
inline constexpr std::chrono::seconds kBodyTimeout{60};   ///< end of the head to that of the body
inline constexpr std::chrono::seconds kFirstRequestGrace{1};  ///< of a new connection at a stop
inline constexpr std::chrono::seconds kWriteStallTimeout{30}; ///< nothing taken by the client
inline constexpr std::chrono::seconds kLingerTimeout{2};      ///< reply sent, client still sends
inline constexpr std::chrono::seconds kOverflowGrace{10};     ///< for the last frame of a stream
inline constexpr std::chrono::seconds kRetryAfter{1};         ///< advice with 429 and 503
inline constexpr std::chrono::seconds kFailureRetryAfter{60}; ///< where tokens were wrong too often

inline constexpr std::size_t kInputBufferLimitBytes = 64 * kKibibyte;
/// Pipelined requests wait while replies of this size have not been taken by the client.
inline constexpr std::size_t kOutputHighWaterBytes = 256 * kKibibyte;
inline constexpr std::size_t kRequestsPerTurnLimit = 32; ///< of one connection
inline constexpr std::size_t kAcceptsPerTurnLimit = 64;
inline constexpr std::size_t kLingerLimitBytes = 64 * kMebibyte;

/// A stream holds at most kStreamBufferLimitBytes for its client: it reads the journal only while
/// less than the low-water mark is pending, in pages that keep it under the limit. A single frame
/// that is larger than a page is sent whole.
inline constexpr std::size_t kStreamBufferLimitBytes = kMebibyte;
inline constexpr std::size_t kStreamLowWaterBytes = 256 * kKibibyte;
inline constexpr std::size_t kStreamPageBytes = 64 * kKibibyte;
static_assert(kStreamLowWaterBytes + 2 * kStreamPageBytes < kStreamBufferLimitBytes);

/// How much of each thing there may be at once, and how much of it one peer may hold.
struct Allowance {
    std::size_t total;
    std::size_t per_peer;
};

/// What one configures; the rest of this file is fixed.
struct Limits {
    Allowance connections{8192, 2048};
    Allowance requests{1024, 256}; ///< from the end of the head to the reply
    Allowance streams{4096, 1024};
    Allowance body_bytes{256 * kMebibyte, 64 * kMebibyte}; ///< announced, or the most it may be
    std::chrono::seconds heartbeat{15};                    ///< without a frame on a stream
};

} // namespace kheish::http
