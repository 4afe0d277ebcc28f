#include "base/text.hpp"
#include "runner/file_tools.hpp"
#include "runner/walk.hpp"
#include "tools/limits.hpp"

namespace kheish::runner {

Result<FileToolResult> list_files(const Workspace& workspace, const tools::ListFilesInput& input) {
    KHEISH_TRY(Fd directory, workspace.open_directory(input.path));
    Walk walk(std::move(directory), input.recursive ? input.max_depth : 1);
    BoundedText text;
    std::int64_t shown = 0;
    std::string stopped;
    while (stopped.empty() && walk.next()) {
        const std::string line =
            to_valid_utf8(walk.path()) + std::string(walk.entry().suffix()) + "\n";
        if (shown == input.limit)
            stopped = "only the first " + std::to_string(shown) + " entries are listed";
        else if (!text.add(line))
            stopped = "the rest does not fit; list a directory further down";
        else
            ++shown;
    }
    if (walk.gave_up())
        stopped = "there are more than " + std::to_string(tools::kListVisitedEntries) + " entries";
    if (walk.unreadable() > 0)
        text.note(std::to_string(walk.unreadable()) + " directories could not be read");
    if (!stopped.empty())
        text.note(stopped);
    if (text.empty())
        text.note("the directory is empty");
    return FileToolResult{text.take(), !stopped.empty()};
}

} // namespace kheish::runner
