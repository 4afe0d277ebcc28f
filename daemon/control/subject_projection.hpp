#pragma once

#include "base/result.hpp"
#include "engine/event.hpp"
#include "journal/rows.hpp"

#include <optional>
#include <string>

namespace kheish::control {

/// The subject that the event is about; nothing for other events.
std::optional<std::string> subject_of(const engine::Event& event);

/// A subject's row after the event, from the one before it, if there was one. Errc::journal_corrupt
/// for an event that cannot follow: a second revocation, or the end of none.
Result<journal::SubjectRow>
follow_subject(std::optional<journal::SubjectRow> known, const engine::Event& event);

} // namespace kheish::control
