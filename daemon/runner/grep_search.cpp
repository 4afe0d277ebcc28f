#include "base/text.hpp"
#include "runner/file_tools.hpp"
#include "runner/pattern.hpp"
#include "runner/walk.hpp"
#include "tools/limits.hpp"

#include <fcntl.h>
#include <fnmatch.h>

namespace kheish::runner {
namespace {

class Search {
  public:
    Search(const tools::GrepSearchInput& input, Pattern pattern)
        : input_(input), pattern_(std::move(pattern)) {}

    /// Searches one open file; false where the search is to end.
    bool search(const Fd& fd, const std::string& path) {
        if (files_ == tools::kGrepFiles)
            return stop("more than " + std::to_string(files_) + " files were searched");
        struct stat state = {};
        if (::fstat(fd.get(), &state) != 0 || !S_ISREG(state.st_mode))
            return true;
        if (state.st_size > tools::kGrepFileBytes) {
            ++too_large_;
            return true;
        }
        bytes_ += state.st_size;
        if (bytes_ > tools::kGrepTotalBytes)
            return stop("more than " + std::to_string(tools::kGrepTotalBytes) + " bytes");
        ++files_;
        const Result<std::string> content =
            read_all(fd.get(), static_cast<std::size_t>(tools::kGrepFileBytes));
        if (!content || looks_binary(*content))
            return true;
        ++text_files_;
        return search_lines(*content, path);
    }

    bool wants(const std::string& path, const std::string& name) const {
        if (input_.glob.empty())
            return true;
        const bool whole = input_.glob.find('/') != std::string::npos;
        return ::fnmatch(input_.glob.c_str(), whole ? path.c_str() : name.c_str(), 0) == 0;
    }

    FileToolResult finish(bool gave_up) {
        if (gave_up)
            (void)stop("there are too many files");
        if (matches_ == 0)
            text_.note("no match in " + std::to_string(text_files_) + " files");
        std::string notes;
        if (!stopped_.empty())
            notes = "the search stopped early: " + stopped_;
        if (too_large_ > 0)
            notes += (notes.empty() ? "" : "; ") + std::to_string(too_large_) +
                     " files over 4 MiB were skipped";
        if (hard_lines_ > 0)
            notes += (notes.empty() ? "" : "; ") + std::to_string(hard_lines_) +
                     " lines were too hard for this pattern";
        if (!notes.empty())
            text_.note(notes);
        return {text_.take(), !stopped_.empty()};
    }

  private:
    bool search_lines(std::string_view content, const std::string& path) {
        for (std::int64_t number = 1; !content.empty(); ++number) {
            const std::size_t end = content.find('\n');
            const std::string_view line = content.substr(0, end);
            content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
            const Pattern::Match match = pattern_.matches(line);
            if (match == Pattern::Match::gave_up && ++hard_lines_ >= kHardLines)
                return stop("the pattern is too hard");
            if (match == Pattern::Match::yes && !add(path, number, line))
                return false;
        }
        return true;
    }

    bool add(const std::string& path, std::int64_t number, std::string_view line) {
        if (matches_ == input_.limit)
            return stop("only the first " + std::to_string(matches_) + " matches are shown");
        const bool cut = line.size() > tools::kGrepLineBytes;
        const std::string shown = to_valid_utf8(line.substr(0, tools::kGrepLineBytes));
        if (!text_.add(
                to_valid_utf8(path) + ":" + std::to_string(number) + ":" + shown +
                (cut ? " [...]\n" : "\n")))
            return stop("the rest does not fit");
        ++matches_;
        return true;
    }

    bool stop(std::string why) {
        stopped_ = std::move(why);
        return false;
    }

    static constexpr std::int64_t kHardLines = 100;

    const tools::GrepSearchInput& input_;
    Pattern pattern_;
    BoundedText text_;
    std::string stopped_;
    std::int64_t matches_ = 0;
    std::int64_t files_ = 0;      ///< opened
    std::int64_t text_files_ = 0; ///< searched
    std::int64_t bytes_ = 0;
    std::int64_t too_large_ = 0;
    std::int64_t hard_lines_ = 0;
};

} // namespace

Result<FileToolResult>
grep_search(const Workspace& workspace, const tools::GrepSearchInput& input) {
    KHEISH_TRY(Pattern pattern, Pattern::compile(input.pattern, input.ignore_case));
    Search search(input, std::move(pattern));
    KHEISH_TRY(Fd start, workspace.open_beneath(input.path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    struct stat state = {};
    if (::fstat(start.get(), &state) != 0)
        return fail(path_error(input.path, errno));
    if (!S_ISDIR(state.st_mode)) {
        if (!S_ISREG(state.st_mode))
            return fail(
                Errc::bad_request, escape_for_display(input.path) + ": is not a regular file");
        (void)search.search(start, input.path);
        return search.finish(false);
    }
    const std::string prefix = input.path == "." ? "" : input.path + "/";
    Walk walk(std::move(start), tools::kListDepth);
    bool going_on = true;
    while (going_on && walk.next()) {
        const std::string path = prefix + walk.path();
        if (walk.entry().kind != DirectoryEntry::Kind::file ||
            !search.wants(path, walk.entry().name))
            continue;
        const Result<Fd> file = open_beneath(
            walk.directory(), walk.entry().name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        if (file)
            going_on = search.search(*file, path);
    }
    return search.finish(walk.gave_up());
}

} // namespace kheish::runner
