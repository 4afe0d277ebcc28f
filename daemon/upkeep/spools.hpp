#pragma once

#include "base/ids.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kheish::upkeep {

struct SpoolsRemoved {
    std::int64_t files = 0;
    std::int64_t bytes = 0;
};

/// Removes what the calls of `runs` have left below `directory` (scopes/spool.hpp).
Result<SpoolsRemoved> remove_spools(const std::string& directory, const std::vector<RunId>& runs);

} // namespace kheish::upkeep
