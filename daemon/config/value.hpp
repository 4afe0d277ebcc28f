#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace kheish::config {

struct Value;
using Array = std::vector<Value>;
using Table = std::map<std::string, Value, std::less<>>;

/// A value of a configuration file, with the place that it was read from.
struct Value {
    std::variant<bool, std::int64_t, double, std::string, Array, Table> content;
    std::string origin; ///< "file:line"

    /// "a boolean", "an integer", ... for messages.
    const char* type_name() const;
};

/// Puts `overlay` over `base`: tables key by key, everything else as a whole.
void merge(Value& base, Value overlay);

} // namespace kheish::config
