#pragma once

#include "base/result.hpp"

#include <string>
#include <vector>

namespace kheish::ctl {

/// Runs this very command line on `host`, without its -H, in place of this process: a descriptor
/// cannot travel over ssh. Comes back only where that fails.
Status run_remotely(const std::string& host, const std::vector<std::string>& words);

/// The command for ssh to run: each word quoted for a POSIX shell, -H and its host left out.
std::string remote_command(const std::vector<std::string>& words);

} // namespace kheish::ctl
