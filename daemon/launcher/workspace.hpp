#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace kheish::launcher {

/// Errc::launch_refused with the reason unless `path` may be a workspace: absolute, without "."
/// and ".." and double slashes; not the root, a system directory or one below it, a directory
/// shared by all users as a whole (/home, /tmp, ...), nor one that holds, is or lies in kheish's
/// state or runtime directories.
Status check_workspace_path(std::string_view path);

/// Where sessions that name no workspace have theirs (tmpfiles.d). It is root's, and only its
/// group, in which nobody is, makes something in it: so no other user can be there first.
inline constexpr std::string_view kOwnWorkspaces = "/var/lib/kheish-workspaces";

/// A directory that is still to be made.
struct OwnWorkspace {
    Fd parent;
    std::string name;
    gid_t group = 0; ///< of the parent

    /// With the user of the run, who owns it from the first moment, and `group`.
    Status make() const;
    /// With the user of the run, and that group.
    Status give_to(gid_t gid) const;
};

/// Nothing where `path` does not lie right below `parent`, or is there. Errc::launch_refused where
/// there is no `parent`.
Result<std::optional<OwnWorkspace>>
find_own_workspace(std::string_view parent, const std::string& path);

/// Opens `path` (O_PATH) with the credentials of the caller, which must be the run's. Follows
/// links, and checks what it arrived at like check_workspace_path. Errc::launch_refused with the
/// reason where it is no directory, or cannot be opened and entered.
Result<Fd> open_workspace(const std::string& path);

} // namespace kheish::launcher
