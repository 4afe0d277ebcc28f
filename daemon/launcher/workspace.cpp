#include "launcher/workspace.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kheish::launcher {

namespace {

/// What the sandbox mounts itself, or what no run may be given to write.
constexpr std::array<std::string_view, 12> kSystemTrees{
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/proc",
    "/sys",
    "/dev",
    "/boot"};
constexpr std::array<std::string_view, 3> kKheishTrees{
    "/run/kheish", "/var/run/kheish", "/var/lib/kheish"};
/// Fine to have a workspace in, too much to be one.
constexpr std::array<std::string_view, 7> kShared{
    "/home", "/tmp", "/var/tmp", "/root", "/run/user", "/opt", "/var/lib/kheish-workspaces"};

bool is_at_or_below(std::string_view path, std::string_view tree) {
    return path.starts_with(tree) && (path.size() == tree.size() || path[tree.size()] == '/');
}

tl::unexpected<Error> refused(std::string_view path, const std::string& why) {
    return fail(Errc::launch_refused, "workspace " + std::string(path) + ": " + why);
}

Status check_form(std::string_view path) {
    if (path.empty() || path.front() != '/')
        return refused(path, "not an absolute path");
    if (path.size() == 1)
        return refused(path, "the whole file tree is no workspace");
    const std::string closed = std::string(path) + "/";
    if (closed.find("//") != std::string::npos || closed.find("/./") != std::string::npos ||
        closed.find("/../") != std::string::npos)
        return refused(path, "not a plain path (empty, . or .. component)");
    return {};
}

} // namespace

Status check_workspace_path(std::string_view path) {
    KHEISH_CHECK(check_form(path));
    for (const std::string_view tree : kSystemTrees)
        if (is_at_or_below(path, tree))
            return refused(path, "a system directory");
    for (const std::string_view tree : kKheishTrees) {
        if (is_at_or_below(path, tree))
            return refused(path, "belongs to kheish itself");
        if (is_at_or_below(tree, path))
            return refused(path, "holds the directories of kheish itself");
    }
    if (std::find(kShared.begin(), kShared.end(), path) != kShared.end())
        return refused(path, "shared by all users; choose a directory in it");
    return {};
}

Result<std::optional<OwnWorkspace>>
find_own_workspace(std::string_view parent, const std::string& path) {
    if (!path.starts_with(std::string(parent) + "/"))
        return std::nullopt;
    OwnWorkspace own;
    own.name = path.substr(parent.size() + 1);
    if (own.name.empty() || own.name == "." || own.name == ".." ||
        own.name.find('/') != std::string::npos)
        return std::nullopt;
    constexpr int kDirectory = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    own.parent = Fd(::open(std::string(parent).c_str(), kDirectory));
    struct stat found {};
    if (!own.parent || ::fstat(own.parent.get(), &found) != 0)
        return fail_errno("workspace " + path, errno, Errc::launch_refused);
    own.group = found.st_gid;
    if (::fstatat(own.parent.get(), own.name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0)
        return std::nullopt;
    return own;
}

Status OwnWorkspace::make() const {
    if (::mkdirat(parent.get(), name.c_str(), 0700) != 0 && errno != EEXIST)
        return fail_errno("making the workspace " + name, errno, Errc::launch_refused);
    return {};
}

Status OwnWorkspace::give_to(gid_t gid) const {
    constexpr uid_t kKeepOwner = static_cast<uid_t>(-1);
    if (::fchownat(parent.get(), name.c_str(), kKeepOwner, gid, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("giving the workspace " + name, errno, Errc::launch_refused);
    return {};
}

Result<Fd> open_workspace(const std::string& path) {
    KHEISH_CHECK(check_workspace_path(path));
    Fd directory(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory)
        return fail_errno("workspace " + path, errno, Errc::launch_refused);
    if (::faccessat(directory.get(), ".", R_OK | X_OK, AT_EACCESS) != 0)
        return fail_errno("workspace " + path, errno, Errc::launch_refused);
    std::array<char, PATH_MAX> resolved{};
    const std::string link = "/proc/self/fd/" + std::to_string(directory.get());
    const ssize_t length = ::readlink(link.c_str(), resolved.data(), resolved.size());
    if (length <= 0)
        return fail_errno("workspace " + path + ": resolving it", errno, Errc::launch_refused);
    KHEISH_CHECK(check_workspace_path({resolved.data(), static_cast<std::size_t>(length)}));
    return directory;
}

} // namespace kheish::launcher
