#pragma once

#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "runner/workspace.hpp"
#include "tools/input.hpp"

#include <optional>
#include <string>

/// The tools that work on files without starting a program. Each gives what the model is told, or
/// an Error whose message it is told.
namespace kheish::runner {

struct FileToolResult {
    std::string text; ///< valid UTF-8, at most tools::kExcerptBytes
    bool truncated = false;
};

Result<FileToolResult> read_file(const Workspace& workspace, const tools::ReadFileInput& input);
Result<FileToolResult> list_files(const Workspace& workspace, const tools::ListFilesInput& input);
Result<FileToolResult> grep_search(const Workspace& workspace, const tools::GrepSearchInput& input);
/// Looks for the change that an earlier execution has `recorded` first: it is made once. Without
/// one, `prepare` is told what will change and returns once that is on record; an error there
/// leaves the file alone.
Result<FileToolResult> edit_file(
    const Workspace& workspace,
    const tools::EditFileInput& input,
    const std::optional<codec::ContentChange>& recorded,
    UniqueFunction<Status(const codec::ContentChange&)> prepare);
Result<FileToolResult> write_file(const Workspace& workspace, const tools::WriteFileInput& input);

/// Text that stops growing at tools::kExcerptBytes, leaving room for a last note.
class BoundedText {
  public:
    /// False, with nothing added, where it does not fit any more.
    bool add(std::string_view piece);
    /// A line in brackets at the end; two of them always fit.
    void note(std::string_view text);
    bool empty() const { return text_.empty(); }
    std::string take() { return std::move(text_); }

    static constexpr std::size_t kNoteBytes = 1024;

  private:
    std::string text_;
};

/// A NUL byte within the first tools::kBinaryProbeBytes.
bool looks_binary(std::string_view content);

} // namespace kheish::runner
