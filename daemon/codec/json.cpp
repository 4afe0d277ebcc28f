#include "codec/json.hpp"

#include "base/assert.hpp"
#include "base/text.hpp"

namespace kheish::codec {

namespace {

/// Jansson's own bound is a compile-time 2048; nesting is counted before it sees the text.
bool is_deeper_than(std::string_view text, std::size_t limit) {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\')
                ++i;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > limit)
                return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return false;
}

} // namespace

Json::Json() : value_(json_null()) {}

Json::Json(std::string_view text) : value_(json_stringn(text.data(), text.size())) {
    if (value_ != nullptr)
        return;
    // Jansson takes valid UTF-8 only, and what tools and providers say need not be.
    const std::string valid = to_valid_utf8(text);
    value_.reset(json_stringn(valid.data(), valid.size()));
    KHEISH_ASSERT(value_ != nullptr);
}

Json::Json(std::int64_t number) : value_(json_integer(number)) {}

Json::Json(double number) : value_(json_real(number)) {
    KHEISH_ASSERT(value_ != nullptr); // callers pass finite numbers
}

Json::Json(bool value) : value_(json_boolean(value)) {}

Json Json::object(std::initializer_list<std::pair<std::string_view, Json>> members) {
    Json value{JsonHandle(json_object())};
    for (const auto& [key, member] : members)
        value.set(key, member);
    return value;
}

Json Json::array(std::vector<Json> items) {
    Json value{JsonHandle(json_array())};
    for (Json& item : items)
        value.append(std::move(item));
    return value;
}

Json Json::adopt(json_t* value) {
    KHEISH_ASSERT(value != nullptr);
    return Json(JsonHandle(value));
}

Json::Json(const Json& other) : value_(json_incref(other.raw())) {}

Json& Json::operator=(const Json& other) {
    if (this != &other)
        value_.reset(json_incref(other.raw()));
    return *this;
}

std::string_view Json::type_name() const {
    switch (json_typeof(raw())) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "integer";
    case JSON_REAL:
        return "number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

std::string Json::string() const {
    if (!is_string())
        return {};
    return {json_string_value(raw()), json_string_length(raw())};
}

std::size_t Json::size() const {
    if (is_object())
        return json_object_size(raw());
    return is_array() ? json_array_size(raw()) : 0;
}

Json Json::at(std::size_t index) const {
    json_t* item = json_array_get(raw(), index);
    KHEISH_ASSERT(item != nullptr);
    return adopt(json_incref(item));
}

std::optional<Json> Json::find(std::string_view key) const {
    // Jansson 2.14 looks keys up by C string; a key with a NUL cannot be there.
    if (!is_object() || key.find('\0') != std::string_view::npos)
        return std::nullopt;
    json_t* member = json_object_get(raw(), std::string(key).c_str());
    if (member == nullptr)
        return std::nullopt;
    return adopt(json_incref(member));
}

std::vector<std::string> Json::keys() const {
    std::vector<std::string> names;
    const char* key = nullptr;
    json_t* member = nullptr;
    json_object_foreach(raw(), key, member) names.emplace_back(key);
    return names;
}

std::vector<Json> Json::items() const {
    std::vector<Json> all;
    all.reserve(size());
    for (std::size_t i = 0; i < json_array_size(raw()); ++i)
        all.push_back(at(i));
    return all;
}

Json& Json::set(std::string_view key, Json value) {
    const int result = json_object_set_new(raw(), std::string(key).c_str(), value.value_.release());
    KHEISH_ASSERT(result == 0);
    return *this;
}

Json& Json::append(Json value) {
    const int result = json_array_append_new(raw(), value.value_.release());
    KHEISH_ASSERT(result == 0);
    return *this;
}

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
    if (text.size() > limits.bytes)
        return fail(
            Errc::payload_too_large,
            "JSON text of " + std::to_string(text.size()) + " bytes is over the limit of " +
                std::to_string(limits.bytes));
    if (!is_valid_utf8(text))
        return fail(Errc::invalid_utf8, "JSON text is not valid UTF-8");
    if (is_deeper_than(text, limits.depth))
        return fail(
            Errc::invalid_json,
            "JSON is nested deeper than " + std::to_string(limits.depth) + " levels");
    json_error_t error{};
    json_t* value = json_loadb(
        text.data(),
        text.size(),
        JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL,
        &error);
    if (value == nullptr)
        return fail(
            Errc::invalid_json,
            "invalid JSON at line " + std::to_string(error.line) + " column " +
                std::to_string(error.column) + ": " + to_valid_utf8(error.text));
    return Json::adopt(value);
}

} // namespace kheish::codec
