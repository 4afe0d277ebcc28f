#pragma once

#include "base/fd.hpp"
#include "base/result.hpp"

#include <string>

namespace kheish::journal {

/// flock(2) on the file at `path`, which is made (mode 0600) where it is not there and stays
/// behind; its text is the process id of the holder. Held as long as the Fd, and gone with the
/// process. Errc::journal_unavailable, naming the holder, where another process has it.
Result<Fd> lock_process(const std::string& path);

} // namespace kheish::journal
