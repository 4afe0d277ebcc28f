#pragma once

#include "base/result.hpp"

#include <charconv>
#include <concepts>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kheish {

/// The whole of `text` as a decimal number: no sign unless T is signed, no space, no rest.
template <std::integral T>
std::optional<T> parse_number(std::string_view text) {
    T value{};
    const char* end = text.data() + text.size();
    const std::from_chars_result parsed = std::from_chars(text.data(), end, value);
    if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end)
        return std::nullopt;
    return value;
}

/// Names of sandbox profiles and their like: 1 to 63 characters of [a-z0-9-], a letter first.
bool is_label(std::string_view text);
inline constexpr std::string_view kLabelRule =
    "must have 1 to 63 lower-case letters, digits and -, a letter first";

/// Lower-case hexadecimal.
std::string to_hex(std::span<const std::byte> bytes);

/// Well-formed UTF-8 by RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF.
bool is_valid_utf8(std::string_view text);
/// The longest prefix of valid UTF-8 `text` that has at most `limit_bytes` bytes and ends between
/// two characters.
std::string_view truncate_utf8(std::string_view text, std::size_t limit_bytes);
/// `bytes` with each byte that is not part of well-formed UTF-8 replaced by U+FFFD.
std::string to_valid_utf8(std::string_view bytes);

/// `text` as an approver may see it: every character that could hide, move or restyle what is shown
/// (C0 and C1 controls, ANSI escapes, bidirectional controls, zero-width and invisible formatting
/// characters, line and paragraph separators, tags, unassigned byte garbage) becomes `\u{XXXX}` or
/// `\xNN`; newline and tab become `\n` and `\t`; a backslash is doubled, so that the result is
/// unambiguous.
std::string escape_for_display(std::string_view text);

} // namespace kheish
