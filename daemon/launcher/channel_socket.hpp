#pragma once

#include "base/fd.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

#include <string>

#include <sys/types.h>

namespace kheish::launcher {

/// The listening SOCK_SEQPACKET socket of one run in `directory`, mode 0660, root and the daemon's
/// group. A runner cannot tell who connects to it, so this mode is the protection.
struct ChannelSocket {
    Fd listener;
    std::string path;
    ino_t inode = 0;

    /// Replaces what an earlier attempt of the run left at the path.
    static Result<ChannelSocket> bind(const std::string& directory, RunId run, gid_t group);
    /// Removes the path if it still is this socket's.
    void remove() const;
};

std::string channel_path(const std::string& directory, RunId run);
/// Removes the run's path, whoever bound it. A missing one is fine.
Status remove_channel(const std::string& directory, RunId run);

} // namespace kheish::launcher
