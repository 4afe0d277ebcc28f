#pragma once

#include <algorithm>
#include <string>
#include <string_view>

/// Text of protocols, where only ASCII means anything, whatever the locale.
namespace kheish::codec {

/// `text` with the letters A to Z made a to z.
inline std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    return lower;
}

/// `text` without spaces, tabs and ends of lines around it.
inline std::string_view trim(std::string_view text) {
    const std::size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
    const std::size_t end = text.find_last_not_of(" \t\r\n");
    return text.substr(begin, end == std::string_view::npos ? 0 : end + 1 - begin);
}

} // namespace kheish::codec
