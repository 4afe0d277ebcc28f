#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kheish::upkeep {

/// What was looked at, and what is wrong with it.
struct Verdict {
    std::int64_t events = 0;
    std::int64_t blobs = 0;
    std::int64_t pruned_blobs = 0;
    std::int64_t sessions = 0;
    std::int64_t runs = 0;
    std::int64_t findings = 0;
    std::vector<std::string> details; ///< the first kDetailsLimit of them

    static constexpr std::size_t kDetailsLimit = 100;
};

/// Holds the journal at `path` against itself, beside the daemon that may have it: pages against
/// checksums, tables against indexes, content against digests, events against each other, and every
/// row against what its events make. An Error says why that could not be done at all.
Result<Verdict> verify(const std::string& path, const Clock& clock);

} // namespace kheish::upkeep
