#pragma once

#include "base/clock.hpp"
#include "base/result.hpp"
#include "journal/journal.hpp"

#include <string>

namespace kheish::upkeep {

/// Writes the events of the journal at `path` after `after` to `fd`, a line of JSON each, whose
/// `body` is the event's own bytes. With `content`, what an event refers to goes before it, once,
/// as a line of its own in base64; what was pruned is left out. Errors: as in opening a journal to
/// read, and those of writing.
Status
export_events(const std::string& path, int fd, EventSeq after, bool content, const Clock& clock);

} // namespace kheish::upkeep
