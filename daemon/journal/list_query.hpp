#pragma once

#include "journal/journal.hpp"
#include "journal/sqlite.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace kheish::journal {

/// A SELECT whose WHERE clause depends on which filters are set, with its values. The text is the
/// same for the same set of filters, so that each is prepared once.
class ListQuery {
  public:
    explicit ListQuery(std::string_view table) : table_(table) {}

    /// `condition` has one parameter, bound to `value`; nothing where there is no value.
    template <class Value>
    void where(std::string_view condition, const std::optional<Value>& value) {
        if (value)
            where(condition, to_value(*value));
    }
    /// A condition without a parameter.
    void where(std::string_view condition);

    Result<std::int64_t> count(Database& database) const;
    /// Starts the query for one item more than `page` asks for, by the unique number `key`.
    /// Errc::invalid_limit for a limit out of bounds.
    Result<Query> select(
        Database& database,
        std::string_view columns,
        std::string_view key,
        const PageRequest& page) const;

  private:
    using Value = std::variant<std::int64_t, std::string>;

    static Value to_value(const SessionId& session) { return session.value; }
    static Value to_value(const std::string& text) { return text; }
    static Value to_value(RunId run) { return run.number; }
    static Value to_value(std::int64_t number) { return number; }
    static Value to_value(ApprovalState state) { return std::string(to_string(state)); }

    void where(std::string_view condition, Value value);
    void bind(Query& query) const;

    std::string table_;
    std::string conditions_ = "1";
    std::vector<Value> values_;
};

/// Errc::invalid_limit unless 1 <= limit <= kPageLimit.
Status check_limit(std::size_t limit);

} // namespace kheish::journal
