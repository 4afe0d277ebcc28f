#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Bounds that every tool call keeps; a call's own wishes are clamped to them.
namespace kheish::tools {

inline constexpr std::size_t kMaxInputBytes = std::size_t{16} << 20U;
inline constexpr std::int64_t kMaxOutputBytes = std::int64_t{16} << 20;
inline constexpr std::int64_t kMaxResultEnvelopeBytes = std::int64_t{24} << 20;
inline constexpr std::chrono::milliseconds kMaxTimeout{180'000};
inline constexpr std::size_t kMaxParallelTools = 16;
inline constexpr std::size_t kMaxCallsPerTurn = 256;
inline constexpr std::int64_t kMaxCumulativeOutputBytes = std::int64_t{64} << 20;
inline constexpr std::int64_t kMaxCumulativeResultEnvelopeBytes = std::int64_t{96} << 20;

/// What the model is told of one call; the rest is in the spool.
inline constexpr std::size_t kExcerptBytes = std::size_t{48} << 10U;

inline constexpr std::size_t kPathBytes = 4095;            ///< PATH_MAX without its NUL
inline constexpr std::size_t kCommandBytes = 100'000;      ///< one execve(2) argument: 128 KiB
inline constexpr std::size_t kPatternBytes = 4096;         ///< of a regular expression
inline constexpr std::size_t kGlobBytes = 256;             ///< of a file name pattern
inline constexpr std::size_t kSummaryBytes = 400;          ///< before escaping
inline constexpr std::chrono::milliseconds kMinTimeout{1}; ///< a call may not ask for none

inline constexpr std::size_t kQuestions = 4;                   ///< in one call
inline constexpr std::size_t kQuestionOptions = 16;            ///< of one question
inline constexpr std::size_t kQuestionBytes = 4096;            ///< of its text
inline constexpr std::size_t kQuestionLabelBytes = 256;        ///< of a header, a label, an id
inline constexpr std::size_t kQuestionDescriptionBytes = 2048; ///< of an option
inline constexpr std::int64_t kQuestionExpiryMs = std::int64_t{366} * 24 * 3600 * 1000;

inline constexpr std::int64_t kReadFileBytes = std::int64_t{16} << 20; ///< larger is refused
inline constexpr std::int64_t kReadLines = 1'000'000'000;
inline constexpr std::int64_t kListDefaultEntries = 500;
inline constexpr std::int64_t kListEntries = 5000;
inline constexpr std::int64_t kListDepth = 32;
inline constexpr std::int64_t kListVisitedEntries = 200'000; ///< looked at, shown or not
inline constexpr std::int64_t kGrepDefaultMatches = 200;
inline constexpr std::int64_t kGrepMatches = 2000;
inline constexpr std::int64_t kGrepFiles = 50'000;
inline constexpr std::int64_t kGrepFileBytes = std::int64_t{4} << 20; ///< larger is skipped
inline constexpr std::int64_t kGrepTotalBytes = std::int64_t{512} << 20;
inline constexpr std::size_t kGrepLineBytes = 400; ///< shown of one line
/// Of a page, before and after it is made text.
inline constexpr std::int64_t kWebBodyBytes = std::int64_t{4} << 20;
inline constexpr std::int64_t kWebTextBytes = kWebBodyBytes;
inline constexpr int kWebRedirects = 5; ///< followed on one host
inline constexpr std::size_t kBinaryProbeBytes = 8192;

} // namespace kheish::tools
