#include "outbound/html_text.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace kheish::outbound {

namespace {

constexpr std::size_t kTagNameBytes = 16;   ///< longer ones are none that matter here
constexpr std::size_t kEntityBytes = 16;    ///< between "&" and ";"
constexpr std::size_t kAddressBytes = 2048; ///< of a link; a longer one is not told
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

/// What is passed over, up to its end tag.
constexpr std::array<std::string_view, 7> kSkipped{
    "script", "style", "noscript", "template", "svg", "iframe", "object"};
/// What stands on lines of its own.
constexpr std::array<std::string_view, 33> kBlocks{
    "address", "article", "aside",  "blockquote", "body", "br",  "dd", "div", "dl",
    "dt",      "figure",  "footer", "form",       "h1",   "h2",  "h3", "h4",  "h5",
    "h6",      "header",  "hr",     "li",         "main", "nav", "ol", "p",   "pre",
    "section", "summary", "table",  "title",      "tr",   "ul"};

struct Entity {
    std::string_view name;
    std::string_view text;
};
/// The usual ones; any other stays as it is written.
constexpr std::array<Entity, 28> kEntities{{
    {"amp", "&"},   {"lt", "<"},    {"gt", ">"},     {"quot", "\""}, {"apos", "'"},
    {"nbsp", " "},  {"copy", "©"},  {"reg", "®"},    {"trade", "™"}, {"hellip", "…"},
    {"mdash", "—"}, {"ndash", "–"}, {"lsquo", "‘"},  {"rsquo", "’"}, {"ldquo", "“"},
    {"rdquo", "”"}, {"bull", "•"},  {"middot", "·"}, {"laquo", "«"}, {"raquo", "»"},
    {"euro", "€"},  {"deg", "°"},   {"times", "×"},  {"rarr", "→"},  {"larr", "←"},
    {"shy", ""},    {"zwnj", ""},   {"para", "¶"},
}};

template <std::size_t Count>
bool contains(const std::array<std::string_view, Count>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
bool is_letter(char c) {
    return lower(c) >= 'a' && lower(c) <= 'z';
}
bool is_name_character(char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == ':';
}
bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/// `code` in UTF-8; what is no character is U+FFFD.
std::string character(std::uint32_t code) {
    const auto byte = [](std::uint32_t bits) {
        return static_cast<char>(static_cast<unsigned char>(bits));
    };
    if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return std::string(kReplacement);
    if (code < 0x80)
        return {byte(code)};
    if (code < 0x800)
        return {byte(0xC0 | code >> 6U), byte(0x80 | (code & 0x3FU))};
    if (code < 0x10000)
        return {
            byte(0xE0 | code >> 12U),
            byte(0x80 | (code >> 6U & 0x3FU)),
            byte(0x80 | (code & 0x3FU))};
    return {
        byte(0xF0 | code >> 18U),
        byte(0x80 | (code >> 12U & 0x3FU)),
        byte(0x80 | (code >> 6U & 0x3FU)),
        byte(0x80 | (code & 0x3FU))};
}

/// What stands between "&" and ";".
std::optional<std::string> entity(std::string_view name) {
    if (name.starts_with("#x") || name.starts_with("#X")) {
        std::uint32_t code = 0;
        const char* const end = name.data() + name.size();
        const std::from_chars_result read = std::from_chars(name.data() + 2, end, code, 16);
        return read.ec == std::errc() && read.ptr == end ? std::optional(character(code))
                                                         : std::nullopt;
    }
    if (name.starts_with('#')) {
        const std::optional<std::uint32_t> code = parse_number<std::uint32_t>(name.substr(1));
        return code ? std::optional(character(*code)) : std::nullopt;
    }
    for (const Entity& known : kEntities)
        if (known.name == name)
            return std::string(known.text);
    return std::nullopt;
}

/// `text` with its entities read.
std::string decoded(std::string_view text) {
    std::string read;
    while (!text.empty()) {
        const std::size_t begin = std::min(text.find('&'), text.size());
        read += text.substr(0, begin);
        text.remove_prefix(begin);
        if (text.empty())
            break;
        const std::size_t end = text.substr(0, kEntityBytes).find(';');
        const std::optional<std::string> known =
            end == std::string_view::npos ? std::nullopt : entity(text.substr(1, end - 1));
        read += known.value_or("&");
        text.remove_prefix(known ? end + 1 : 1);
    }
    return read;
}

/// The text as it grows, its white space collapsed as a browser does.
class Lines {
  public:
    void add(std::string_view text) {
        for (const char c : text) {
            if (is_space(c) && (preformatted_ == 0 || c == '\r')) {
                is_spaced_ = true;
                continue;
            }
            if (is_spaced_ && !text_.empty() && !is_space(text_.back()))
                text_ += ' ';
            is_spaced_ = false;
            text_ += c;
        }
    }
    void break_line() {
        is_spaced_ = false;
        while (text_.ends_with(' '))
            text_.pop_back();
        if (!text_.empty() && !text_.ends_with('\n'))
            text_ += '\n';
    }
    void space() { is_spaced_ = true; }
    void set_preformatted(bool begins) {
        preformatted_ = std::max(0, preformatted_ + (begins ? 1 : -1));
    }
    std::string take() {
        while (!text_.empty() && is_space(text_.back()))
            text_.pop_back();
        return std::move(text_);
    }

  private:
    std::string text_;
    int preformatted_ = 0;   ///< how many such elements are open
    bool is_spaced_ = false; ///< there was space that is not written yet
};

struct Tag {
    std::string name; ///< lower case
    bool is_end = false;
    std::string address; ///< href, as written
};

class Page {
  public:
    explicit Page(std::string_view html) : rest_(html) {}

    std::string text() {
        while (!rest_.empty()) {
            const std::size_t begin = std::min(rest_.find('<'), rest_.size());
            lines_.add(decoded(rest_.substr(0, begin)));
            rest_.remove_prefix(begin);
            if (!rest_.empty())
                take_markup();
        }
        return lines_.take();
    }

  private:
    /// What begins with "<".
    void take_markup() {
        if (rest_.starts_with("<!--"))
            return skip_past("-->");
        const char next = rest_.size() > 1 ? rest_[1] : ' ';
        if (next == '!' || next == '?')
            return skip_past(">");
        const bool is_end = next == '/' && rest_.size() > 2 && is_letter(rest_[2]);
        if (!is_end && !is_letter(next)) {
            lines_.add("<");
            rest_.remove_prefix(1);
            return;
        }
        const Tag tag = take_tag(is_end);
        if (!tag.is_end && contains(kSkipped, tag.name))
            skip_element(tag.name);
        else
            show(tag);
    }

    void skip_past(std::string_view end) {
        const std::size_t at = rest_.find(end);
        rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at + end.size());
    }

    /// Up to its end tag, which is left to be read; everything where there is none.
    void skip_element(std::string_view name) {
        const std::string end = "</" + std::string(name);
        const auto at = std::search(
            rest_.begin(), rest_.end(), end.begin(), end.end(), [](char left, char right) {
                return lower(left) == right;
            });
        rest_.remove_prefix(static_cast<std::size_t>(at - rest_.begin()));
    }

    Tag take_tag(bool is_end) {
        Tag tag{.name = {}, .is_end = is_end, .address = {}};
        rest_.remove_prefix(is_end ? 2 : 1);
        tag.name = take_name();
        while (!rest_.empty() && rest_.front() != '>') {
            if (!is_name_character(rest_.front())) {
                rest_.remove_prefix(1);
                continue;
            }
            const std::string attribute = take_name();
            const std::string_view value = take_value();
            if (attribute == "href" && tag.address.empty() && value.size() <= kAddressBytes)
                tag.address = decoded(value);
        }
        rest_.remove_prefix(rest_.empty() ? 0 : 1);
        return tag;
    }

    std::string take_name() {
        std::string name;
        while (!rest_.empty() && is_name_character(rest_.front())) {
            if (name.size() <= kTagNameBytes)
                name += lower(rest_.front());
            rest_.remove_prefix(1);
        }
        return name;
    }

    void skip_space() {
        while (!rest_.empty() && is_space(rest_.front()))
            rest_.remove_prefix(1);
    }

    /// Of an attribute, if it has one.
    std::string_view take_value() {
        skip_space();
        if (!rest_.starts_with('='))
            return {};
        rest_.remove_prefix(1);
        skip_space();
        const bool is_quoted = rest_.starts_with('"') || rest_.starts_with('\'');
        const std::string_view ends =
            is_quoted ? rest_.substr(0, 1) : std::string_view(" \t\n\r\f>");
        rest_.remove_prefix(is_quoted ? 1 : 0);
        const std::size_t size = std::min(rest_.find_first_of(ends), rest_.size());
        const std::string_view value = rest_.substr(0, size);
        rest_.remove_prefix(std::min(size + (is_quoted ? 1 : 0), rest_.size()));
        return value;
    }

    void show(const Tag& tag) {
        const bool is_block = contains(kBlocks, tag.name);
        if (is_block)
            lines_.break_line();
        if (tag.name == "pre")
            lines_.set_preformatted(!tag.is_end);
        if (tag.name == "li" && !tag.is_end)
            lines_.add("- ");
        if (tag.name == "td" || tag.name == "th")
            lines_.space();
        if (tag.name == "a")
            show_link(tag);
    }

    /// Its address follows what it is around.
    void show_link(const Tag& tag) {
        if (!address_.empty())
            lines_.add(" <" + address_ + ">");
        address_.clear();
        const bool leads_somewhere =
            !tag.address.empty() && !tag.address.starts_with('#') && !is_script(tag.address);
        if (!tag.is_end && leads_somewhere)
            address_ = tag.address;
    }

    static bool is_script(std::string_view address) {
        constexpr std::string_view kScheme = "javascript:";
        return address.size() >= kScheme.size() &&
               std::equal(
                   kScheme.begin(), kScheme.end(), address.begin(), [](char left, char right) {
                       return left == lower(right);
                   });
    }

    std::string_view rest_;
    Lines lines_;
    std::string address_; ///< of the link that is open
};

} // namespace

std::string html_text(std::string_view html) {
    return Page(html).text();
}

} // namespace kheish::outbound
