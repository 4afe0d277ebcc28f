#pragma once

#include "base/fd.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <string>

namespace kheish::scopes {

/// Full outputs of tool calls: one file `<directory>/run-<n>/<call>` each, mode 0600. kheishd makes
/// the file and hands its write end to the runner, so the output survives both, and what may be
/// pruned is told by the directory alone.
class SpoolStore {
  public:
    /// `directory` exists and is the daemon's.
    explicit SpoolStore(std::string directory) : directory_(std::move(directory)) {}

    /// The write end of an empty file for this call; what an earlier execution left is cut off.
    /// Errc::invalid_argument for a call id that is no file name.
    Result<Fd> create(RunId run, const CallId& call) const;
    /// From `offset_bytes`, at most `limit_bytes` and kReadBytes; empty at the end.
    /// Errc::not_found where there is none.
    Result<std::string>
    read(RunId run, const CallId& call, std::int64_t offset_bytes, std::int64_t limit_bytes) const;
    /// Errc::not_found where there is none.
    Result<std::int64_t> size_bytes(RunId run, const CallId& call) const;
    /// A missing one is fine.
    Status remove(RunId run, const CallId& call) const;

    static constexpr std::int64_t kReadBytes = std::int64_t{1} << 20;

  private:
    Result<std::string> path(RunId run, const CallId& call) const;

    std::string directory_;
};

} // namespace kheish::scopes
