#include "codec/json_slice.hpp"

#include <algorithm>
#include <cstddef>

namespace kheish::codec {

namespace {

std::size_t skip_space(std::string_view text, std::size_t at) {
    return std::min(text.find_first_not_of(" \t\r\n", at), text.size());
}

/// `at` is an opening quote; the result is one past the closing one.
std::size_t skip_string(std::string_view text, std::size_t at) {
    for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\')
            ++at;
    }
    return std::min(at + 1, text.size());
}

std::size_t skip_value(std::string_view text, std::size_t at) {
    std::size_t depth = 0;
    while (at < text.size()) {
        const char c = text[at];
        if (c == '"') {
            at = skip_string(text, at);
            if (depth == 0)
                return at;
            continue;
        }
        if (c == '{' || c == '[') {
            ++depth;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return at; // the end of the object around a scalar
            if (--depth == 0)
                return at + 1;
        } else if (depth == 0 && (c == ',' || c == ' ' || c == '\t' || c == '\r' || c == '\n')) {
            return at;
        }
        ++at;
    }
    return at;
}

} // namespace

std::optional<std::string_view> member_slice(std::string_view object, std::string_view key) {
    std::size_t at = skip_space(object, 0) + 1;
    for (;;) {
        at = skip_space(object, at);
        if (at >= object.size() || object[at] != '"')
            return std::nullopt;
        const std::size_t key_end = skip_string(object, at);
        const std::string_view name = object.substr(at + 1, key_end - at - 2);
        at = skip_space(object, key_end); // at the colon
        const std::size_t begin = skip_space(object, at + 1);
        const std::size_t end = skip_value(object, begin);
        if (name == key)
            return object.substr(begin, end - begin);
        at = skip_space(object, end); // at a comma or the closing brace
        if (at >= object.size() || object[at] != ',')
            return std::nullopt;
        ++at;
    }
}

} // namespace kheish::codec
