#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <string>
#include <string_view>

namespace kheish::launcher {

/// Errc::launch_refused with the reason unless `path` may be a workspace: absolute, without "."
/// and ".." and double slashes; not the root, a system directory or one below it, a directory
/// shared by all users as a whole (/home, /tmp, ...), nor one that holds, is or lies in kheish's
/// state or runtime directories.
Status check_workspace_path(std::string_view path);

/// Opens `path` (O_PATH) with the credentials of the caller, which must be the run's. Follows
/// links, and checks what it arrived at like check_workspace_path. Errc::launch_refused with the
/// reason where it is no directory, or cannot be opened and entered.
Result<Fd> open_workspace(const std::string& path);

} // namespace kheish::launcher
