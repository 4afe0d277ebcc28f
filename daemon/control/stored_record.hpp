#pragma once

#include "codec/json.hpp"
#include "journal/journal.hpp"

#include <string>

/// A stored event as it is given out of the journal, byte for byte the same wherever it is.
namespace kheish::control {

/// All of it but the body.
codec::Json event_members(const journal::StoredEvent& stored);

/// Canonical JSON of the whole event: a leaf of the audit log.
std::string audit_record(const journal::StoredEvent& stored);

} // namespace kheish::control
