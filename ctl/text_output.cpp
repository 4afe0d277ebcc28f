#include "output.hpp"

#include "base/text.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <unistd.h>

namespace kheish::ctl {

namespace {

/// The bytes of the character at the start of `text`; 1 for what is no character.
std::size_t character_length(std::string_view text) {
    for (std::size_t length = 1; length <= 4 && length <= text.size(); ++length)
        if (is_valid_utf8(text.substr(0, length)))
            return length;
    return 1;
}

std::string utf16_escape(char32_t character) {
    std::array<char, 16> buffer{};
    if (character > 0xFFFF) {
        const char32_t rest = character - 0x10000;
        const unsigned high = static_cast<unsigned>(0xD800 + (rest >> 10U));
        const unsigned low = static_cast<unsigned>(0xDC00 + (rest & 0x3FFU));
        (void)std::snprintf(buffer.data(), buffer.size(), "\\u%04x\\u%04x", high, low);
    } else {
        (void)std::snprintf(
            buffer.data(), buffer.size(), "\\u%04x", static_cast<unsigned>(character));
    }
    return buffer.data();
}

char32_t code_point(std::string_view character) {
    constexpr std::array<unsigned, 5> kMasks{0, 0x7F, 0x1F, 0x0F, 0x07};
    char32_t value = static_cast<unsigned char>(character.front()) & kMasks[character.size()];
    for (const char c : character.substr(1))
        value = (value << 6U) | (static_cast<unsigned char>(c) & 0x3FU);
    return value;
}

bool write_to(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

std::string decimal(double value, const char* unit) {
    std::array<char, 32> buffer{};
    (void)std::snprintf(buffer.data(), buffer.size(), "%.1f %s", value, unit);
    return buffer.data();
}

} // namespace

std::string shown(std::string_view text) {
    return escape_for_display(text);
}

std::string shown_text(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::size_t end = text.find_first_of("\n\t\\");
        result += escape_for_display(text.substr(0, end));
        if (end == std::string_view::npos)
            break;
        result.push_back(text[end]);
        text.remove_prefix(end + 1);
    }
    return result;
}

std::string shown_json(const codec::Json& value) {
    const std::string text = codec::canonical_json(value);
    std::string result;
    result.reserve(text.size());
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t length = character_length(rest);
        const std::string_view character = rest.substr(0, length);
        const bool plain = length == 1 && character.front() != '\x7F';
        if (plain || escape_for_display(character) == character)
            result += character;
        else
            result += utf16_escape(code_point(character));
        rest.remove_prefix(length);
    }
    return result;
}

bool print(std::string_view text) {
    return write_to(STDOUT_FILENO, text);
}

void print_message(std::string_view text) {
    (void)write_to(STDERR_FILENO, std::string(text) + "\n"); // nowhere is left to complain
}

bool is_terminal(int fd) {
    return isatty(fd) != 0;
}

std::string text_at(const codec::Json& view, std::string_view key) {
    return view.find(key).value_or(codec::Json()).string();
}

std::int64_t number_at(const codec::Json& view, std::string_view key) {
    return view.find(key).value_or(codec::Json()).integer();
}

codec::Json object_at(const codec::Json& view, std::string_view key) {
    return view.find(key).value_or(codec::Json());
}

std::string time_text(std::int64_t milliseconds) {
    if (milliseconds == 0)
        return {};
    const std::time_t seconds = milliseconds / 1000;
    std::tm local{};
    std::array<char, 32> buffer{};
    if (localtime_r(&seconds, &local) == nullptr ||
        std::strftime(buffer.data(), buffer.size(), "%Y-%m-%d %H:%M:%S", &local) == 0)
        return {};
    return buffer.data();
}

std::string duration_text(std::int64_t microseconds) {
    constexpr std::int64_t kSecond = 1'000'000;
    if (microseconds < kSecond)
        return std::to_string(microseconds / 1000) + " ms";
    if (microseconds < 60 * kSecond)
        return decimal(static_cast<double>(microseconds) / kSecond, "s");
    const std::int64_t seconds = microseconds / kSecond;
    if (seconds < 3600)
        return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
    return std::to_string(seconds / 3600) + " h " + std::to_string(seconds / 60 % 60) + " min";
}

std::string size_text(std::int64_t bytes) {
    constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024)
        return std::to_string(bytes) + " B";
    double value = static_cast<double>(bytes) / 1024;
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < kUnits.size()) {
        value /= 1024;
        ++unit;
    }
    return decimal(value, kUnits[unit]);
}

} // namespace kheish::ctl
