#pragma once

#include <map>
#include <string>

namespace kheish::journal {

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
