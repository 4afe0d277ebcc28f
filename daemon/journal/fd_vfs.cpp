#include "journal/fd_vfs.hpp"

#include "base/assert.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace kheish::journal {

namespace {

constexpr const char* kName = "kheish-fd";
constexpr int kSectorBytes = 4096;

struct FdFile {
    sqlite3_file base;
    int fd;
};

int fd_of(sqlite3_file* file) {
    return reinterpret_cast<FdFile*>(file)->fd;
}

int& current() {
    static int fd = -1;
    return fd;
}

int file_close(sqlite3_file* /*file*/) noexcept {
    return SQLITE_OK;
}
int file_read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) noexcept {
    char* target = static_cast<char*>(data);
    std::size_t left = static_cast<std::size_t>(size);
    while (left > 0) {
        const ssize_t count = ::pread(fd_of(file), target, left, offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return SQLITE_IOERR_READ;
        if (count == 0) {
            std::memset(target, 0, left);
            return SQLITE_IOERR_SHORT_READ;
        }
        target += count;
        offset += count;
        left -= static_cast<std::size_t>(count);
    }
    return SQLITE_OK;
}
int file_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) noexcept {
    const char* source = static_cast<const char*>(data);
    std::size_t left = static_cast<std::size_t>(size);
    while (left > 0) {
        const ssize_t count = ::pwrite(fd_of(file), source, left, offset);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return errno == ENOSPC || errno == EDQUOT ? SQLITE_FULL : SQLITE_IOERR_WRITE;
        source += count;
        offset += count;
        left -= static_cast<std::size_t>(count);
    }
    return SQLITE_OK;
}
int file_truncate(sqlite3_file* file, sqlite3_int64 size) noexcept {
    return ::ftruncate(fd_of(file), size) == 0 ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}
int file_sync(sqlite3_file* file, int /*flags*/) noexcept {
    return ::fsync(fd_of(file)) == 0 ? SQLITE_OK : SQLITE_IOERR_FSYNC;
}
int file_size(sqlite3_file* file, sqlite3_int64* size) noexcept {
    struct stat status {};
    if (::fstat(fd_of(file), &status) != 0)
        return SQLITE_IOERR_FSTAT;
    *size = status.st_size;
    return SQLITE_OK;
}
int file_lock(sqlite3_file* /*file*/, int /*level*/) noexcept {
    return SQLITE_OK;
}
int file_check_reserved(sqlite3_file* /*file*/, int* result) noexcept {
    *result = 0;
    return SQLITE_OK;
}
int file_control(sqlite3_file* /*file*/, int /*operation*/, void* /*argument*/) noexcept {
    return SQLITE_NOTFOUND;
}
int file_sector_size(sqlite3_file* /*file*/) noexcept {
    return kSectorBytes;
}
int file_characteristics(sqlite3_file* /*file*/) noexcept {
    return 0;
}

const sqlite3_io_methods kMethods{
    1,
    file_close,
    file_read,
    file_write,
    file_truncate,
    file_sync,
    file_size,
    file_lock,
    file_lock, // xUnlock
    file_check_reserved,
    file_control,
    file_sector_size,
    file_characteristics,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
};

int vfs_open(
    sqlite3_vfs* /*vfs*/,
    sqlite3_filename /*name*/,
    sqlite3_file* file,
    int flags,
    int* out_flags) noexcept {
    FdFile* const opened = reinterpret_cast<FdFile*>(file);
    opened->base.pMethods = nullptr;
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0)
        return SQLITE_CANTOPEN;
    opened->fd = current();
    opened->base.pMethods = &kMethods;
    if (out_flags != nullptr)
        *out_flags = flags;
    return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs* /*vfs*/, const char* /*name*/, int /*sync*/) noexcept {
    return SQLITE_OK;
}
int vfs_access(sqlite3_vfs* /*vfs*/, const char* /*name*/, int /*flags*/, int* result) noexcept {
    *result = 0; // there is no journal to recover from
    return SQLITE_OK;
}
int vfs_full_path(sqlite3_vfs* /*vfs*/, const char* name, int size, char* path) noexcept {
    const std::size_t length = std::strlen(name);
    if (length >= static_cast<std::size_t>(size))
        return SQLITE_CANTOPEN;
    std::copy_n(name, length + 1, path);
    return SQLITE_OK;
}

} // namespace

std::string fd_vfs(int fd) {
    current() = fd;
    if (sqlite3_vfs_find(kName) != nullptr)
        return kName;
    static sqlite3_vfs vfs = *sqlite3_vfs_find(nullptr);
    vfs.zName = kName;
    vfs.pNext = nullptr;
    vfs.szOsFile = sizeof(FdFile);
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    vfs.xAccess = vfs_access;
    vfs.xFullPathname = vfs_full_path;
    KHEISH_ASSERT(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK);
    return kName;
}

} // namespace kheish::journal
