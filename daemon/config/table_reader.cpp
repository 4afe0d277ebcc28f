#include "config/table_reader.hpp"

#include <utility>

namespace kheish::config {

TableReader::TableReader(const Value& value, std::string name)
    : value_(value), table_(std::get_if<Table>(&value.content)), name_(std::move(name)) {
    if (table_ == nullptr)
        error_ = fail(
                     Errc::invalid_configuration,
                     value.origin + ": " + name_ + " must be a table, not " + value.type_name())
                     .value();
}

const Value* TableReader::take(std::string_view key) {
    taken_.emplace(key);
    if (!ok())
        return nullptr;
    const auto found = table_->find(key);
    return found == table_->end() ? nullptr : &found->second;
}

template <class T>
const T* TableReader::take_as(std::string_view key, std::string_view wanted) {
    const Value* value = take(key);
    if (value == nullptr)
        return nullptr;
    const T* content = std::get_if<T>(&value->content);
    if (content == nullptr)
        reject(key, "must be " + std::string(wanted) + ", not " + value->type_name());
    return content;
}

std::optional<std::string> TableReader::string(std::string_view key) {
    const std::string* text = take_as<std::string>(key, "a string");
    if (text == nullptr)
        return std::nullopt;
    if (text->empty() || text->size() > kStringLimitBytes ||
        text->find('\0') != std::string::npos) {
        reject(key, "must be 1 to " + std::to_string(kStringLimitBytes) + " bytes without a NUL");
        return std::nullopt;
    }
    return *text;
}

std::string TableReader::required_string(std::string_view key) {
    const std::optional<std::string> text = string(key);
    if (!text && ok())
        reject(key, "is required");
    return text.value_or("");
}

std::optional<bool> TableReader::boolean(std::string_view key) {
    const bool* value = take_as<bool>(key, "true or false");
    return value == nullptr ? std::nullopt : std::optional(*value);
}

std::optional<std::int64_t>
TableReader::integer(std::string_view key, std::int64_t smallest, std::int64_t largest) {
    const std::int64_t* number = take_as<std::int64_t>(key, "an integer");
    if (number == nullptr)
        return std::nullopt;
    if (*number < smallest || *number > largest) {
        reject(key, "must lie from " + std::to_string(smallest) + " to " + std::to_string(largest));
        return std::nullopt;
    }
    return *number;
}

std::optional<std::size_t>
TableReader::word(std::string_view key, std::span<const std::string_view> words) {
    const std::optional<std::string> text = string(key);
    if (!text)
        return std::nullopt;
    std::string all;
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == *text)
            return i;
        all += (i == 0 ? "" : ", ") + std::string(words[i]);
    }
    reject(key, "must be one of " + all + ", not \"" + *text + "\"");
    return std::nullopt;
}

std::optional<std::string> TableReader::path(std::string_view key) {
    std::optional<std::string> text = string(key);
    if (!text)
        return std::nullopt;
    const std::string padded = *text + "/";
    if (text->front() != '/' || padded.find("/./") != std::string::npos ||
        padded.find("/../") != std::string::npos) {
        reject(key, "must be an absolute path without \".\" and \"..\" parts");
        return std::nullopt;
    }
    return text;
}

const Value* TableReader::table(std::string_view key) {
    return take_as<Table>(key, "a table") == nullptr ? nullptr : take(key);
}

std::vector<const Value*> TableReader::array_of_tables(std::string_view key, std::size_t limit) {
    std::vector<const Value*> tables;
    const Array* array = take_as<Array>(key, "an array of tables");
    if (array == nullptr)
        return tables;
    if (array->size() > limit)
        reject(key, "must not hold more than " + std::to_string(limit) + " entries");
    for (const Value& value : *array)
        tables.push_back(&value);
    return tables;
}

std::vector<std::string> TableReader::strings(std::string_view key, std::size_t limit) {
    std::vector<std::string> texts;
    const Array* array = take_as<Array>(key, "an array of strings");
    if (array == nullptr)
        return texts;
    if (array->size() > limit)
        reject(key, "must not hold more than " + std::to_string(limit) + " entries");
    for (const Value& value : *array) {
        const std::string* text = std::get_if<std::string>(&value.content);
        if (text == nullptr || text->empty() || text->size() > kStringLimitBytes)
            reject(key, "must hold strings that are not empty");
        else
            texts.push_back(*text);
    }
    return texts;
}

std::string TableReader::origin(std::string_view key) const {
    if (table_ == nullptr)
        return value_.origin;
    const auto found = table_->find(key);
    return found == table_->end() ? value_.origin : found->second.origin;
}

std::string TableReader::full_name(std::string_view key) const {
    return (name_.empty() ? "" : name_ + ".") + std::string(key);
}

void TableReader::reject(std::string_view key, std::string_view problem) {
    if (ok())
        error_ = fail(
                     Errc::invalid_configuration,
                     origin(key) + ": " + full_name(key) + " " + std::string(problem))
                     .value();
}

Status TableReader::finish() {
    if (error_)
        return fail(*error_);
    for (const auto& [key, value] : *table_) {
        if (!taken_.contains(key))
            reject(key, "is no key of this file");
    }
    return ok() ? Status() : fail(*error_);
}

} // namespace kheish::config
