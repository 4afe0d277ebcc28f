#pragma once

#include "base/result.hpp"
#include "config/value.hpp"

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kheish::config {

/// Strict reading of one table: every key must be asked for, have the right type and lie within its
/// bounds. The first problem sticks, the getters then give their fallback, and finish() reports it:
/// Errc::invalid_configuration, "file:line: runs.max_turns must be an integer, not a string".
class TableReader {
  public:
    /// `name` is the table's own ("runs"), empty at the top of the file. `value` outlives the
    /// reader; a Value that is no table is the first problem.
    TableReader(const Value& value, std::string name);

    std::optional<std::string> string(std::string_view key);
    std::string required_string(std::string_view key);
    std::optional<bool> boolean(std::string_view key);
    std::optional<std::int64_t>
    integer(std::string_view key, std::int64_t smallest, std::int64_t largest);
    /// Index of one of `words`.
    std::optional<std::size_t> word(std::string_view key, std::span<const std::string_view> words);
    /// An absolute path without "." and ".." parts.
    std::optional<std::string> path(std::string_view key);
    /// Empty where the key is not there; none of them is empty.
    std::vector<std::string> strings(std::string_view key, std::size_t limit);
    const Value* table(std::string_view key);
    std::vector<const Value*> array_of_tables(std::string_view key, std::size_t limit);

    /// "file:line" of the key, or of the table where the key is not there.
    std::string origin(std::string_view key) const;
    /// The key with its table's name before it.
    std::string full_name(std::string_view key) const;
    /// Reports a problem of the caller's own with `key`.
    void reject(std::string_view key, std::string_view problem);
    bool ok() const { return !error_.has_value(); }
    /// The first problem, or an unknown key, or success.
    Status finish();

    static constexpr std::size_t kStringLimitBytes = 4096;

  private:
    const Value* take(std::string_view key);
    template <class T>
    const T* take_as(std::string_view key, std::string_view wanted);

    const Value& value_;
    const Table* table_;
    std::string name_;
    std::set<std::string, std::less<>> taken_;
    std::optional<Error> error_;
};

} // namespace kheish::config
