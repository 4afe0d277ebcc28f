#pragma once

#include "base/clock.hpp"
#include "base/entropy.hpp"
#include "base/result.hpp"

#include <cstdint>
#include <string>

namespace kheish::upkeep {

struct Rebuilt {
    std::int64_t events = 0;
    std::int64_t sessions = 0;
    std::int64_t runs = 0;
    std::int64_t lost_secrets = 0; ///< that could not be read, and have to be given again
    std::string kept_as;           ///< where the journal lies that was there before
};

/// Makes a new journal from the record of the one at `path`: its events and content, and rows as
/// the events make them. The new one is verified, takes the place of the old one in one step, and
/// the old one is kept. At any moment before that step, and on any error, the old one is in place.
/// Errors: journal_unavailable where the daemon has the journal; journal_corrupt where the record
/// itself is damaged (then a backup is needed).
Result<Rebuilt> rebuild(const std::string& path, const Clock& clock, Entropy& entropy);

} // namespace kheish::upkeep
