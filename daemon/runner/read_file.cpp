#include "base/text.hpp"
#include "runner/file_tools.hpp"
#include "tools/limits.hpp"

namespace kheish::runner {
namespace {

/// The lines of some content, one after the other, each with its line feed.
class Lines {
  public:
    explicit Lines(std::string_view content) : rest_(content) {}

    bool next(std::string_view& line) {
        if (rest_.empty())
            return false;
        const std::size_t end = rest_.find('\n');
        line = rest_.substr(0, end == std::string_view::npos ? rest_.size() : end + 1);
        rest_.remove_prefix(line.size());
        ++number_;
        return true;
    }
    std::int64_t number() const { return number_; }

  private:
    std::string_view rest_;
    std::int64_t number_ = 0;
};

std::int64_t count_lines(std::string_view content) {
    Lines lines(content);
    std::string_view line;
    while (lines.next(line))
        ;
    return lines.number();
}

FileToolResult show_lines(std::string_view content, const tools::ReadFileInput& input) {
    BoundedText text;
    Lines lines(content);
    std::string_view line;
    std::int64_t shown = 0;
    bool cut = false;
    while (!cut && (!input.limit || shown < *input.limit) && lines.next(line)) {
        if (lines.number() < input.offset)
            continue;
        if (!text.add(line)) {
            cut = true;
            break;
        }
        ++shown;
    }
    const std::int64_t total = count_lines(content);
    const std::string of = " of " + std::to_string(total);
    if (cut && shown == 0) {
        (void)text.add(truncate_utf8(line, tools::kExcerptBytes - 2 * BoundedText::kNoteBytes));
        text.note("line " + std::to_string(input.offset) + of + " is too long and is cut here");
    } else if (shown == 0 && total > 0) {
        text.note("the file has " + std::to_string(total) + " lines");
    } else if (input.offset > 1 || input.offset + shown - 1 < total) {
        const std::int64_t last = input.offset + shown - 1;
        text.note(
            "lines " + std::to_string(input.offset) + " to " + std::to_string(last) + of +
            (last < total ? "; go on with offset " + std::to_string(last + 1) : ""));
    }
    return {text.take(), cut};
}

} // namespace

Result<FileToolResult> read_file(const Workspace& workspace, const tools::ReadFileInput& input) {
    KHEISH_TRY(const Workspace::File file, workspace.open_file(input.path));
    const std::string name = escape_for_display(input.path);
    if (file.state.st_size > tools::kReadFileBytes)
        return fail(
            Errc::bad_request,
            name + ": " + std::to_string(file.state.st_size) +
                " bytes are too many to read (at most " + std::to_string(tools::kReadFileBytes) +
                "); search it or use bash for a part");
    Result<std::string> content =
        read_all(file.fd.get(), static_cast<std::size_t>(tools::kReadFileBytes));
    if (!content)
        return fail(std::move(content).error().wrap(name));
    if (looks_binary(*content))
        return fail(
            Errc::bad_request,
            name + ": is a binary file of " + std::to_string(content->size()) + " bytes");
    const bool valid = is_valid_utf8(*content);
    if (!valid)
        content = to_valid_utf8(*content);
    FileToolResult result = show_lines(*content, input);
    if (!valid)
        result.text += "[bytes that are not UTF-8 are shown as U+FFFD]\n";
    return result;
}

} // namespace kheish::runner
