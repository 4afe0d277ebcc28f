#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <string>

#include <sys/stat.h>

namespace kheish::runner {

/// The run's workspace as a directory descriptor. Every path is resolved beneath it (openat2(2)
/// RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS): symbolic links may point inside the workspace, never
/// out of it. Errors are Errc::bad_request in words for the model ("src/x: does not exist").
class Workspace {
  public:
    static Result<Workspace> open(const std::string& path);

    /// A regular file for reading, with its state.
    struct File {
        Fd fd;
        struct stat state = {};
    };
    Result<File> open_file(const std::string& path) const;
    Result<Fd> open_directory(const std::string& path) const;
    /// `flags` as of open(2); beneath this workspace. The errno is in the Error.
    Result<Fd> open_beneath(const std::string& path, int flags) const;

  private:
    explicit Workspace(Fd root) : root_(std::move(root)) {}

    Fd root_;
};

/// `fd` with its state, where it is a regular file; `path` is for the error.
Result<Workspace::File> as_regular_file(Fd fd, const std::string& path);

/// openat2(2) beneath `directory`, close-on-exec.
Result<Fd> open_beneath(int directory, const std::string& path, int flags, mode_t mode = 0);

/// `path` and what errno value `sys_errno` means for a tool that wanted to open it.
Error path_error(const std::string& path, int sys_errno);

} // namespace kheish::runner
