#include "outbound/page_text.hpp"

#include "outbound/html_text.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>

#include <iconv.h>

namespace kheish::outbound {

namespace {

constexpr std::size_t kCharsetBytes = 40; ///< longest name of one that is tried

template <std::size_t Count>
bool contains(const std::array<std::string_view, Count>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    return lower;
}

std::string_view trim(std::string_view text) {
    const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
    const std::size_t end = text.find_last_not_of(" \t");
    return text.substr(begin, end == std::string_view::npos ? 0 : end + 1 - begin);
}

bool is_html(const ContentType& content) {
    return content.type == "text/html" || content.type == "application/xhtml+xml";
}

/// iconv(3) as an owner.
class Conversion {
  public:
    explicit Conversion(const std::string& charset)
        : descriptor_(::iconv_open("UTF-8", charset.c_str())) {}
    ~Conversion() {
        if (is_open())
            ::iconv_close(descriptor_);
    }
    Conversion(const Conversion&) = delete;
    Conversion& operator=(const Conversion&) = delete;

    bool is_open() const { return reinterpret_cast<std::intptr_t>(descriptor_) != -1; }

    /// What does not belong to the charset becomes U+FFFD.
    std::string convert(std::string_view bytes) {
        std::string text;
        std::array<char, 4096> buffer{};
        char* from = const_cast<char*>(bytes.data()); // iconv(3) does not write there
        std::size_t left = bytes.size();
        while (left > 0) {
            char* to = buffer.data();
            std::size_t room = buffer.size();
            const std::size_t converted = ::iconv(descriptor_, &from, &left, &to, &room);
            text.append(buffer.data(), buffer.size() - room);
            if (converted != static_cast<std::size_t>(-1) || errno == E2BIG)
                continue;
            text += "\xef\xbf\xbd";
            ++from;
            --left;
        }
        return text;
    }

  private:
    iconv_t descriptor_;
};

/// `body` as UTF-8, by the charset that its sender names, if it is one.
std::string to_utf8(std::string_view body, const std::string& charset) {
    const bool is_named = !charset.empty() && charset != "utf-8" && charset != "utf8" &&
                          charset.size() <= kCharsetBytes &&
                          charset.find('/') == std::string::npos; // "//TRANSLIT" is no charset
    if (is_named && !is_valid_utf8(body)) {
        Conversion conversion(charset);
        if (conversion.is_open())
            return to_valid_utf8(conversion.convert(body));
    }
    return to_valid_utf8(body);
}

} // namespace

ContentType parse_content_type(std::string_view field) {
    ContentType content;
    const std::size_t end = std::min(field.find(';'), field.size());
    content.type = lower_case(trim(field.substr(0, end)));
    const std::string parameters = lower_case(field.substr(end));
    constexpr std::string_view kCharset = "charset=";
    const std::size_t at = parameters.find(kCharset);
    if (at == std::string::npos)
        return content;
    std::string_view charset = std::string_view(parameters).substr(at + kCharset.size());
    charset = trim(charset.substr(0, charset.find(';')));
    if (charset.size() >= 2 && charset.front() == '"' && charset.back() == '"')
        charset = charset.substr(1, charset.size() - 2);
    content.charset = charset;
    return content;
}

bool may_be_text(const ContentType& content) {
    constexpr std::array<std::string_view, 8> kText{
        "",
        "application/json",
        "application/xml",
        "application/javascript",
        "application/x-ndjson",
        "application/yaml",
        "application/toml",
        "application/rss"};
    const std::string_view type = content.type;
    return contains(kText, type) || type.starts_with("text/") || type.ends_with("+json") ||
           type.ends_with("+xml");
}

Result<std::string> text_of_page(std::string_view body, const ContentType& content) {
    if (body.find('\0') != std::string_view::npos && !content.charset.starts_with("utf-16"))
        return fail(Errc::bad_request, "is binary, whatever it calls itself");
    std::string text = to_utf8(body, content.charset);
    return is_html(content) ? html_text(text) : text;
}

} // namespace kheish::outbound
