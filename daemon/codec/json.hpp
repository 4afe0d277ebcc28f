#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <jansson.h>

namespace kheish::codec {

/// Bounds of a JSON text that somebody else wrote.
struct JsonLimits {
    std::size_t bytes = std::size_t{1} << 20U;
    std::size_t depth = 64;
};

/// A JSON value. Copies share the value (reference counted): build a value, then only read it.
/// Strings are valid UTF-8 (other bytes become U+FFFD) and may hold U+0000; numbers are 64-bit
/// integers or finite doubles.
class Json {
  public:
    Json(); ///< null
    // Implicit, so that Json::object({{"name", "demo"}, {"count", 3}}) reads as what it makes.
    // NOLINTBEGIN(google-explicit-constructor)
    Json(std::string_view text);
    Json(const char* text) : Json(std::string_view(text)) {}
    Json(const std::string& text) : Json(std::string_view(text)) {}
    Json(std::int64_t number);
    Json(int number) : Json(static_cast<std::int64_t>(number)) {}
    Json(double number);
    Json(bool value);
    // NOLINTEND(google-explicit-constructor)

    static Json object(std::initializer_list<std::pair<std::string_view, Json>> members = {});
    static Json array(std::vector<Json> items = {});
    /// Takes over one reference.
    static Json adopt(json_t* value);

    Json(const Json& other);
    Json(Json&& other) noexcept = default;
    Json& operator=(const Json& other);
    Json& operator=(Json&& other) noexcept = default;
    ~Json() = default;

    bool is_null() const { return json_is_null(raw()); }
    bool is_object() const { return json_is_object(raw()); }
    bool is_array() const { return json_is_array(raw()); }
    bool is_string() const { return json_is_string(raw()); }
    bool is_integer() const { return json_is_integer(raw()); }
    bool is_number() const { return json_is_number(raw()); }
    bool is_boolean() const { return json_is_boolean(raw()); }
    /// "object", "array", "string", "integer", "number", "boolean" or "null".
    std::string_view type_name() const;

    /// Empty or zero where the value is of another type; the strict reading is ObjectReader's.
    std::string string() const;
    std::int64_t integer() const { return json_integer_value(raw()); }
    double number() const { return json_number_value(raw()); }
    bool boolean() const { return json_is_true(raw()); }

    std::size_t size() const; ///< members or items; 0 for a scalar
    Json at(std::size_t index) const;
    /// The member, or nothing where there is none or this is no object.
    std::optional<Json> find(std::string_view key) const;
    std::vector<std::string> keys() const;
    std::vector<Json> items() const;

    /// Adds or replaces a member of this object.
    Json& set(std::string_view key, Json value);
    /// set() where there is a value, nothing otherwise.
    template <class T>
    Json& set_optional(std::string_view key, const std::optional<T>& value) {
        return value ? set(key, Json(*value)) : *this;
    }
    Json& append(Json value);

    json_t* raw() const { return value_.get(); }

  private:
    // json_decref is static inline, so its address cannot name a type across translation units.
    struct Release {
        void operator()(json_t* value) const noexcept { json_decref(value); }
    };
    using JsonHandle = std::unique_ptr<json_t, Release>;
    explicit Json(JsonHandle value) : value_(std::move(value)) {}

    JsonHandle value_;
};

/// RFC 8259, strict: one value, no duplicate member names (Errc::invalid_json), valid UTF-8
/// (Errc::invalid_utf8), within `limits` (Errc::payload_too_large). The message says where.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

/// RFC 8785: one spelling for one value. Members sorted by UTF-16 code units, numbers as ECMAScript
/// prints them (integers beyond 2^53 in full, which I-JSON does not cover), shortest escapes.
std::string canonical_json(const Json& value);

} // namespace kheish::codec
