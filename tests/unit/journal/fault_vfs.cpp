#include "fault_vfs.hpp"

#include "base/assert.hpp"

#include <cstring>
#include <fstream>
#include <memory>
#include <utility>

#include <sqlite3.h>

namespace kheish::journal {

namespace {

sqlite3_vfs* real_vfs() {
    static sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
    return vfs;
}

/// Lies before the real file's own structure in the memory that SQLite provides.
struct FaultFile {
    sqlite3_file base;
    std::string* path;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

FaultFile* fault(sqlite3_file* file) {
    return reinterpret_cast<FaultFile*>(file);
}
sqlite3_file* real(sqlite3_file* file) {
    return fault(file)->real();
}

std::string content_of(const std::string& path) {
    std::ifstream stream(path, std::ios::binary | std::ios::ate);
    std::string content(static_cast<std::size_t>(stream.tellg()), '\0');
    stream.seekg(0);
    stream.read(content.data(), static_cast<std::streamsize>(content.size()));
    return content;
}

int file_close(sqlite3_file* file) noexcept {
    const std::unique_ptr<std::string> path(std::exchange(fault(file)->path, nullptr));
    return real(file)->pMethods->xClose(real(file));
}
int file_read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) noexcept {
    return real(file)->pMethods->xRead(real(file), data, size, offset);
}
int file_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) noexcept {
    FaultVfs& vfs = FaultVfs::instance();
    const int result = vfs.next_write_result();
    if (result == SQLITE_OK && vfs.observer != nullptr)
        vfs.observer->on_write(
            *fault(file)->path,
            offset,
            {static_cast<const char*>(data), static_cast<std::size_t>(size)});
    return result != SQLITE_OK ? result
                               : real(file)->pMethods->xWrite(real(file), data, size, offset);
}
int file_truncate(sqlite3_file* file, sqlite3_int64 size) noexcept {
    if (DiskObserver* observer = FaultVfs::instance().observer)
        observer->on_truncate(*fault(file)->path, size);
    return real(file)->pMethods->xTruncate(real(file), size);
}
int file_sync(sqlite3_file* file, int flags) noexcept {
    FaultVfs& vfs = FaultVfs::instance();
    ++vfs.syncs;
    if (vfs.sync_error != SQLITE_OK)
        return vfs.sync_error;
    if (vfs.observer != nullptr)
        vfs.observer->on_sync(*fault(file)->path);
    if (vfs.remembers)
        vfs.remember(*fault(file)->path, content_of(*fault(file)->path));
    return real(file)->pMethods->xSync(real(file), flags);
}
int file_size(sqlite3_file* file, sqlite3_int64* size) noexcept {
    return real(file)->pMethods->xFileSize(real(file), size);
}
int file_lock(sqlite3_file* file, int level) noexcept {
    return real(file)->pMethods->xLock(real(file), level);
}
int file_unlock(sqlite3_file* file, int level) noexcept {
    return real(file)->pMethods->xUnlock(real(file), level);
}
int file_check_reserved(sqlite3_file* file, int* result) noexcept {
    return real(file)->pMethods->xCheckReservedLock(real(file), result);
}
int file_control(sqlite3_file* file, int operation, void* argument) noexcept {
    return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
int file_sector_size(sqlite3_file* file) noexcept {
    return real(file)->pMethods->xSectorSize(real(file));
}
int file_characteristics(sqlite3_file* file) noexcept {
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int file_shm_map(
    sqlite3_file* file, int region, int size, int extend, void volatile** memory) noexcept {
    return real(file)->pMethods->xShmMap(real(file), region, size, extend, memory);
}
int file_shm_lock(sqlite3_file* file, int offset, int count, int flags) noexcept {
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void file_shm_barrier(sqlite3_file* file) noexcept {
    real(file)->pMethods->xShmBarrier(real(file));
}
int file_shm_unmap(sqlite3_file* file, int remove) noexcept {
    return real(file)->pMethods->xShmUnmap(real(file), remove);
}

const sqlite3_io_methods kMethods{
    2,
    file_close,
    file_read,
    file_write,
    file_truncate,
    file_sync,
    file_size,
    file_lock,
    file_unlock,
    file_check_reserved,
    file_control,
    file_sector_size,
    file_characteristics,
    file_shm_map,
    file_shm_lock,
    file_shm_barrier,
    file_shm_unmap,
    nullptr,
    nullptr,
};

int vfs_open(
    sqlite3_vfs* /*vfs*/,
    sqlite3_filename name,
    sqlite3_file* file,
    int flags,
    int* out_flags) noexcept {
    FaultFile* opened = fault(file);
    opened->base.pMethods = nullptr;
    if (FaultVfs::instance().read_only)
        flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    const int code = real_vfs()->xOpen(real_vfs(), name, opened->real(), flags, out_flags);
    if (opened->real()->pMethods != nullptr) {
        opened->base.pMethods = &kMethods;
        opened->path = std::make_unique<std::string>(name != nullptr ? name : "").release();
    }
    return code;
}

int vfs_delete(sqlite3_vfs* /*vfs*/, const char* name, int sync_directory) noexcept {
    FaultVfs& faults = FaultVfs::instance();
    faults.forget(name);
    if (faults.observer != nullptr)
        faults.observer->on_delete(name);
    return real_vfs()->xDelete(real_vfs(), name, sync_directory);
}

} // namespace

FaultVfs::FaultVfs() {
    // Everything but opening and removing is the real one's, which finds its own data by pAppData.
    static sqlite3_vfs vfs = *real_vfs();
    vfs.zName = kName;
    vfs.pNext = nullptr;
    vfs.szOsFile = static_cast<int>(sizeof(FaultFile)) + real_vfs()->szOsFile;
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    KHEISH_ASSERT(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK);
}

FaultVfs& FaultVfs::instance() {
    static FaultVfs vfs;
    return vfs;
}

void FaultVfs::reset() {
    syncs = 0;
    write_error = SQLITE_OK;
    sync_error = SQLITE_OK;
    writes_left = 0;
    remembers = true;
    read_only = false;
    observer = nullptr;
    durable_.clear();
}

int FaultVfs::next_write_result() {
    if (write_error == SQLITE_OK)
        return SQLITE_OK;
    return writes_left-- > 0 ? SQLITE_OK : write_error;
}

std::map<std::string, std::string> FaultVfs::durable_files(const std::string& prefix) const {
    std::map<std::string, std::string> files;
    for (const auto& [path, content] : durable_)
        if (path.starts_with(prefix))
            files.emplace(path, content);
    return files;
}

} // namespace kheish::journal
