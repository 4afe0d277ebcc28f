#include "http/header_values.hpp"

#include <array>
#include <ctime>

namespace kheish::http {

namespace {

constexpr std::int64_t kMicrosecondsPerSecond = 1'000'000;
constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths{
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

void append_two_digits(std::string& text, int number) {
    text.push_back(static_cast<char>('0' + number / 10 % 10));
    text.push_back(static_cast<char>('0' + number % 10));
}

/// Lower case, without spaces and tabs around `;` and at the ends.
std::string squeeze(std::string_view value) {
    std::string result;
    for (const char c : value)
        if (c != ' ' && c != '\t')
            result.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    return result;
}

} // namespace

std::string http_date(std::int64_t wall_us) {
    const std::time_t seconds = wall_us / kMicrosecondsPerSecond;
    std::tm parts{};
    if (gmtime_r(&seconds, &parts) == nullptr)
        parts = {};
    std::string text(kDays.at(static_cast<std::size_t>(parts.tm_wday)));
    text += ", ";
    append_two_digits(text, parts.tm_mday);
    text.append(" ").append(kMonths.at(static_cast<std::size_t>(parts.tm_mon))).append(" ");
    text.append(std::to_string(parts.tm_year + 1900)).append(" ");
    append_two_digits(text, parts.tm_hour);
    text += ':';
    append_two_digits(text, parts.tm_min);
    text += ':';
    append_two_digits(text, parts.tm_sec);
    return text.append(" GMT");
}

bool is_json_media_type(std::string_view value) {
    const std::string squeezed = squeeze(value);
    return squeezed == "application/json" || squeezed == "application/json;charset=utf-8" ||
           squeezed == "application/json;charset=\"utf-8\"";
}

} // namespace kheish::http
