#include "runner/excerpt.hpp"

#include "base/text.hpp"

namespace kheish::runner {
namespace {

bool is_continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

/// `bytes` without the beginnings of a character at its end, so that a cut shows no U+FFFD.
std::string_view without_partial_end(std::string_view bytes) {
    std::size_t end = bytes.size();
    while (end > 0 && bytes.size() - end < 3 && is_continuation(bytes[end - 1]))
        --end;
    if (end == 0 || static_cast<unsigned char>(bytes[end - 1]) < 0xC0U)
        return bytes;
    return is_valid_utf8(bytes.substr(end - 1)) ? bytes : bytes.substr(0, end - 1);
}

std::string_view without_partial_begin(std::string_view bytes) {
    for (int i = 0; i < 3 && !bytes.empty() && is_continuation(bytes.front()); ++i)
        bytes.remove_prefix(1);
    return bytes;
}

/// The end of valid UTF-8 `text`, whole characters, at most `limit_bytes`.
std::string_view last_of(std::string_view text, std::size_t limit_bytes) {
    if (text.size() <= limit_bytes)
        return text;
    return without_partial_begin(text.substr(text.size() - limit_bytes));
}

std::string join(std::string_view head, std::string_view tail, std::int64_t total_bytes) {
    std::string text(head);
    text += "\n[... the middle of " + std::to_string(total_bytes) +
            " bytes of output is left out here; narrow the command to see it ...]\n";
    return text.append(tail);
}

} // namespace

void Excerpt::append(std::string_view bytes) {
    total_bytes_ += static_cast<std::int64_t>(bytes.size());
    const std::size_t room = half() - head_.size();
    head_.append(bytes.substr(0, room));
    bytes.remove_prefix(std::min(room, bytes.size()));
    tail_.append(bytes);
    // Cutting only when twice the size is there keeps the copying linear in the output.
    if (tail_.size() > 2 * half() + 4)
        tail_.erase(0, tail_.size() - half() - 4);
}

Excerpt::Text Excerpt::text() const {
    const std::size_t held = head_.size() + tail_.size();
    if (static_cast<std::int64_t>(held) == total_bytes_) {
        std::string whole = to_valid_utf8(head_ + tail_);
        if (whole.size() <= limit_bytes_)
            return {std::move(whole), false};
        return {join(truncate_utf8(whole, half()), last_of(whole, half()), total_bytes_), true};
    }
    const std::string head = to_valid_utf8(without_partial_end(head_));
    const std::string_view last =
        std::string_view(tail_).substr(tail_.size() - std::min(tail_.size(), half()));
    const std::string tail = to_valid_utf8(without_partial_begin(last));
    return {join(truncate_utf8(head, half()), last_of(tail, half()), total_bytes_), true};
}

} // namespace kheish::runner
