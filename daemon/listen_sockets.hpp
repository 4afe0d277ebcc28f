#pragma once

#include "base/fd.hpp"

#include <map>
#include <string>

namespace kheish {

/// Listening sockets by the name that their socket unit gives them (FileDescriptorName=).
using ListenSockets = std::multimap<std::string, Fd>;

/// Takes what the service manager has passed (sd_listen_fds_with_names(3)); empty where nothing
/// was.
Result<ListenSockets> take_listen_sockets();
/// Binds a stream socket at `path`, mode 0666, for a daemon that nobody has passed one. A socket
/// that a dead process has left there is replaced; one that answers is Errc::conflict.
Result<Fd> bind_listen_socket(const std::string& path);

} // namespace kheish
