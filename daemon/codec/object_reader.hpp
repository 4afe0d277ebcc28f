#pragma once

#include "codec/json.hpp"

#include <limits>
#include <set>
#include <span>

namespace kheish::codec {

/// Strict reading of one JSON object: every member must be asked for, have the right type and lie
/// within its bounds. The first problem sticks, the getters then give empty values, and finish()
/// reports it, so that a whole object is read without a branch per member:
///
///     ObjectReader reader(body, "body");
///     const std::string text = reader.required_string("text", 1000);
///     const bool wait = reader.optional_boolean("wait").value_or(false);
///     KHEISH_CHECK(reader.finish());
///
/// Errors are Errc::bad_request ("body.text must be a string, not an integer") and, for members
/// that nobody asked for, Errc::unknown_field. A member that is null counts as absent.
class ObjectReader {
  public:
    /// `where` names the object in messages.
    ObjectReader(const Json& value, std::string where);

    std::string required_string(std::string_view key, std::size_t limit_bytes = kStringLimit);
    std::optional<std::string>
    optional_string(std::string_view key, std::size_t limit_bytes = kStringLimit);
    std::int64_t required_integer(
        std::string_view key,
        std::int64_t smallest = 0,
        std::int64_t largest = std::numeric_limits<std::int64_t>::max());
    std::optional<std::int64_t> optional_integer(
        std::string_view key,
        std::int64_t smallest = 0,
        std::int64_t largest = std::numeric_limits<std::int64_t>::max());
    std::optional<double> optional_number(std::string_view key);
    bool required_boolean(std::string_view key);
    std::optional<bool> optional_boolean(std::string_view key);
    /// One of `words`; the result is the index of the word.
    std::size_t required_word(std::string_view key, std::span<const std::string_view> words);
    std::optional<std::size_t>
    optional_word(std::string_view key, std::span<const std::string_view> words);
    Json required_object(std::string_view key);
    std::optional<Json> optional_object(std::string_view key);
    /// Empty where the member is absent; more than `limit` items is an error.
    std::vector<Json> optional_array(std::string_view key, std::size_t limit = kArrayLimit);
    std::vector<std::string>
    optional_strings(std::string_view key, std::size_t limit = kArrayLimit);
    /// Any value, taken as it is.
    std::optional<Json> optional_value(std::string_view key);

    /// Reports a problem of the caller's own with member `key`.
    void reject(std::string_view key, std::string_view problem);
    /// Reports a problem found elsewhere, such as by the reader of a nested object.
    void reject_with(const Error& error);
    bool ok() const { return !error_.has_value(); }
    /// The first problem, or an unknown member, or success.
    Status finish();

    static constexpr std::size_t kStringLimit = std::size_t{1} << 20U;
    static constexpr std::size_t kArrayLimit = 1024;

  private:
    std::optional<Json> take(std::string_view key, bool required);
    void expect(std::string_view key, const Json& value, bool matches, std::string_view wanted);

    Json value_;
    std::string where_;
    std::set<std::string, std::less<>> taken_;
    std::optional<Error> error_;
};

} // namespace kheish::codec
