#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

/// Files that are, however the program or the machine ends, as they were before or as they are to
/// be. Errors: Errc::journal_unavailable with what the system says.
namespace kheish::upkeep {

/// `text` in the file at `path`, in place of what may be there; the file is its owner's alone.
/// One at a time: what is written first has the name `path`.partial.
Status write_durably(const std::string& path, std::string_view text);
/// The file has the name `to` instead, in place of what may be there, in the same directory.
Status rename_durably(const std::string& from, const std::string& to);
/// What has happened to names in the directory that `path` is in has happened for good.
Status sync_directory_of(const std::string& path);

} // namespace kheish::upkeep
