#include "journal/checksum_vfs.hpp"

#include "base/assert.hpp"
#include "journal/page_checksum.hpp"
#include "journal/wal_frame.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include <sqlite3.h>

namespace kheish::journal {

namespace {

constexpr int kDatabaseHeaderBytes = 100;
/// SQLite's smallest page: what it reads and writes in less is part of a header.
constexpr int kSmallestPageBytes = 512;

enum class Kind { database, log, other };

/// What is known of one open file.
struct State {
    Kind kind = Kind::other;
    bool is_checksummed = false;
    // Of the log: pages that were written again within their transaction. SQLite brings the headers
    // up to date before the commit; until then there is nothing to compare with.
    std::set<std::int64_t> rewritten;
    std::int64_t frame_begun = -1;
};

/// Lies before the base file's own structure in the memory that SQLite provides.
struct ChecksumFile {
    sqlite3_file base;
    State* state;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

State& state_of(sqlite3_file* file) {
    return *reinterpret_cast<ChecksumFile*>(file)->state;
}
sqlite3_file* real(sqlite3_file* file) {
    return reinterpret_cast<ChecksumFile*>(file)->real();
}

bool is_page(int size, sqlite3_int64 offset) {
    return size == kPageBytes && offset % kPageBytes == 0;
}

std::int64_t page_number(sqlite3_int64 offset) {
    return offset / kPageBytes + 1;
}

int check_database_read(
    const State& state, const unsigned char* data, int size, sqlite3_int64 offset) {
    if (!state.is_checksummed || size < kSmallestPageBytes)
        return SQLITE_OK;
    if (!is_page(size, offset) || !is_sealed_page(data, page_number(offset)))
        return SQLITE_IOERR_DATA;
    return SQLITE_OK;
}

int check_log_read(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
    const std::optional<std::int64_t> frame =
        size == kPageBytes ? wal_frame_of_page(offset) : std::nullopt;
    if (!frame || state_of(file).rewritten.contains(*frame))
        return SQLITE_OK;
    std::array<unsigned char, kWalHeaderBytes> log_header{};
    std::array<unsigned char, 8> seed{};
    std::array<unsigned char, kWalFrameHeaderBytes> frame_header{};
    const auto read = [file](auto& target, sqlite3_int64 from) {
        const int bytes = static_cast<int>(target.size());
        return real(file)->pMethods->xRead(real(file), target.data(), bytes, from);
    };
    for (const int code :
         {read(log_header, 0),
          read(seed, wal_seed_offset(*frame)),
          read(frame_header, offset - kWalFrameHeaderBytes)})
        if (code != SQLITE_OK)
            return code;
    const std::span<const unsigned char> page(
        static_cast<const unsigned char*>(data), static_cast<std::size_t>(size));
    return is_intact({log_header, seed, frame_header, page}) ? SQLITE_OK : SQLITE_IOERR_DATA;
}

int file_read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) noexcept {
    const int code = real(file)->pMethods->xRead(real(file), data, size, offset);
    if (code != SQLITE_OK)
        return code;
    switch (state_of(file).kind) {
    case Kind::database:
        return check_database_read(
            state_of(file), static_cast<const unsigned char*>(data), size, offset);
    case Kind::log:
        return check_log_read(file, data, size, offset);
    case Kind::other:
        return SQLITE_OK;
    }
    return SQLITE_INTERNAL;
}

/// Follows which frames have a header that fits their page.
void note_log_write(State& state, int size, sqlite3_int64 offset) {
    const std::optional<std::int64_t> header =
        size == kWalFrameHeaderBytes ? wal_frame_of_header(offset) : std::nullopt;
    const std::optional<std::int64_t> page =
        size == kPageBytes ? wal_frame_of_page(offset) : std::nullopt;
    if (offset == 0)
        state.rewritten.clear(); // a new log in the old one's place
    if (header)
        state.rewritten.erase(*header);
    if (page && state.frame_begun != *page)
        state.rewritten.insert(*page);
    state.frame_begun = header.value_or(-1);
}

int write_page(
    sqlite3_file* file, const unsigned char* data, int size, sqlite3_int64 offset) noexcept {
    std::array<unsigned char, kPageBytes> page{};
    std::memcpy(page.data(), data, page.size());
    seal_page(page.data(), page_number(offset));
    return real(file)->pMethods->xWrite(real(file), page.data(), size, offset);
}

int file_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) noexcept {
    State& state = state_of(file);
    const unsigned char* const bytes = static_cast<const unsigned char*>(data);
    if (state.kind == Kind::log)
        note_log_write(state, size, offset);
    if (state.kind == Kind::database && offset == 0 && size >= kDatabaseHeaderBytes)
        state.is_checksummed = reserves_checksum(bytes);
    if (state.kind == Kind::database && state.is_checksummed && is_page(size, offset))
        return write_page(file, bytes, size, offset);
    return real(file)->pMethods->xWrite(real(file), data, size, offset);
}

int file_close(sqlite3_file* file) noexcept {
    const std::unique_ptr<State> state(
        std::exchange(reinterpret_cast<ChecksumFile*>(file)->state, nullptr));
    return real(file)->pMethods->xClose(real(file));
}

int file_control(sqlite3_file* file, int operation, void* argument) noexcept {
    if (operation != kIsChecksummedControl)
        return real(file)->pMethods->xFileControl(real(file), operation, argument);
    *static_cast<int*>(argument) = state_of(file).is_checksummed ? 1 : 0;
    return SQLITE_OK;
}

// Everything else is the base's.

int file_truncate(sqlite3_file* file, sqlite3_int64 size) noexcept {
    return real(file)->pMethods->xTruncate(real(file), size);
}
int file_sync(sqlite3_file* file, int flags) noexcept {
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

/// Version 2, or 1 over a base without shared memory: without xFetch, so that no page is read past
/// us.
constexpr sqlite3_io_methods methods(int version) {
    return {
        version,
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
}
constexpr sqlite3_io_methods kMethods = methods(2);
constexpr sqlite3_io_methods kMethodsWithoutMemory = methods(1);

/// One VFS of ours. The base's own functions find their data by the copy of its pAppData, so ours
/// know theirs by their address.
struct Registered {
    sqlite3_vfs vfs{}; ///< first: a pointer to it is one to the whole
    sqlite3_vfs* base = nullptr;
    std::string name;
};

Kind kind_of(int flags) {
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0)
        return Kind::database;
    return (flags & SQLITE_OPEN_WAL) != 0 ? Kind::log : Kind::other;
}

/// A file without a header is about to become a database of ours, its first page perhaps last.
bool has_checksums(sqlite3_file* file) {
    std::array<unsigned char, kDatabaseHeaderBytes> header{};
    const int code = file->pMethods->xRead(file, header.data(), static_cast<int>(header.size()), 0);
    return code == SQLITE_IOERR_SHORT_READ ||
           (code == SQLITE_OK && reserves_checksum(header.data()));
}

int vfs_open(
    sqlite3_vfs* vfs,
    sqlite3_filename name,
    sqlite3_file* file,
    int flags,
    int* out_flags) noexcept {
    sqlite3_vfs* const base = reinterpret_cast<Registered*>(vfs)->base;
    ChecksumFile* const opened = reinterpret_cast<ChecksumFile*>(file);
    opened->base.pMethods = nullptr;
    const int code = base->xOpen(base, name, opened->real(), flags, out_flags);
    if (opened->real()->pMethods == nullptr)
        return code;
    const bool has_memory = opened->real()->pMethods->iVersion >= 2;
    opened->base.pMethods = has_memory ? &kMethods : &kMethodsWithoutMemory;
    std::unique_ptr<State> state = std::make_unique<State>();
    state->kind = kind_of(flags);
    if (code == SQLITE_OK && state->kind == Kind::database) {
        state->is_checksummed = has_checksums(opened->real());
    }
    opened->state = state.release();
    return code;
}

} // namespace

std::string checksum_vfs(const std::string& base) {
    static std::map<std::string, std::unique_ptr<Registered>> registered;
    std::unique_ptr<Registered>& entry = registered[base];
    if (entry)
        return entry->name;
    sqlite3_vfs* const under = sqlite3_vfs_find(base.empty() ? nullptr : base.c_str());
    KHEISH_ASSERT(under != nullptr);
    entry = std::make_unique<Registered>();
    entry->vfs = *under;
    entry->base = under;
    entry->name = base.empty() ? "kheish-checksum" : "kheish-checksum-" + base;
    entry->vfs.zName = entry->name.c_str();
    entry->vfs.pNext = nullptr;
    entry->vfs.szOsFile = static_cast<int>(sizeof(ChecksumFile)) + under->szOsFile;
    entry->vfs.xOpen = vfs_open;
    KHEISH_ASSERT(sqlite3_vfs_register(&entry->vfs, 0) == SQLITE_OK);
    return entry->name;
}

} // namespace kheish::journal
