#include "codec/object_reader.hpp"

#include "base/text.hpp"

namespace kheish::codec {

ObjectReader::ObjectReader(const Json& value, std::string where)
    : value_(value), where_(std::move(where)) {
    if (!value_.is_object())
        error_ = Error{
            .code = Errc::bad_request,
            .message = where_ + " must be an object, not " + std::string(value_.type_name())};
}

std::optional<Json> ObjectReader::take(std::string_view key, bool required) {
    taken_.emplace(key);
    std::optional<Json> member = value_.find(key);
    if (member && member->is_null())
        member.reset();
    if (!member && required)
        reject(key, "is required");
    if (!ok())
        return std::nullopt;
    return member;
}

void ObjectReader::expect(
    std::string_view key, const Json& value, bool matches, std::string_view wanted) {
    if (!matches)
        reject(key, "must be " + std::string(wanted) + ", not " + std::string(value.type_name()));
}

void ObjectReader::reject(std::string_view key, std::string_view problem) {
    if (ok())
        error_ = Error{
            .code = Errc::bad_request,
            .message = where_ + "." + std::string(key) + " " + std::string(problem)};
}

void ObjectReader::reject_with(const Error& error) {
    if (ok())
        error_ = error;
}

std::optional<std::string>
ObjectReader::optional_string(std::string_view key, std::size_t limit_bytes) {
    const std::optional<Json> member = take(key, false);
    if (!member)
        return std::nullopt;
    expect(key, *member, member->is_string(), "a string");
    std::string text = member->string();
    if (text.size() > limit_bytes)
        reject(key, "is longer than " + std::to_string(limit_bytes) + " bytes");
    if (!ok())
        return std::nullopt;
    return text;
}

std::string ObjectReader::required_string(std::string_view key, std::size_t limit_bytes) {
    (void)take(key, true);
    return optional_string(key, limit_bytes).value_or(std::string());
}

std::optional<std::int64_t>
ObjectReader::optional_integer(std::string_view key, std::int64_t smallest, std::int64_t largest) {
    const std::optional<Json> member = take(key, false);
    if (!member)
        return std::nullopt;
    expect(key, *member, member->is_integer(), "an integer");
    const std::int64_t number = member->integer();
    if (number < smallest || number > largest)
        reject(
            key,
            "must lie between " + std::to_string(smallest) + " and " + std::to_string(largest));
    if (!ok())
        return std::nullopt;
    return number;
}

std::int64_t
ObjectReader::required_integer(std::string_view key, std::int64_t smallest, std::int64_t largest) {
    (void)take(key, true);
    return optional_integer(key, smallest, largest).value_or(0);
}

std::optional<double> ObjectReader::optional_number(std::string_view key) {
    const std::optional<Json> member = take(key, false);
    if (!member)
        return std::nullopt;
    expect(key, *member, member->is_number(), "a number");
    if (!ok())
        return std::nullopt;
    return member->number();
}

std::optional<bool> ObjectReader::optional_boolean(std::string_view key) {
    const std::optional<Json> member = take(key, false);
    if (!member)
        return std::nullopt;
    expect(key, *member, member->is_boolean(), "a boolean");
    if (!ok())
        return std::nullopt;
    return member->boolean();
}

bool ObjectReader::required_boolean(std::string_view key) {
    (void)take(key, true);
    return optional_boolean(key).value_or(false);
}

std::optional<std::size_t>
ObjectReader::optional_word(std::string_view key, std::span<const std::string_view> words) {
    const std::optional<std::string> text = optional_string(key);
    if (!text)
        return std::nullopt;
    std::string all;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == *text)
            return i;
        all.append(i == 0 ? "" : ", ").append(words[i]);
    }
    reject(key, "must be one of " + all);
    return std::nullopt;
}

std::size_t
ObjectReader::required_word(std::string_view key, std::span<const std::string_view> words) {
    (void)take(key, true);
    return optional_word(key, words).value_or(0);
}

std::optional<Json> ObjectReader::optional_object(std::string_view key) {
    std::optional<Json> member = take(key, false);
    if (member)
        expect(key, *member, member->is_object(), "an object");
    if (!ok())
        return std::nullopt;
    return member;
}

Json ObjectReader::required_object(std::string_view key) {
    (void)take(key, true);
    return optional_object(key).value_or(Json::object());
}

std::vector<Json> ObjectReader::optional_array(std::string_view key, std::size_t limit) {
    const std::optional<Json> member = take(key, false);
    if (!member)
        return {};
    expect(key, *member, member->is_array(), "an array");
    if (member->size() > limit)
        reject(key, "has more than " + std::to_string(limit) + " items");
    if (!ok())
        return {};
    return member->items();
}

std::vector<std::string> ObjectReader::optional_strings(std::string_view key, std::size_t limit) {
    std::vector<std::string> strings;
    for (const Json& item : optional_array(key, limit)) {
        if (!item.is_string())
            reject(key, "must hold strings only, not " + std::string(item.type_name()));
        strings.push_back(item.string());
    }
    return strings;
}

std::optional<Json> ObjectReader::optional_value(std::string_view key) {
    return take(key, false);
}

Status ObjectReader::finish() {
    if (!ok())
        return fail(*error_);
    for (const std::string& key : value_.keys())
        if (!taken_.contains(key))
            return fail(
                Errc::unknown_field,
                where_ + " has no field \"" + std::string(truncate_utf8(key, 100)) + "\"");
    return {};
}

} // namespace kheish::codec
