#include "journal/backup.hpp"

#include "journal/fd_vfs.hpp"
#include "journal/migrate.hpp"
#include "journal/page_checksum.hpp"
#include "journal/sqlite.hpp"

#include <array>
#include <cerrno>
#include <unistd.h>

namespace kheish::journal {

namespace {

constexpr int kPagesPerStep = 2048;

struct FinishBackup {
    void operator()(sqlite3_backup* backup) const noexcept { (void)sqlite3_backup_finish(backup); }
};
using BackupHandle = std::unique_ptr<sqlite3_backup, FinishBackup>;

Status copy_pages(Database& source, Database& target, BackupProgress& progress) {
    BackupHandle backup(sqlite3_backup_init(target.handle(), "main", source.handle(), "main"));
    if (!backup)
        return fail(
            sqlite_error(target.handle(), sqlite3_errcode(target.handle()), "beginning a backup"));
    int code = SQLITE_OK;
    while (code == SQLITE_OK) {
        code = sqlite3_backup_step(backup.get(), kPagesPerStep);
        const std::int64_t pages = sqlite3_backup_pagecount(backup.get());
        if (progress)
            progress(pages - sqlite3_backup_remaining(backup.get()), pages);
    }
    if (code != SQLITE_DONE)
        return fail(sqlite_error(nullptr, code, "copying the journal"));
    code = sqlite3_backup_finish(backup.release()); // the last word on what was written
    if (code != SQLITE_OK)
        return fail(sqlite_error(target.handle(), code, "ending a backup"));
    return {};
}

/// Reads the file back, page by page.
Status check_copy(int fd) {
    std::array<unsigned char, kPageBytes> page{};
    for (std::int64_t number = 1;; ++number) {
        std::size_t filled = 0;
        while (filled < page.size()) {
            const ssize_t count = ::pread(
                fd,
                page.data() + filled,
                page.size() - filled,
                (number - 1) * kPageBytes + static_cast<std::int64_t>(filled));
            if (count < 0 && errno == EINTR)
                continue;
            if (count < 0)
                return fail_errno("reading the backup", errno, Errc::journal_unavailable);
            if (count == 0)
                break;
            filled += static_cast<std::size_t>(count);
        }
        if (filled == 0 && number > 1)
            return {};
        if (filled != page.size() || !is_sealed_page(page.data(), number))
            return fail(
                Errc::journal_corrupt,
                "page " + std::to_string(number) + " of the backup is not what was written");
    }
}

} // namespace

Status back_up(const std::string& path, int fd, BackupProgress& progress) {
    KHEISH_TRY(Database source, Database::open(path, {.vfs = {}, .read_only = true}));
    KHEISH_CHECK(check_current(source, path));
    // A read that stays open: what others write from here on does not make the backup begin again.
    KHEISH_CHECK(source.execute("BEGIN", "beginning a backup"));
    KHEISH_CHECK(source.integer("SELECT count(*) FROM sqlite_schema"));
    {
        KHEISH_TRY(
            Database target, Database::open("backup", {.vfs = fd_vfs(fd), .read_only = false}));
        KHEISH_CHECK(target.execute(
            "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = FULL", "preparing a backup"));
        KHEISH_CHECK(copy_pages(source, target, progress));
    }
    return check_copy(fd);
}

} // namespace kheish::journal
