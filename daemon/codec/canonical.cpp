// RFC 8785 (JSON Canonicalization Scheme).

#include "codec/json.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace kheish::codec {

namespace {

/// Section 3.2.3: names compare as UTF-16 code units. Code points above U+FFFF become surrogates,
/// which sort below U+E000..U+FFFF; every other order equals that of the UTF-8 bytes.
std::u16string to_utf16(std::string_view text) {
    std::u16string units;
    units.reserve(text.size());
    std::size_t i = 0;
    const auto byte = [&text](std::size_t index) {
        return static_cast<std::uint8_t>(text[index]);
    };
    while (i < text.size()) {
        const std::uint8_t first = byte(i);
        std::size_t length = 1;
        char32_t character = first;
        if (first >= 0xF0) {
            length = 4;
            character = first & 0x07U;
        } else if (first >= 0xE0) {
            length = 3;
            character = first & 0x0FU;
        } else if (first >= 0xC0) {
            length = 2;
            character = first & 0x1FU;
        }
        for (std::size_t k = 1; k < length; ++k)
            character = (character << 6U) | (byte(i + k) & 0x3FU);
        i += length;
        if (character > 0xFFFF) {
            character -= 0x10000;
            units.push_back(static_cast<char16_t>(0xD800U + (character >> 10U)));
            units.push_back(static_cast<char16_t>(0xDC00U + (character & 0x3FFU)));
        } else {
            units.push_back(static_cast<char16_t>(character));
        }
    }
    return units;
}

void write_string(std::string_view text, std::string& out) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out.push_back('"');
    for (const char c : text) {
        const auto byte = static_cast<std::uint8_t>(c);
        switch (c) {
        case '"':
            out += "\\\"";
            break;
        case '\\':
            out += "\\\\";
            break;
        case '\b':
            out += "\\b";
            break;
        case '\f':
            out += "\\f";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        default:
            if (byte < 0x20) {
                out += "\\u00";
                out.push_back(kDigits[byte >> 4U]);
                out.push_back(kDigits[byte & 0x0FU]);
            } else {
                out.push_back(c);
            }
        }
    }
    out.push_back('"');
}

/// Section 3.2.2.3, that is Number::toString of ECMA-262: shortest digits that round-trip,
/// positional between 1e-7 and 1e21.
void write_number(double number, std::string& out) {
    KHEISH_ASSERT(std::isfinite(number));
    if (number == 0) {
        out.push_back('0'); // and -0 too
        return;
    }
    std::array<char, 32> buffer{};
    const std::to_chars_result end = std::to_chars(
        buffer.data(),
        buffer.data() + buffer.size(),
        std::fabs(number),
        std::chars_format::scientific);
    const std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
    const std::size_t e = text.find('e');
    std::string digits(text.substr(0, e));
    digits.erase(std::remove(digits.begin(), digits.end(), '.'), digits.end());
    int exponent = 0;
    std::string_view exponent_text = text.substr(e + 1);
    if (exponent_text.front() == '+')
        exponent_text.remove_prefix(1);
    (void)std::from_chars(
        exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);

    if (number < 0)
        out.push_back('-');
    const int digit_count = static_cast<int>(digits.size());
    const int point = exponent + 1; // digits before the decimal point
    if (point > 21 || point < -5) {
        out.push_back(digits.front());
        if (digit_count > 1)
            out.append(".").append(digits, 1);
        out += exponent < 0 ? "e-" : "e+";
        out += std::to_string(std::abs(exponent));
    } else if (point <= 0) {
        out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
    } else if (point >= digit_count) {
        out.append(digits).append(static_cast<std::size_t>(point - digit_count), '0');
    } else {
        out.append(digits, 0, static_cast<std::size_t>(point));
        out.append(".").append(digits, static_cast<std::size_t>(point));
    }
}

void write_value(const Json& value, std::string& out);

void write_object(const Json& value, std::string& out) {
    std::vector<std::pair<std::u16string, std::string>> names;
    for (std::string& key : value.keys()) {
        std::u16string units = to_utf16(key);
        names.emplace_back(std::move(units), std::move(key));
    }
    std::sort(names.begin(), names.end());
    out.push_back('{');
    bool first = true;
    for (const auto& [units, key] : names) {
        if (!std::exchange(first, false))
            out.push_back(',');
        write_string(key, out);
        out.push_back(':');
        write_value(*value.find(key), out);
    }
    out.push_back('}');
}

// Recursion is bounded by the depth limit of parse_json and by what our own code builds.
void write_value(const Json& value, std::string& out) {
    switch (json_typeof(value.raw())) {
    case JSON_OBJECT:
        write_object(value, out);
        break;
    case JSON_ARRAY:
        out.push_back('[');
        for (std::size_t i = 0; i < value.size(); ++i) {
            if (i > 0)
                out.push_back(',');
            write_value(value.at(i), out);
        }
        out.push_back(']');
        break;
    case JSON_STRING:
        write_string(value.string(), out);
        break;
    case JSON_INTEGER:
        out += std::to_string(value.integer());
        break;
    case JSON_REAL:
        write_number(value.number(), out);
        break;
    case JSON_TRUE:
        out += "true";
        break;
    case JSON_FALSE:
        out += "false";
        break;
    case JSON_NULL:
        out += "null";
        break;
    }
}

} // namespace

std::string canonical_json(const Json& value) {
    std::string out;
    write_value(value, out);
    return out;
}

} // namespace kheish::codec
