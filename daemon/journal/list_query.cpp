#include "journal/list_query.hpp"

namespace kheish::journal {

Status check_limit(std::size_t limit) {
    if (limit >= 1 && limit <= kPageLimit)
        return {};
    return fail(Errc::invalid_limit, "a page has 1 to " + std::to_string(kPageLimit) + " items");
}

void ListQuery::where(std::string_view condition) {
    conditions_.append(" AND ").append(condition);
}

void ListQuery::where(std::string_view condition, Value value) {
    where(condition);
    values_.push_back(std::move(value));
}

void ListQuery::bind(Query& query) const {
    for (const Value& value : values_)
        std::visit([&query](const auto& plain) { query.bind_all(plain); }, value);
}

Result<std::int64_t> ListQuery::count(Database& database) const {
    KHEISH_TRY(
        Query query, database.query("SELECT count(*) FROM " + table_ + " WHERE " + conditions_));
    bind(query);
    std::int64_t count = 0;
    KHEISH_TRY(const bool has_row, query.step());
    if (!has_row)
        return fail(Errc::internal, "counting gave no row");
    KHEISH_CHECK(query.read_all(count));
    return count;
}

Result<Query> ListQuery::select(
    Database& database,
    std::string_view columns,
    std::string_view key,
    const PageRequest& page) const {
    KHEISH_CHECK(check_limit(page.limit));
    const bool ascending = page.order == Order::ascending;
    const std::string key_text(key);
    std::string text =
        "SELECT " + std::string(columns) + " FROM " + table_ + " WHERE " + conditions_;
    if (page.after)
        text += " AND " + key_text + (ascending ? " > ?" : " < ?");
    text += " ORDER BY " + key_text + (ascending ? "" : " DESC") + " LIMIT ?";
    KHEISH_TRY(Query query, database.query(text));
    bind(query);
    if (page.after)
        query.bind_all(*page.after);
    query.bind_all(page.limit + 1);
    return query;
}

} // namespace kheish::journal
