#include "runner/replaceable_file.hpp"

#include "base/text.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace kheish::runner {
namespace {

/// Where the new content is put until it takes the target's place; removed unless it does.
class TemporaryFile {
  public:
    TemporaryFile(int directory, std::string name)
        : directory_(directory), name_(std::move(name)) {}
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() {
        if (fd_)
            (void)::unlinkat(directory_, name_.c_str(), 0);
    }

    Status create(mode_t mode) {
        // One that a killed call left behind has the same name: it is nobody's any more.
        (void)::unlinkat(directory_, name_.c_str(), 0);
        Result<Fd> fd =
            open_beneath(directory_, name_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
        if (!fd)
            return fail(std::move(fd).error());
        fd_ = std::move(*fd);
        if (::fchmod(fd_.get(), mode) != 0)
            return fail(path_error(name_, errno));
        return {};
    }

    Status fill(std::string_view content) {
        KHEISH_CHECK(write_all(fd_.get(), content));
        if (::fsync(fd_.get()) != 0)
            return fail(path_error(name_, errno));
        return {};
    }

    Status replace(const std::string& target) {
        if (::renameat(directory_, name_.c_str(), directory_, target.c_str()) != 0)
            return fail(path_error(target, errno));
        fd_.reset();
        if (::fsync(directory_) != 0)
            return fail(path_error(target, errno));
        return {};
    }

  private:
    int directory_;
    std::string name_;
    Fd fd_;
};

/// The directory that the file is or will be in, with missing ones made where that is wished; the
/// file's name in it is what is left of `rest`.
Result<Fd> open_parent(
    const Workspace& workspace,
    const std::string& path,
    bool create_directories,
    std::string_view& rest) {
    KHEISH_TRY(Fd directory, workspace.open_directory("."));
    rest = path;
    for (std::size_t slash = rest.find('/'); slash != std::string_view::npos;
         slash = rest.find('/')) {
        const std::string component(rest.substr(0, slash));
        rest.remove_prefix(slash + 1);
        if (component.empty() || component == ".")
            continue;
        if (create_directories && ::mkdirat(directory.get(), component.c_str(), 0777) != 0 &&
            errno != EEXIST)
            return fail(path_error(path, errno));
        Result<Fd> below =
            open_beneath(directory.get(), component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (!below)
            return fail(path_error(path, below.error().sys_errno));
        directory = std::move(*below);
    }
    return directory;
}

/// The file as it is now, or nothing where there is none.
Result<std::optional<Workspace::File>>
open_old(int directory, const std::string& name, const std::string& path) {
    Result<Fd> fd = open_beneath(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!fd && fd.error().sys_errno == ENOENT)
        return std::nullopt;
    if (!fd)
        return fail(path_error(path, fd.error().sys_errno));
    KHEISH_TRY(Workspace::File file, as_regular_file(std::move(*fd), path));
    return file;
}

} // namespace

Result<ReplaceableFile> ReplaceableFile::open(
    const Workspace& workspace, const std::string& path, bool create_directories) {
    std::string_view name;
    KHEISH_TRY(Fd directory, open_parent(workspace, path, create_directories, name));
    ReplaceableFile file(escape_for_display(path), std::move(directory), std::string(name));
    KHEISH_TRY(file.old_, open_old(file.directory_.get(), file.name_, path));
    if (file.old_ && ::flock(file.old_->fd.get(), LOCK_EX | LOCK_NB) != 0)
        return fail(Errc::bad_request, file.shown_ + ": somebody else holds a lock on it");
    return file;
}

Result<std::string> ReplaceableFile::read(std::size_t limit_bytes) const {
    return read_all(old_->fd.get(), limit_bytes);
}

Result<codec::Digest> ReplaceableFile::digest() const {
    codec::Sha256 hash;
    std::string buffer(65536, '\0');
    for (;;) {
        const ssize_t count = ::read(old_->fd.get(), buffer.data(), buffer.size());
        if (count < 0)
            return fail_errno("reading", errno);
        if (count == 0)
            return hash.finish();
        hash.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(count)));
    }
}

/// True while what was looked at is still what the name stands for.
bool ReplaceableFile::unchanged() const {
    struct stat now = {};
    const int found = ::fstatat(directory_.get(), name_.c_str(), &now, AT_SYMLINK_NOFOLLOW);
    if (!old_)
        return found != 0 && errno == ENOENT;
    return found == 0 && now.st_ino == old_->state.st_ino && now.st_dev == old_->state.st_dev &&
           now.st_mtim.tv_sec == old_->state.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == old_->state.st_mtim.tv_nsec;
}

Status ReplaceableFile::replace(std::string_view content) const {
    TemporaryFile temporary(directory_.get(), ".kheish-write-" + name_.substr(0, 200));
    KHEISH_CHECK(temporary.create(old_ ? old_->state.st_mode & 0777 : 0644));
    KHEISH_CHECK(temporary.fill(content));
    if (!unchanged())
        return fail(Errc::bad_request, shown_ + ": was changed meanwhile; nothing is written");
    return temporary.replace(name_);
}

} // namespace kheish::runner
