#pragma once

#include "codec/json.hpp"

#include <string>
#include <string_view>
#include <vector>

/// What goes to the terminal. Nothing that comes from a model, a tool or another user reaches it
/// with a control character in it.
namespace kheish::ctl {

/// One line: escape_for_display.
std::string shown(std::string_view text);
/// Text of many lines: line breaks, tabs and backslashes stay, everything else that could steer a
/// terminal is escaped.
std::string shown_text(std::string_view text);
/// JSON text in which such characters are written as \uXXXX: the same value.
std::string shown_json(const codec::Json& value);

/// To standard output or standard error, whole. False where nobody reads any more.
bool print(std::string_view text);
void print_message(std::string_view text);
bool is_terminal(int fd);

/// A table with aligned columns; text is escaped and cut to what a column may have.
class Table {
  public:
    explicit Table(std::vector<std::string> headings);
    void add(std::vector<std::string> cells);
    std::string text() const;

  private:
    std::vector<std::vector<std::string>> rows_;
};

/// "  name        value" with a line break behind it; nothing where there is no value.
void add_field(std::string& text, std::string_view name, std::string_view value);
/// An object as "name: value" lines, nested ones indented.
std::string fields_text(const codec::Json& value);

/// Members of a view; empty or zero where absent or of another type.
std::string text_at(const codec::Json& view, std::string_view key);
std::int64_t number_at(const codec::Json& view, std::string_view key);
codec::Json object_at(const codec::Json& view, std::string_view key);

/// "2026-03-01 14:05:09", local time; empty for 0.
std::string time_text(std::int64_t milliseconds);
/// "850 ms", "4.2 s", "3 min 20 s", "2 h 5 min".
std::string duration_text(std::int64_t microseconds);
/// "512 B", "4.0 KiB", "1.5 GiB".
std::string size_text(std::int64_t bytes);

} // namespace kheish::ctl
