#include "base/text.hpp"
#include "runner/file_tools.hpp"

#include <cerrno>
#include <optional>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace kheish::runner {
namespace {

struct Target {
    Fd directory;
    std::string name;
};

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

/// The directory that the file is or will be in, with missing ones made where that is wished.
Result<Target> open_parent(const Workspace& workspace, const tools::WriteFileInput& input) {
    KHEISH_TRY(Fd directory, workspace.open_directory("."));
    std::string_view rest = input.path;
    for (std::size_t slash = rest.find('/'); slash != std::string_view::npos;
         slash = rest.find('/')) {
        const std::string component(rest.substr(0, slash));
        rest.remove_prefix(slash + 1);
        if (component.empty() || component == ".")
            continue;
        if (input.create_directories && ::mkdirat(directory.get(), component.c_str(), 0777) != 0 &&
            errno != EEXIST)
            return fail(path_error(input.path, errno));
        Result<Fd> below =
            open_beneath(directory.get(), component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (!below)
            return fail(path_error(input.path, below.error().sys_errno));
        directory = std::move(*below);
    }
    return Target{std::move(directory), std::string(rest)};
}

/// The target as it is now, or nothing where there is none.
Result<std::optional<Workspace::File>> open_target(const Target& target, const std::string& path) {
    Result<Fd> fd =
        open_beneath(target.directory.get(), target.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!fd && fd.error().sys_errno == ENOENT)
        return std::nullopt;
    if (!fd)
        return fail(path_error(path, fd.error().sys_errno));
    Workspace::File file{std::move(*fd), {}};
    if (::fstat(file.fd.get(), &file.state) != 0)
        return fail(path_error(path, errno));
    if (S_ISDIR(file.state.st_mode))
        return fail(path_error(path, EISDIR));
    if (!S_ISREG(file.state.st_mode))
        return fail(Errc::bad_request, escape_for_display(path) + ": is not a regular file");
    return file;
}

Result<codec::Digest> digest_of(const Fd& fd) {
    codec::Sha256 hash;
    std::string buffer(65536, '\0');
    for (;;) {
        const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
        if (count < 0)
            return fail_errno("reading", errno);
        if (count == 0)
            return hash.finish();
        hash.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(count)));
    }
}

/// Ok where the target may be replaced; true where it already is what it should become.
Result<bool>
check_expectation(const std::optional<Workspace::File>& old, const tools::WriteFileInput& input) {
    if (!input.expected_sha256)
        return false;
    const std::string name = escape_for_display(input.path);
    if (!old)
        return fail(Errc::bad_request, name + ": does not exist, so it has no SHA-256");
    KHEISH_TRY(const codec::Digest digest, digest_of(old->fd));
    if (digest == *input.expected_sha256)
        return false;
    if (digest == codec::sha256(input.content))
        return true;
    return fail(
        Errc::bad_request,
        name + ": has SHA-256 " + digest.to_hex() + ", not the expected one; read it again");
}

/// True while `old` is still what the name stands for.
bool unchanged(const Target& target, const std::optional<Workspace::File>& old) {
    struct stat now = {};
    const int found =
        ::fstatat(target.directory.get(), target.name.c_str(), &now, AT_SYMLINK_NOFOLLOW);
    if (!old)
        return found != 0 && errno == ENOENT;
    return found == 0 && now.st_ino == old->state.st_ino && now.st_dev == old->state.st_dev &&
           now.st_mtim.tv_sec == old->state.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == old->state.st_mtim.tv_nsec;
}

} // namespace

Result<FileToolResult> write_file(const Workspace& workspace, const tools::WriteFileInput& input) {
    const std::string name = escape_for_display(input.path);
    KHEISH_TRY(const Target target, open_parent(workspace, input));
    KHEISH_TRY(const std::optional<Workspace::File> old, open_target(target, input.path));
    if (old && ::flock(old->fd.get(), LOCK_EX | LOCK_NB) != 0)
        return fail(Errc::bad_request, name + ": somebody else holds a lock on it");
    KHEISH_TRY(const bool done, check_expectation(old, input));
    if (!done) {
        TemporaryFile temporary(
            target.directory.get(), ".kheish-write-" + target.name.substr(0, 200));
        KHEISH_CHECK(temporary.create(old ? old->state.st_mode & 0777 : 0644));
        KHEISH_CHECK(temporary.fill(input.content));
        if (!unchanged(target, old))
            return fail(Errc::bad_request, name + ": was changed meanwhile; nothing is written");
        KHEISH_CHECK(temporary.replace(target.name));
    }
    return FileToolResult{
        "wrote " + std::to_string(input.content.size()) + " bytes to " + name + ", SHA-256 " +
            codec::sha256(input.content).to_hex() + "\n",
        false};
}

} // namespace kheish::runner
