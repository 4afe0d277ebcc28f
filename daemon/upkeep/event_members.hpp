#pragma once

#include "codec/json.hpp"
#include "journal/journal.hpp"

namespace kheish::upkeep {

/// An event for people and programs outside: everything but its body and what that refers to.
codec::Json event_members(const journal::StoredEvent& stored);

} // namespace kheish::upkeep
