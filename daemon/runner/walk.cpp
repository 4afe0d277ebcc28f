#include "runner/walk.hpp"

#include "runner/workspace.hpp"
#include "tools/limits.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace kheish::runner {
namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { (void)::closedir(directory); }
};
using DirectoryHandle = std::unique_ptr<DIR, CloseDirectory>;

DirectoryEntry::Kind kind_of(mode_t mode) {
    if (S_ISREG(mode))
        return DirectoryEntry::Kind::file;
    if (S_ISDIR(mode))
        return DirectoryEntry::Kind::directory;
    return S_ISLNK(mode) ? DirectoryEntry::Kind::link : DirectoryEntry::Kind::special;
}

DirectoryEntry::Kind kind_of(int directory, const dirent& entry) {
    if (entry.d_type != DT_UNKNOWN)
        return kind_of(static_cast<mode_t>(DTTOIF(entry.d_type)));
    struct stat state = {};
    if (::fstatat(directory, entry.d_name, &state, AT_SYMLINK_NOFOLLOW) != 0)
        return DirectoryEntry::Kind::special;
    return kind_of(state.st_mode);
}

/// False where the directory can't be read. Stops after `limit` entries.
bool read_entries(const Fd& fd, std::int64_t limit, std::vector<DirectoryEntry>& entries) {
    Result<Fd> copy = duplicate(fd);
    if (!copy)
        return false;
    const DirectoryHandle directory(::fdopendir(copy->get()));
    if (!directory)
        return false;
    (void)copy->release(); // closedir closes it
    errno = 0;
    while (const dirent* entry = ::readdir(directory.get())) {
        const std::string_view name = entry->d_name;
        if (name == "." || name == "..")
            continue;
        if (static_cast<std::int64_t>(entries.size()) >= limit)
            break;
        entries.push_back({std::string(name), kind_of(fd.get(), *entry)});
        errno = 0;
    }
    std::sort(entries.begin(), entries.end(), [](const DirectoryEntry& a, const DirectoryEntry& b) {
        return a.name < b.name;
    });
    return errno == 0;
}

} // namespace

std::string_view DirectoryEntry::suffix() const {
    switch (kind) {
    case Kind::file:
        return "";
    case Kind::directory:
        return "/";
    case Kind::link:
        return "@";
    case Kind::special:
        break;
    }
    return "?";
}

Walk::Walk(Fd root, std::int64_t max_depth) : max_depth_(max_depth) {
    enter(std::move(root), "");
}

void Walk::enter(Fd directory, std::string prefix) {
    Level level{std::move(directory), std::move(prefix), {}, 0};
    if (!read_entries(level.fd, tools::kListVisitedEntries - visited_ + 1, level.entries))
        ++unreadable_;
    levels_.push_back(std::move(level));
}

void Walk::descend() {
    const DirectoryEntry& here = entry();
    const bool enters = here.kind == DirectoryEntry::Kind::directory && here.name != ".git" &&
                        static_cast<std::int64_t>(levels_.size()) < max_depth_;
    if (!enters)
        return;
    Result<Fd> below = open_beneath(directory(), here.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (below)
        enter(std::move(*below), path_ + "/");
    else
        ++unreadable_;
}

bool Walk::next() {
    if (at_entry_)
        descend();
    at_entry_ = false;
    while (!levels_.empty() && levels_.back().next == levels_.back().entries.size())
        levels_.pop_back();
    if (levels_.empty() || gave_up_)
        return false;
    if (++visited_ > tools::kListVisitedEntries) {
        gave_up_ = true;
        return false;
    }
    Level& level = levels_.back();
    path_ = level.prefix + level.entries[level.next].name;
    ++level.next;
    at_entry_ = true;
    return true;
}

} // namespace kheish::runner
