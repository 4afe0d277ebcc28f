#include "base/text.hpp"

#include <array>
#include <cstdint>

namespace kheish {

namespace {

struct Decoded {
    char32_t character = 0;
    std::size_t length = 0; ///< 0 where the bytes are not well formed
};

/// RFC 3629 section 4, one character.
Decoded decode(std::string_view text) {
    const auto byte = [&text](std::size_t index) {
        return static_cast<std::uint8_t>(text[index]);
    };
    const std::uint8_t first = byte(0);
    if (first < 0x80)
        return {first, 1};
    std::size_t length = 0;
    char32_t character = 0;
    char32_t smallest = 0;
    if (first >= 0xC2 && first <= 0xDF) {
        length = 2;
        character = first & 0x1FU;
        smallest = 0x80;
    } else if (first >= 0xE0 && first <= 0xEF) {
        length = 3;
        character = first & 0x0FU;
        smallest = 0x800;
    } else if (first >= 0xF0 && first <= 0xF4) {
        length = 4;
        character = first & 0x07U;
        smallest = 0x10000;
    }
    if (length == 0 || text.size() < length)
        return {};
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U)
            return {};
        character = (character << 6U) | (byte(i) & 0x3FU);
    }
    const bool surrogate = character >= 0xD800 && character <= 0xDFFF;
    if (character < smallest || character > 0x10FFFF || surrogate)
        return {};
    return {character, length};
}

struct Range {
    char32_t first;
    char32_t last;
};

// Unicode 15 general categories Cc, Cf, Zl and Zp, plus the blank letters and selectors that render
// as nothing: what can hide or reorder what an approver reads.
constexpr std::array kHidden{
    Range{0x0000, 0x001F},    Range{0x007F, 0x009F},   Range{0x00AD, 0x00AD},
    Range{0x034F, 0x034F},    Range{0x0600, 0x0605},   Range{0x061C, 0x061C},
    Range{0x06DD, 0x06DD},    Range{0x070F, 0x070F},   Range{0x0890, 0x0891},
    Range{0x08E2, 0x08E2},    Range{0x115F, 0x1160},   Range{0x17B4, 0x17B5},
    Range{0x180B, 0x180F},    Range{0x200B, 0x200F},   Range{0x2028, 0x202E},
    Range{0x2060, 0x206F},    Range{0x3164, 0x3164},   Range{0xFE00, 0xFE0F},
    Range{0xFEFF, 0xFEFF},    Range{0xFFA0, 0xFFA0},   Range{0xFFF0, 0xFFFB},
    Range{0x110BD, 0x110BD},  Range{0x110CD, 0x110CD}, Range{0x13430, 0x1343F},
    Range{0x1BCA0, 0x1BCA3},  Range{0x1D173, 0x1D17A}, Range{0xE0000, 0xE0FFF},
    Range{0xF0000, 0x10FFFF},
};

bool is_hidden(char32_t character) {
    for (const Range& range : kHidden)
        if (character >= range.first && character <= range.last)
            return true;
    return character >= 0xE000 && character <= 0xF8FF; // private use: no agreed look
}

std::string hex_digits(std::uint32_t value) {
    std::array<char, 8> digits{};
    const std::to_chars_result end =
        std::to_chars(digits.data(), digits.data() + digits.size(), value, 16);
    return {digits.data(), end.ptr};
}

} // namespace

std::string to_hex(std::span<const std::byte> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::byte byte : bytes) {
        text.push_back(kDigits[std::to_integer<std::size_t>(byte >> 4U)]);
        text.push_back(kDigits[std::to_integer<std::size_t>(byte & std::byte{0x0F})]);
    }
    return text;
}

bool is_valid_utf8(std::string_view text) {
    while (!text.empty()) {
        const Decoded next = decode(text);
        if (next.length == 0)
            return false;
        text.remove_prefix(next.length);
    }
    return true;
}

std::string_view truncate_utf8(std::string_view text, std::size_t limit_bytes) {
    if (text.size() <= limit_bytes)
        return text;
    std::size_t end = limit_bytes;
    while (end > 0 && (static_cast<std::uint8_t>(text[end]) & 0xC0U) == 0x80U)
        --end;
    return text.substr(0, end);
}

std::string to_valid_utf8(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    while (!bytes.empty()) {
        const Decoded next = decode(bytes);
        const std::size_t length = next.length == 0 ? 1 : next.length;
        if (next.length == 0)
            text += "\xEF\xBF\xBD";
        else
            text.append(bytes.substr(0, length));
        bytes.remove_prefix(length);
    }
    return text;
}

bool is_label(std::string_view text) {
    constexpr std::size_t kLimitBytes = 63;
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz";
    constexpr std::string_view kAll = "abcdefghijklmnopqrstuvwxyz0123456789-";
    return text.size() <= kLimitBytes && kLetters.find(text.substr(0, 1)) != kLetters.npos &&
           !text.empty() && text.find_first_not_of(kAll) == text.npos;
}

std::string escape_for_display(std::string_view text) {
    std::string shown;
    shown.reserve(text.size());
    while (!text.empty()) {
        const Decoded next = decode(text);
        const std::size_t length = next.length == 0 ? 1 : next.length;
        if (next.length == 0)
            shown += "\\x" + hex_digits(static_cast<std::uint8_t>(text.front()));
        else if (next.character == U'\\')
            shown += "\\\\";
        else if (next.character == U'\n')
            shown += "\\n";
        else if (next.character == U'\t')
            shown += "\\t";
        else if (is_hidden(next.character))
            shown += "\\u{" + hex_digits(next.character) + "}";
        else
            shown.append(text.substr(0, length));
        text.remove_prefix(length);
    }
    return shown;
}

} // namespace kheish
