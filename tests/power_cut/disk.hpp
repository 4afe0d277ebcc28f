#pragma once

#include "fault_vfs.hpp"
#include "random.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kheish::power_cut {

/// One thing that was done to a file.
struct Operation {
    enum class Kind { write, truncate, sync, remove };
    Kind kind = Kind::write;
    std::string file;              ///< its name, without the directory
    std::int64_t offset_bytes = 0; ///< of a write; of a truncate the new size
    std::string data;              ///< of a write
};

/// Notes all of them, in order.
class Recorder final : public journal::DiskObserver {
  public:
    void
    on_write(const std::string& path, std::int64_t offset_bytes, std::string_view data) override;
    void on_truncate(const std::string& path, std::int64_t size_bytes) override;
    void on_sync(const std::string& path) override;
    void on_delete(const std::string& path) override;

    std::vector<Operation> operations;
};

/// What becomes of what was written and not synced.
enum class Cut {
    dropped,   ///< none of it
    kept,      ///< all of it
    torn,      ///< all of it, of the last write the first half
    reordered, ///< some writes, in any order
    scattered, ///< of every write some sectors
};
inline constexpr Cut kCuts[] = {Cut::dropped, Cut::kept, Cut::torn, Cut::reordered, Cut::scattered};
std::string_view to_string(Cut cut);

/// A disk with a cache: what is synced stays, the rest is up to the cut. The names of files are
/// there at once, as on a file system with a journal of its own.
class Disk {
  public:
    /// `syncs` off is the planted fault: a disk, or a program, that does not sync at all.
    explicit Disk(bool syncs) : syncs_(syncs) {}

    void apply(const Operation& operation);
    /// The files' contents after a power cut now.
    std::map<std::string, std::string> after(Cut cut, sim::Random& random) const;

  private:
    struct File {
        std::string synced;
        std::vector<Operation> unsynced;
    };

    bool syncs_;
    std::map<std::string, File> files_;
};

} // namespace kheish::power_cut
