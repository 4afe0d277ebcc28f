#include "base/text.hpp"
#include "runner/file_tools.hpp"
#include "runner/replaceable_file.hpp"
#include "tools/limits.hpp"

namespace kheish::runner {
namespace {

struct Edited {
    std::string content;
    std::size_t count = 0; ///< replacements
};

/// The content as a text that may be edited.
Result<std::string> read_text(const ReplaceableFile& file, const std::string& name) {
    if (!file.exists())
        return fail(Errc::bad_request, name + ": does not exist; write_file makes new files");
    if (file.size_bytes() > tools::kReadFileBytes)
        return fail(
            Errc::bad_request,
            name + ": " + std::to_string(file.size_bytes()) + " bytes are too many to edit (at " +
                "most " + std::to_string(tools::kReadFileBytes) + ")");
    KHEISH_TRY(std::string content, file.read(static_cast<std::size_t>(tools::kReadFileBytes)));
    if (!is_valid_utf8(content) || looks_binary(content))
        return fail(Errc::bad_request, name + ": is not UTF-8 text; use bash to change it");
    return content;
}

Result<Edited>
apply(const std::string& content, const tools::EditFileInput& input, const std::string& name) {
    Edited edited;
    std::size_t done = 0;
    for (std::size_t found = content.find(input.old_string); found != std::string::npos;
         found = content.find(input.old_string, done)) {
        edited.content.append(content, done, found - done).append(input.new_string);
        done = found + input.old_string.size();
        ++edited.count;
        if (edited.content.size() > static_cast<std::size_t>(tools::kReadFileBytes))
            return fail(Errc::bad_request, name + ": would become too long; nothing is written");
    }
    edited.content.append(content, done);
    if (edited.count == 0)
        return fail(
            Errc::bad_request,
            name + ": does not hold old_string; read it again, every space and line feed counts");
    if (edited.count > 1 && !input.replace_all)
        return fail(
            Errc::bad_request,
            name + ": holds old_string " + std::to_string(edited.count) +
                " times; give more of the text around it, or set replace_all");
    return edited;
}

} // namespace

Result<FileToolResult> edit_file(
    const Workspace& workspace,
    const tools::EditFileInput& input,
    const std::optional<codec::ContentChange>& recorded,
    UniqueFunction<Status(const codec::ContentChange&)> prepare) {
    const std::string name = escape_for_display(input.path);
    KHEISH_TRY(const ReplaceableFile file, ReplaceableFile::open(workspace, input.path, false));
    KHEISH_TRY(const std::string content, read_text(file, name));
    const codec::Digest now = codec::sha256(content);
    if (recorded && now == recorded->after)
        return FileToolResult{
            "edited " + name + " before it was interrupted, SHA-256 " + now.to_hex() + "\n"};
    if (recorded && now != recorded->before)
        return fail(
            Errc::bad_request,
            name + ": was interrupted while it was edited, and is now neither what it was before "
                   "nor what it was to become; read it to see whether the edit is in it");
    KHEISH_TRY(const Edited edited, apply(content, input, name));
    const codec::ContentChange change{now, codec::sha256(edited.content)};
    if (!recorded)
        KHEISH_CHECK(prepare(change));
    KHEISH_CHECK(file.replace(edited.content));
    return FileToolResult{
        "replaced " + std::to_string(edited.count) +
        (edited.count == 1 ? " occurrence in " : " occurrences in ") + name + ", " +
        std::to_string(edited.content.size()) + " bytes, SHA-256 " + change.after.to_hex() + "\n"};
}

} // namespace kheish::runner
