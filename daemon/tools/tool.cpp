#include "tools/tool.hpp"

#include "base/assert.hpp"
#include "base/text.hpp"
#include "codec/json.hpp"
#include "tools/input.hpp"
#include "tools/limits.hpp"
#include "tools/question.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace kheish::tools {
namespace {

using codec::Json;

/// The members of any tool's input that are paths.
constexpr std::array<std::string_view, 2> kPathMembers{"path", "cwd"};

/// `path` below `workspace`, relative to it; nothing where it lies elsewhere.
std::optional<std::string> below(std::string_view path, std::string_view workspace) {
    while (workspace.size() > 1 && workspace.back() == '/')
        workspace.remove_suffix(1);
    if (workspace.empty() || !path.starts_with(workspace))
        return std::nullopt;
    path.remove_prefix(workspace.size());
    if (!path.empty() && path.front() != '/' && workspace != "/")
        return std::nullopt;
    while (!path.empty() && path.front() == '/')
        path.remove_prefix(1);
    return path.empty() ? "." : std::string(path);
}

void make_relative(Json& input, std::string_view workspace) {
    for (const std::string_view member : kPathMembers) {
        const std::optional<Json> path = input.find(member);
        if (!path || !path->is_string())
            continue;
        const std::string text = path->string();
        const std::optional<std::string> relative = below(text, workspace);
        if (text.starts_with('/') && relative)
            input.set(member, *relative);
    }
}

/// In the one spelling in which it is shown, judged and asked for. What is none stays, and is
/// refused.
void make_canonical_url(Json& input) {
    const std::optional<Json> url = input.find("url");
    if (!url || !url->is_string())
        return;
    if (const Result<codec::Url> parsed = codec::parse_url(url->string()))
        input.set("url", parsed->to_string());
}

std::string member_text(const Json& input, std::string_view key, std::string_view otherwise) {
    const std::optional<Json> member = input.find(key);
    return member && member->is_string() ? member->string() : std::string(otherwise);
}

/// Escaped whole characters of `text`, with a note of what is left out.
std::string shown(std::string_view text) {
    const std::string_view kept = truncate_utf8(text, kSummaryBytes);
    std::string line = escape_for_display(kept);
    if (kept.size() < text.size())
        line += " [... " + std::to_string(text.size() - kept.size()) + " more bytes]";
    return line;
}

std::string summary_of_write(const Json& input) {
    const std::string content = member_text(input, "content", "");
    std::string line = "write_file: " + shown(member_text(input, "path", ""));
    line += " (" + std::to_string(content.size()) + " bytes";
    if (const std::optional<Json> expected = input.find("expected_sha256"))
        line += ", over SHA-256 " + shown(expected->string());
    return line + ")";
}

std::string summary_of_edit(const Json& input) {
    const std::optional<Json> all = input.find("replace_all");
    return "edit_file: " + shown(member_text(input, "path", "")) +
           (all && all->boolean() ? ", every \"" : ", \"") +
           shown(member_text(input, "old_string", "")) + "\" becomes \"" +
           shown(member_text(input, "new_string", "")) + "\"";
}

/// The first question, and how many more there are.
std::string summary_of_question(const Json& input) {
    const Result<AskUserQuestionInput> parsed = AskUserQuestionInput::parse(input);
    if (!parsed)
        return "ask_user_question";
    std::string line = shown(parsed->questions.front().question);
    if (parsed->questions.size() > 1)
        line += " (and " + std::to_string(parsed->questions.size() - 1) + " more)";
    return line;
}

std::string summary_of_bash(const Json& input) {
    const std::string cwd = member_text(input, "cwd", ".");
    return "bash" + (cwd == "." ? std::string() : " in " + shown(cwd)) + ": " +
           shown(member_text(input, "command", ""));
}

} // namespace

Result<std::string>
validate_input(const Tool& tool, std::string_view input, std::string_view workspace) {
    KHEISH_TRY(Json value, parse_input(input));
    if (!workspace.empty())
        make_relative(value, workspace);
    if (tool.name == "ask_user_question")
        value = with_question_ids(std::move(value));
    if (tool.name == kWebFetchTool)
        make_canonical_url(value);
    KHEISH_ASSERT(tool.check != nullptr);
    KHEISH_CHECK(tool.check(value));
    return codec::canonical_json(value);
}

std::string summary(const Tool& tool, std::string_view input) {
    const Result<Json> value = parse_input(input);
    if (!value)
        return std::string(tool.name) + ": " + shown(input);
    if (tool.name == "bash")
        return summary_of_bash(*value);
    if (tool.name == "write_file")
        return summary_of_write(*value);
    if (tool.name == "edit_file")
        return summary_of_edit(*value);
    if (tool.name == "ask_user_question")
        return summary_of_question(*value);
    std::string line = std::string(tool.name) + ": ";
    if (tool.name == "grep_search")
        line += shown(member_text(*value, "pattern", "")) + " in ";
    if (tool.name == kWebFetchTool)
        return line + shown(member_text(*value, "url", ""));
    if (tool.name == "emit_output")
        return line + shown(member_text(*value, "content", ""));
    return line + shown(member_text(*value, "path", "."));
}

std::chrono::milliseconds timeout_of(const Tool& tool, std::string_view input) {
    const Result<Json> value = parse_input(input);
    const std::optional<Json> wish =
        value ? value->find("timeout_ms") : std::optional<Json>(std::nullopt);
    if (!wish || !wish->is_integer())
        return tool.default_timeout;
    return std::clamp(std::chrono::milliseconds(wish->integer()), kMinTimeout, kMaxTimeout);
}

} // namespace kheish::tools
