#pragma once

#include <string>
#include <string_view>

namespace kheish::outbound {

/// What an HTML page says, as plain text. It loses its markup, scripts and styles; its links keep
/// their addresses, behind them in <>; headings, paragraphs, list items and rows stand on lines of
/// their own. Any bytes are taken. Time and memory grow with the page's length and with nothing
/// else, whatever it nests: a parser that builds the tree of a page would be at its mercy, and this
/// is the process that holds the keys.
std::string html_text(std::string_view html);

} // namespace kheish::outbound
