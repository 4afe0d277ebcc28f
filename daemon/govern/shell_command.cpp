#include "govern/shell_command.hpp"

#include <algorithm>
#include <array>

namespace kheish::govern {

namespace {

/// Words that begin something else than a simple command where a command begins.
constexpr std::array<std::string_view, 23> kReservedWords{
    "!",    "{",      "}",    "[[",   "]]",    "case",  "coproc",   "do",
    "done", "elif",   "else", "esac", "fi",    "for",   "function", "if",
    "in",   "select", "then", "time", "until", "while", "alias"};
/// Programs of the shell's own that read their arguments as a script, or change what names mean.
constexpr std::array<std::string_view, 9> kReaders{
    "eval", "source", ".", "exec", "builtin", "command", "trap", "enable", "hash"};

template <std::size_t Count>
bool contains(const std::array<std::string_view, Count>& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// NAME=, NAME+= or NAME[...: an assignment where a command begins.
bool is_assignment(std::string_view word) {
    std::size_t at = 0;
    while (at < word.size() && (is_name_start(word[at]) || (at > 0 && is_digit(word[at]))))
        ++at;
    return at > 0 && at < word.size() &&
           (word[at] == '=' || word[at] == '[' || word.substr(at).starts_with("+="));
}

class ScriptReader {
  public:
    ScriptReader(std::string_view text, std::size_t depth, ShellScript& script)
        : text_(text), depth_(depth), script_(script) {}

    void read() {
        while (at_ < text_.size() && depth_ <= kShellNestingLimit)
            step();
        end_command();
        if (depth_ > kShellNestingLimit)
            not_plain();
    }

  private:
    void not_plain() { script_.is_plain = false; }
    char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    void add(char c) {
        word_.push_back(c);
        in_word_ = true;
    }

    void end_word() {
        if (in_word_)
            command_.push_back(std::move(word_));
        word_.clear();
        in_word_ = false;
        is_quoted_ = false;
    }
    void end_command() {
        end_word();
        if (command_.empty())
            return;
        const std::string& first = command_.front();
        if (contains(kReservedWords, first) || contains(kReaders, first) || is_assignment(first))
            not_plain();
        script_.commands.push_back(std::move(command_));
        command_.clear();
    }

    void step() {
        const char c = peek();
        switch (c) {
        case ' ':
        case '\t':
            end_word();
            ++at_;
            return;
        case '\n':
        case ';':
        case '&':
        case '|':
            return read_operator();
        case '<':
        case '>':
            return read_redirection();
        case '(':
        case ')':
            not_plain();
            end_command();
            ++at_;
            return;
        case '#':
            return in_word_ ? take() : skip_comment();
        case '\'':
            return read_single_quotes();
        case '"':
            return read_double_quotes();
        case '\\':
            return read_escape();
        case '$':
            return read_dollar();
        case '`':
            return read_backquotes();
        default:
            return take();
        }
    }

    /// One character that stands for itself, or that bash would make something of.
    void take() {
        const char c = peek();
        constexpr std::string_view kExpanding = "*?[]{}!";
        if (kExpanding.find(c) != std::string_view::npos || static_cast<unsigned char>(c) < 0x20 ||
            c == 0x7F || (c == '~' && may_expand_tilde()))
            not_plain();
        add(c);
        ++at_;
    }

    /// At the beginning of a word, and of what an assignment assigns.
    bool may_expand_tilde() const {
        return word_.empty() || word_.back() == '=' || word_.back() == ':';
    }

    void skip_comment() {
        while (at_ < text_.size() && peek() != '\n')
            ++at_;
    }

    void read_operator() {
        if (peek() == '&' && (peek(1) == '>'))
            return read_redirection();
        end_command();
        const char c = peek();
        ++at_;
        if (c == ';' && (peek() == ';' || peek() == '&'))
            not_plain(); // only a case has these
        if ((c == '|' && peek() == '&') || (c == peek() && c != '\n' && c != ';'))
            ++at_;
    }

    /// [n]>word and its kin. What goes to /dev/null or to a descriptor changes nothing.
    void read_redirection() {
        if (in_word_ && (is_quoted_ || !std::all_of(word_.begin(), word_.end(), is_digit)))
            end_word();
        word_.clear(); // the descriptor, if there was one
        in_word_ = false;
        std::string marks;
        while (std::string_view("<>&|").find(peek()) != std::string_view::npos && peek() != '\0')
            marks.push_back(text_[at_++]);
        if (marks.starts_with("<<") || marks == "<>" || peek() == '(')
            return not_plain();
        while (peek() == ' ' || peek() == '\t')
            ++at_;
        std::string target;
        while (at_ < text_.size() &&
               std::string_view(" \t\n;&|<>()").find(peek()) == std::string_view::npos)
            target.push_back(text_[at_++]);
        const bool to_descriptor = marks.ends_with("&") && !target.empty() &&
                                   std::all_of(target.begin(), target.end(), is_digit);
        if (!to_descriptor && target != "/dev/null")
            not_plain();
    }

    void read_single_quotes() {
        in_word_ = true;
        is_quoted_ = true;
        const std::size_t end = text_.find('\'', at_ + 1);
        if (end == std::string_view::npos)
            not_plain();
        word_ += text_.substr(at_ + 1, end == std::string_view::npos ? end : end - at_ - 1);
        at_ = end == std::string_view::npos ? text_.size() : end + 1;
    }

    void read_double_quotes() {
        in_word_ = true;
        is_quoted_ = true;
        ++at_;
        while (at_ < text_.size() && peek() != '"') {
            if (peek() == '$')
                read_dollar(true);
            else if (peek() == '`')
                read_backquotes();
            else if (peek() == '\\')
                read_quoted_escape();
            else if (peek() == '!')
                take();
            else
                word_.push_back(text_[at_++]);
        }
        if (at_ >= text_.size())
            not_plain();
        else
            ++at_;
    }

    void read_quoted_escape() {
        const char next = peek(1);
        constexpr std::string_view kEscaped = "$`\"\\";
        at_ += 2;
        if (next == '\n')
            return;
        if (kEscaped.find(next) == std::string_view::npos)
            word_.push_back('\\');
        word_.push_back(next);
    }

    void read_escape() {
        const char next = peek(1);
        at_ += 2;
        if (next == '\n')
            return;
        is_quoted_ = true;
        if (at_ > text_.size())
            not_plain();
        else
            add(next);
    }

    void read_dollar(bool in_quotes = false) {
        const char next = peek(1);
        // $"..." is a translation, and the end of a quotation is none.
        const bool literal = next == '\0' || next == ' ' || next == '\t' || next == '\n' ||
                             next == ';' || next == '|' || next == '&' ||
                             (next == '"' && in_quotes);
        in_word_ = true;
        if (!literal)
            not_plain();
        if (next == '(' || next == '{')
            return read_nested(next, next == '(' ? ')' : '}');
        word_.push_back('$');
        ++at_;
    }

    /// $(...) and ${...}: whatever stands in it may be run.
    void read_nested(char open, char close) {
        std::size_t end = at_ + 2;
        for (int depth = 1; end < text_.size(); ++end) {
            depth += text_[end] == open ? 1 : text_[end] == close ? -1 : 0;
            if (depth == 0)
                break;
        }
        read_inner(text_.substr(at_ + 2, end - at_ - 2));
        at_ = std::min(end + 1, text_.size());
    }

    void read_backquotes() {
        not_plain();
        in_word_ = true;
        const std::size_t end = std::min(text_.find('`', at_ + 1), text_.size());
        read_inner(text_.substr(at_ + 1, end - at_ - 1));
        at_ = std::min(end + 1, text_.size());
    }

    void read_inner(std::string_view inner) { ScriptReader(inner, depth_ + 1, script_).read(); }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t depth_;
    ShellScript& script_;
    std::vector<std::string> command_;
    std::string word_;
    bool in_word_ = false;
    bool is_quoted_ = false; ///< a part of the word
};

bool same_program(std::string_view word, std::string_view wanted) {
    if (word == wanted)
        return true;
    const std::size_t slash = word.rfind('/');
    return slash != std::string_view::npos && wanted.find('/') == std::string_view::npos &&
           word.substr(slash + 1) == wanted;
}

/// Reads words as scripts, in those the words again, and so on.
class HiddenReader {
  public:
    explicit HiddenReader(ShellScript& script) : script_(script) {}

    void read(const std::vector<std::vector<std::string>>& commands, std::size_t depth) {
        for (const std::vector<std::string>& command : commands)
            for (const std::string& word : command)
                read_word(word, depth);
    }

  private:
    void read_word(std::string_view word, std::size_t depth) {
        if (word.find_first_of(" \t\n;&|(`'\"$=") == std::string_view::npos)
            return;
        read_text(word, depth);
        for (std::size_t at = word.find('='); at != std::string_view::npos; at = word.find('=', at))
            read_text(word.substr(++at), depth);
    }

    void read_text(std::string_view text, std::size_t depth) {
        if (depth >= kShellNestingLimit || text.size() > kHiddenLimitBytes - read_bytes_) {
            script_.may_hide_more = true;
            return;
        }
        read_bytes_ += text.size();
        ShellScript inner;
        ScriptReader(text, depth, inner).read();
        // A script of one word is that word again.
        if (inner.commands.size() == 1 && inner.commands[0].size() == 1 &&
            inner.commands[0][0] == text)
            return;
        script_.hidden.insert(script_.hidden.end(), inner.commands.begin(), inner.commands.end());
        read(inner.commands, depth + 1);
    }

    ShellScript& script_;
    std::size_t read_bytes_ = 0;
};

bool holds(const std::vector<std::string>& command, const std::vector<std::string>& prefix) {
    for (std::size_t first = 0; first + prefix.size() <= command.size(); ++first)
        if (same_program(command[first], prefix[0]) &&
            std::equal(
                prefix.begin() + 1,
                prefix.end(),
                command.begin() + static_cast<std::ptrdiff_t>(first) + 1))
            return true;
    return false;
}

} // namespace

ShellScript read_shell_script(std::string_view text) {
    ShellScript script;
    if (text.size() > kShellScriptLimitBytes || text.find('\0') != std::string_view::npos) {
        script.is_plain = false;
        script.may_hide_more = true;
    }
    ScriptReader(text.substr(0, kShellScriptLimitBytes), 0, script).read();
    HiddenReader(script).read(std::vector(script.commands), 0);
    return script;
}

ShellScript script_of(const std::vector<std::string>& command) {
    ShellScript script;
    script.commands.push_back(command);
    HiddenReader(script).read({command}, 0);
    return script;
}

bool begins_with(const std::vector<std::string>& command, const std::vector<std::string>& prefix) {
    return command.size() >= prefix.size() &&
           std::equal(prefix.begin(), prefix.end(), command.begin());
}

bool may_run(const ShellScript& script, const std::vector<std::string>& prefix) {
    const auto runs = [&prefix](const std::vector<std::string>& command) {
        return holds(command, prefix);
    };
    return prefix.empty() || script.may_hide_more ||
           std::any_of(script.commands.begin(), script.commands.end(), runs) ||
           std::any_of(script.hidden.begin(), script.hidden.end(), runs);
}

} // namespace kheish::govern
