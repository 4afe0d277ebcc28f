#include "outbound/page_text.hpp"

#include "outbound/html_text.hpp"

#include "base/text.hpp"
#include "codec/ascii.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>

#include <iconv.h>

namespace kheish::outbound {

namespace {

using codec::lower_case;
using codec::trim;

/// Those that pages have, and no others: iconv(3) knows hundreds, and a stranger chooses.
constexpr std::array<std::string_view, 14> kCharsets{
    "us-ascii",
    "koi8-r",
    "koi8-u",
    "shift_jis",
    "euc-jp",
    "euc-kr",
    "gb18030",
    "gbk",
    "gb2312",
    "big5",
    "utf-16",
    "utf-16le",
    "utf-16be",
    "macintosh"};
constexpr std::string_view kIsoCharset = "iso-8859-";
constexpr std::string_view kWindowsCharset = "windows-125";
constexpr std::size_t kPartDigits = 2; ///< "iso-8859-15", "windows-1252"

template <std::size_t Count>
bool contains(const std::array<std::string_view, Count>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
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

bool is_charset_of_pages(std::string_view charset) {
    for (const std::string_view family : {kIsoCharset, kWindowsCharset})
        if (charset.starts_with(family) && charset.size() <= family.size() + kPartDigits)
            return charset.find('/') == std::string_view::npos; // "//IGNORE" is no charset
    return contains(kCharsets, charset);
}

/// `body` as UTF-8, by the charset that its sender names, if it is one.
std::string to_utf8(std::string_view body, const std::string& charset) {
    // Letters in UTF-16 are valid UTF-8 with a U+0000 each.
    const bool is_plain = is_valid_utf8(body) && body.find('\0') == std::string_view::npos;
    if (!is_plain && is_charset_of_pages(charset)) {
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
    std::string text = to_utf8(body, content.charset);
    if (text.find('\0') != std::string::npos)
        return fail(Errc::bad_request, "is binary, whatever it calls itself");
    return is_html(content) ? html_text(text) : text;
}

} // namespace kheish::outbound
