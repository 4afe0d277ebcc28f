#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

/// What a page of the web says, as text: for a model, which pays for every byte.
namespace kheish::outbound {

/// The media type of a Content-Type field (RFC 9110, 8.3): "text/html" and its charset, both in
/// lower case, empty where there is none.
struct ContentType {
    std::string type;
    std::string charset;
};
ContentType parse_content_type(std::string_view field);

/// Whether a body of that type is text, as far as the type says. Without a type it may be.
bool may_be_text(const ContentType& content);

/// `body` as UTF-8 text. HTML loses its markup, scripts and styles, and keeps the addresses of its
/// links behind them; a paragraph or heading stands on lines of its own. Errc::bad_request where
/// the body is no text whatever its type says. No part of `body` is followed, loaded or run.
Result<std::string> text_of_page(std::string_view body, const ContentType& content);

} // namespace kheish::outbound
