#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kheish::runner {

/// Collects output of any length in bounded memory: its beginning and its end.
class Excerpt {
  public:
    /// Keeps about `limit_bytes` in all, half of it from each end.
    explicit Excerpt(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

    void append(std::string_view bytes);
    std::int64_t total_bytes() const { return total_bytes_; }

    struct Text {
        std::string text; ///< valid UTF-8, at most `limit_bytes` (and the note in the middle)
        bool truncated = false;
    };
    /// The whole output where it fits, else both ends around a note of how much is left out. Bytes
    /// that are not UTF-8 show as U+FFFD.
    Text text() const;

  private:
    std::size_t half() const { return limit_bytes_ / 2; }

    std::size_t limit_bytes_;
    std::int64_t total_bytes_ = 0;
    std::string head_;
    std::string tail_; ///< what follows head_, cut to its last half() bytes now and then
};

/// Longest note that Excerpt::text() puts in the middle.
inline constexpr std::size_t kExcerptNoteBytes = 200;

} // namespace kheish::runner
