#pragma once

#include "base/result.hpp"
#include "upkeep/options.hpp"

namespace kheish::upkeep {

/// Does what `options` says and prints what came of it; progress goes to standard error. The exit
/// status: 0 for success, 1 where damage was found. `backup_fd` is the file of a backup.
Result<int> carry_out(const Options& options, int backup_fd);

} // namespace kheish::upkeep
