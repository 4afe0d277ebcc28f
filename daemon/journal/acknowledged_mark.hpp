#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace kheish::journal {

/// A small file beside the journal that says up to which event it has been acknowledged. SQLite
/// ends the recovery of its log at the first frame that is damaged and says nothing of those behind
/// it; an older copy in the journal's place says nothing either. The mark does.
///
/// It is written after each commit and never synced: after a power cut it may be an older one, and
/// is never ahead of what was durable. One that is torn or damaged counts as none.
class AcknowledgedMark {
  public:
    using InstanceId = std::array<std::byte, 16>;
    struct Value {
        InstanceId journal{};
        EventSeq newest = 0;
    };

    /// Opens the mark of the journal at `journal_path`, and makes it (mode 0600) where there is
    /// none, in the SQLite VFS `vfs` (empty: SQLite's own).
    static Result<AcknowledgedMark> open(const std::string& vfs, const std::string& journal_path);
    static std::string path_of(const std::string& journal_path);

    Result<std::optional<Value>> read();
    Status write(const Value& value);

  private:
    struct File;
    struct Close {
        void operator()(File* file) const noexcept;
    };
    explicit AcknowledgedMark(std::unique_ptr<File, Close> file) : file_(std::move(file)) {}

    std::unique_ptr<File, Close> file_;
};

} // namespace kheish::journal
