#pragma once

#include "base/fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kheish::runner {

struct DirectoryEntry {
    enum class Kind { file, directory, link, special };
    std::string name; ///< as the file system has it, any bytes but '/' and NUL
    Kind kind = Kind::file;

    /// "" for a file, "/" for a directory, "@" for a symbolic link, "?" for anything else.
    std::string_view suffix() const;
};

/// Visits the entries below a directory: each directory's own entries sorted by their bytes, a
/// directory before what is in it. Symbolic links are not followed and .git is not entered.
///
///     Walk walk(std::move(directory), depth);
///     while (walk.next())
///         use(walk.path(), walk.entry());
class Walk {
  public:
    /// `max_depth` 1 visits the directory's own entries only.
    Walk(Fd root, std::int64_t max_depth);

    bool next();
    /// Relative to the root of the walk.
    const std::string& path() const { return path_; }
    const DirectoryEntry& entry() const { return levels_.back().entries[levels_.back().next - 1]; }
    /// The directory that entry() is in.
    int directory() const { return levels_.back().fd.get(); }
    /// Directories that could not be read.
    std::int64_t unreadable() const { return unreadable_; }
    /// True where the walk ended early: more than tools::kListVisitedEntries entries.
    bool gave_up() const { return gave_up_; }

  private:
    struct Level {
        Fd fd;
        std::string prefix;
        std::vector<DirectoryEntry> entries;
        std::size_t next = 0;
    };
    void enter(Fd directory, std::string prefix);
    void descend();

    std::int64_t max_depth_;
    std::vector<Level> levels_;
    std::string path_;
    bool at_entry_ = false;
    std::int64_t visited_ = 0;
    std::int64_t unreadable_ = 0;
    bool gave_up_ = false;
};

} // namespace kheish::runner
