#include "output.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace kheish::ctl {

namespace {

constexpr std::size_t kCellLimitBytes = 60;

/// Characters, near enough for alignment: continuation bytes do not count.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

std::string cell_of(const std::string& text) {
    std::string escaped = shown(text);
    if (escaped.size() <= kCellLimitBytes)
        return escaped;
    return std::string(truncate_utf8(escaped, kCellLimitBytes - 3)) + "...";
}

void add_fields(std::string& text, const codec::Json& value, std::size_t indent);

void add_field(
    std::string& text, const std::string& name, const codec::Json& value, std::size_t indent) {
    text.append(indent, ' ').append(name).append(":");
    if ((value.is_object() || value.is_array()) && value.size() > 0) {
        text += "\n";
        add_fields(text, value, indent + 2);
        return;
    }
    if (value.is_string())
        text.append(" ").append(shown(value.string())).append("\n");
    else
        text.append(" ").append(shown_json(value)).append("\n");
}

void add_fields(std::string& text, const codec::Json& value, std::size_t indent) {
    if (value.is_array()) {
        std::size_t index = 0;
        for (const codec::Json& item : value.items())
            add_field(text, "- " + std::to_string(++index), item, indent);
        return;
    }
    for (const std::string& key : value.keys())
        add_field(text, shown(key), *value.find(key), indent);
}

} // namespace

Table::Table(std::vector<std::string> headings) {
    rows_.push_back(std::move(headings));
}

void Table::add(std::vector<std::string> cells) {
    for (std::string& cell : cells)
        cell = cell_of(cell);
    rows_.push_back(std::move(cells));
}

std::string Table::text() const {
    std::vector<std::size_t> widths(rows_.front().size(), 0);
    for (const std::vector<std::string>& row : rows_)
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], width_of(row[i]));
    std::string text;
    for (const std::vector<std::string>& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            text += row[i];
            if (i + 1 < row.size())
                text.append(widths[i] - width_of(row[i]) + 2, ' ');
        }
        text += "\n";
    }
    return text;
}

void add_field(std::string& text, std::string_view name, std::string_view value) {
    if (value.empty())
        return;
    text.append("  ").append(name);
    text.append(name.size() < 12 ? 12 - name.size() : 1, ' ').append(value).append("\n");
}

std::string fields_text(const codec::Json& value) {
    std::string text;
    add_fields(text, value, 0);
    return text;
}

} // namespace kheish::ctl
