#include "journal/acknowledged_mark.hpp"

#include "base/assert.hpp"
#include "base/fd.hpp"
#include "journal/sqlite.hpp"

#include <cerrno>
#include <cstring>
#include <endian.h>
#include <fcntl.h>
#include <vector>

#include <xxhash.h>

namespace kheish::journal {

namespace {

/// The mark: magic, id of the journal, seq and checksum, numbers little-endian.
constexpr std::array<char, 8> kMagic{'k', 'h', 'e', 'i', 'a', 'c', 'k', '1'};
struct Record {
    std::array<char, 8> magic = kMagic;
    AcknowledgedMark::InstanceId journal{};
    std::uint64_t newest = 0;
    std::uint64_t checksum = 0; ///< XXH3-64 of what comes before
};
static_assert(sizeof(Record) == 40);

std::uint64_t checksum_of(const Record& record) {
    return htole64(XXH3_64bits(&record, offsetof(Record, checksum)));
}

} // namespace

struct AcknowledgedMark::File {
    std::string path; ///< SQLite keeps a pointer to it
    std::vector<std::max_align_t> memory;
    sqlite3_file* get() { return reinterpret_cast<sqlite3_file*>(memory.data()); }
};

void AcknowledgedMark::Close::operator()(File* file) const noexcept {
    const std::unique_ptr<File> owned(file);
    if (file->get()->pMethods != nullptr)
        (void)file->get()->pMethods->xClose(file->get()); // nothing of it needs to be durable
}

std::string AcknowledgedMark::path_of(const std::string& journal_path) {
    return journal_path + ".acknowledged";
}

Result<AcknowledgedMark>
AcknowledgedMark::open(const std::string& vfs, const std::string& journal_path) {
    sqlite3_vfs* const found = sqlite3_vfs_find(vfs.empty() ? nullptr : vfs.c_str());
    KHEISH_ASSERT(found != nullptr);
    std::unique_ptr<File, Close> file(new File{path_of(journal_path), {}});
    const auto bytes = static_cast<std::size_t>(found->szOsFile);
    file->memory.resize(bytes / sizeof(std::max_align_t) + 1);
    {
        // SQLite would make it readable for everybody.
        const Fd made(::open(file->path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!made)
            return fail_errno("opening " + file->path, errno, Errc::journal_unavailable);
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_SUPER_JOURNAL;
    const int code = found->xOpen(found, file->path.c_str(), file->get(), flags, &flags);
    if (code != SQLITE_OK)
        return fail(sqlite_error(nullptr, code, "opening " + file->path));
    return AcknowledgedMark(std::move(file));
}

Result<std::optional<AcknowledgedMark::Value>> AcknowledgedMark::read() {
    Record record;
    const int code = file_->get()->pMethods->xRead(file_->get(), &record, sizeof(record), 0);
    if (code == SQLITE_IOERR_SHORT_READ)
        return std::optional<Value>();
    if (code != SQLITE_OK)
        return fail(sqlite_error(nullptr, code, "reading " + file_->path));
    if (record.magic != kMagic || record.checksum != checksum_of(record))
        return std::optional<Value>();
    return std::optional<Value>(
        Value{record.journal, static_cast<EventSeq>(le64toh(record.newest))});
}

Status AcknowledgedMark::write(const Value& value) {
    Record record;
    record.journal = value.journal;
    record.newest = htole64(static_cast<std::uint64_t>(value.newest));
    record.checksum = checksum_of(record);
    const int code = file_->get()->pMethods->xWrite(file_->get(), &record, sizeof(record), 0);
    if (code != SQLITE_OK)
        return fail(sqlite_error(nullptr, code, "writing " + file_->path));
    return {};
}

} // namespace kheish::journal
