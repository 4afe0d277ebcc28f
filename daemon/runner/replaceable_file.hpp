#pragma once

#include "codec/digest.hpp"
#include "runner/workspace.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace kheish::runner {

/// A file of the workspace, there or not yet, that is to be replaced as a whole: readers see the
/// old or the new content, never a part. Looked at once, locked (flock(2)) while this lives, and
/// not replaced if it is another one by then. Errors are Errc::bad_request in words for the model.
class ReplaceableFile {
  public:
    /// Missing parent directories are made where that is wished.
    static Result<ReplaceableFile>
    open(const Workspace& workspace, const std::string& path, bool create_directories);

    bool exists() const { return old_.has_value(); }
    std::int64_t size_bytes() const { return old_ ? old_->state.st_size : 0; }
    /// All of it; exists() only.
    Result<std::string> read(std::size_t limit_bytes) const;
    /// Of its content; exists() only. Once, and not after read().
    Result<codec::Digest> digest() const;
    /// Durable when this returns.
    Status replace(std::string_view content) const;

  private:
    ReplaceableFile(std::string shown, Fd directory, std::string name)
        : shown_(std::move(shown)), directory_(std::move(directory)), name_(std::move(name)) {}
    bool unchanged() const;

    std::string shown_; ///< its path, escaped for display
    Fd directory_;
    std::string name_; ///< in it
    std::optional<Workspace::File> old_;
};

} // namespace kheish::runner
