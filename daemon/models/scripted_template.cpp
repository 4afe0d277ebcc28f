#include "models/scripted_template.hpp"

#include "base/text.hpp"
#include "codec/json.hpp"

#include <algorithm>
#include <optional>

namespace kheish::models {

namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";
/// Results are bounded by the tools; this is what a pointer may look into.
constexpr codec::JsonLimits kResultLimits{.bytes = std::size_t{16} << 20U, .depth = 128};

/// Reads what stands between the braces.
class Scanner {
  public:
    explicit Scanner(std::string_view rest) : rest_(rest) {}

    std::string_view rest() const { return rest_; }
    void skip_space() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n"), rest_.size()));
    }
    bool take(std::string_view word) {
        if (!rest_.starts_with(word))
            return false;
        rest_.remove_prefix(word.size());
        return true;
    }
    bool at_quote() const { return rest_.starts_with('"') || rest_.starts_with('\''); }
    Result<std::string> take_quoted() {
        const char quote = rest_.front();
        std::string text;
        for (std::size_t i = 1; i < rest_.size(); ++i) {
            if (rest_[i] == quote) {
                rest_.remove_prefix(i + 1);
                return text;
            }
            if (rest_[i] == '\\' && i + 1 < rest_.size())
                ++i;
            text += rest_[i];
        }
        return fail(Errc::invalid_configuration, "a placeholder's string has no end");
    }
    Result<std::int64_t> take_count() {
        const std::size_t size = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
        const std::optional<std::int64_t> count = parse_number<std::int64_t>(rest_.substr(0, size));
        if (!count || *count == 0)
            return fail(Errc::invalid_configuration, "lines= and chars= take a number above 0");
        rest_.remove_prefix(size);
        return *count;
    }

  private:
    std::string_view rest_;
};

Result<ScriptedTemplate::Quote> parse_result(Scanner& scanner) {
    ScriptedTemplate::Quote quote;
    scanner.skip_space();
    if (!scanner.at_quote())
        return fail(Errc::invalid_configuration, "\"result\" takes the quoted name of a tool call");
    KHEISH_TRY(quote.call, scanner.take_quoted());
    if (quote.call.empty())
        return fail(Errc::invalid_configuration, "\"result\" takes a name that is not empty");
    scanner.skip_space();
    if (scanner.at_quote()) {
        KHEISH_TRY(quote.pointer, scanner.take_quoted());
        if (!quote.pointer.empty() && !quote.pointer.starts_with('/'))
            return fail(
                Errc::invalid_configuration,
                "\"" + quote.pointer + "\" is no JSON pointer: it starts with \"/\"");
    }
    for (;;) {
        scanner.skip_space();
        if (scanner.take("lines=")) {
            KHEISH_TRY(quote.lines, scanner.take_count());
        } else if (scanner.take("chars=")) {
            KHEISH_TRY(quote.chars, scanner.take_count());
        } else {
            return quote;
        }
    }
}

Result<std::variant<std::string, ScriptedTemplate::Quote>> parse_placeholder(Scanner& scanner) {
    std::variant<std::string, ScriptedTemplate::Quote> piece;
    scanner.skip_space();
    if (scanner.at_quote()) {
        KHEISH_TRY(piece, scanner.take_quoted());
    } else if (scanner.take("input")) {
        piece = ScriptedTemplate::Quote{};
    } else if (scanner.take("result")) {
        KHEISH_TRY(piece, parse_result(scanner));
    } else {
        return fail(
            Errc::invalid_configuration,
            "a placeholder starts with \"input\", \"result\" or a quoted string");
    }
    scanner.skip_space();
    if (!scanner.take(kClose))
        return fail(
            Errc::invalid_configuration,
            "a placeholder ends in \"}}\", not in \"" +
                std::string(truncate_utf8(scanner.rest(), 20)) + "\"");
    return piece;
}

/// One reference token of RFC 6901 with its escapes undone.
std::string unescape_token(std::string_view token) {
    std::string text;
    for (std::size_t i = 0; i < token.size(); ++i) {
        if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1'))
            text += token[++i] == '0' ? '~' : '/';
        else
            text += token[i];
    }
    return text;
}

std::optional<codec::Json> step_into(const codec::Json& value, const std::string& token) {
    if (value.is_object())
        return value.find(token);
    const std::optional<std::size_t> index = parse_number<std::size_t>(token);
    if (!value.is_array() || !index || *index >= value.size())
        return std::nullopt;
    return value.at(*index);
}

Result<std::string> look_up(const ScriptedTemplate::Quote& quote, const std::string& text) {
    const Result<codec::Json> parsed = codec::parse_json(text, kResultLimits);
    if (!parsed)
        return fail(
            Errc::bad_request,
            "the result of \"" + quote.call + "\" is no JSON: " + parsed.error().message);
    codec::Json value = *parsed;
    std::string_view rest = quote.pointer;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('/', 1), rest.size());
        const std::optional<codec::Json> next =
            step_into(value, unescape_token(rest.substr(1, end - 1)));
        if (!next)
            return fail(
                Errc::bad_request,
                "the result of \"" + quote.call + "\" has nothing at \"" + quote.pointer + "\"");
        value = *next;
        rest.remove_prefix(end);
    }
    return value.is_string() ? value.string() : codec::canonical_json(value);
}

/// The longest prefix with at most `lines` lines and `chars` characters.
std::string_view shorten(std::string_view text, std::int64_t lines, std::int64_t chars) {
    std::int64_t seen_lines = 0;
    std::int64_t seen_chars = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool is_continuation = (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U;
        if (!is_continuation && ++seen_chars > chars)
            return text.substr(0, i);
        if (text[i] == '\n' && ++seen_lines == lines)
            return text.substr(0, i);
    }
    return text;
}

} // namespace

Result<ScriptedTemplate> ScriptedTemplate::parse(std::string_view text) {
    ScriptedTemplate result;
    while (!text.empty()) {
        const std::size_t open = text.find(kOpen);
        if (open != 0)
            result.pieces_.emplace_back(std::string(text.substr(0, open)));
        if (open == std::string_view::npos)
            break;
        Scanner scanner(text.substr(open + kOpen.size()));
        KHEISH_TRY(Piece piece, parse_placeholder(scanner));
        result.pieces_.push_back(std::move(piece));
        text = scanner.rest();
    }
    return result;
}

std::vector<std::string> ScriptedTemplate::quoted_calls() const {
    std::vector<std::string> calls;
    for (const Piece& piece : pieces_) {
        const Quote* quote = std::get_if<Quote>(&piece);
        if (quote != nullptr && !quote->call.empty())
            calls.push_back(quote->call);
    }
    return calls;
}

Result<std::string> ScriptedTemplate::render(Source& source) const {
    std::string text;
    for (const Piece& piece : pieces_) {
        const Quote* quote = std::get_if<Quote>(&piece);
        if (quote == nullptr) {
            text += std::get<std::string>(piece);
            continue;
        }
        KHEISH_TRY(std::string quoted, source(quote->call));
        if (!quote->pointer.empty()) {
            KHEISH_TRY(quoted, look_up(*quote, quoted));
        }
        text += shorten(quoted, quote->lines, quote->chars);
    }
    return text;
}

} // namespace kheish::models
