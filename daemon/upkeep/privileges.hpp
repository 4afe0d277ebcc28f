#pragma once

#include "base/result.hpp"
#include "base/unique_function.hpp"

#include <string>

namespace kheish::upkeep {

/// Runs `work` as the owner of `directory`: here, where that is us already; where we are root, in a
/// child that has become the owner for good, so that root never follows what the owner has put
/// there. Gives the work's exit status. Errors: forbidden for anybody else, not_found where there
/// is no such directory.
Result<int> run_as_owner(const std::string& directory, UniqueFunction<int()> work);

} // namespace kheish::upkeep
