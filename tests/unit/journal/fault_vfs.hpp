#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace kheish::journal {

/// Told of everything that reaches a file, in order, before it does.
class DiskObserver {
  public:
    DiskObserver() = default;
    DiskObserver(const DiskObserver&) = delete;
    DiskObserver& operator=(const DiskObserver&) = delete;
    virtual ~DiskObserver() = default;

    virtual void
    on_write(const std::string& path, std::int64_t offset_bytes, std::string_view data) = 0;
    virtual void on_truncate(const std::string& path, std::int64_t size_bytes) = 0;
    virtual void on_sync(const std::string& path) = 0;
    virtual void on_delete(const std::string& path) = 0;
};

/// A SQLite VFS over the system's own that counts syncs, fails on demand, and knows what a power
/// cut would leave.
class FaultVfs {
  public:
    static constexpr const char* kName = "kheish-fault";

    /// The one instance; registers it at the first call.
    static FaultVfs& instance();
    /// No faults, nothing counted, nothing remembered.
    void reset();

    int syncs = 0;          ///< xSync calls since reset()
    int write_error = 0;    ///< SQLite result of xWrite after `writes_left` more; 0 is success
    bool remembers = true;  ///< keeps what was synced, for durable_files()
    bool read_only = false; ///< files open as on a read-only file system
    int sync_error = 0;     ///< the same for xSync
    int writes_left = 0;
    DiskObserver* observer = nullptr; ///< outlives the files that are open

    /// What is on the disk of each file whose path begins with `prefix`: its content at its last
    /// sync. A file that was never synced is not there.
    std::map<std::string, std::string> durable_files(const std::string& prefix) const;
    void remember(const std::string& path, std::string content) {
        durable_[path] = std::move(content);
    }
    void forget(const std::string& path) { durable_.erase(path); }
    /// The result that the next write is to have.
    int next_write_result();

  private:
    FaultVfs();

    std::map<std::string, std::string> durable_;
};

} // namespace kheish::journal
