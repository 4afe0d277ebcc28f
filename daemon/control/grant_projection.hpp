#pragma once

#include "base/result.hpp"
#include "engine/event.hpp"
#include "govern/grant.hpp"
#include "journal/rows.hpp"

#include <optional>
#include <string>

namespace kheish::control {

/// The grant that the event is about; nothing for other events.
std::optional<std::string> grant_id_of(const engine::Event& event);

/// A grant's row after the event, from the one before it, if there was one. Errc::journal_corrupt
/// for an event that cannot follow: a second creation, or anything after the revocation.
Result<journal::GrantRow>
follow_grant(std::optional<journal::GrantRow> known, const engine::Event& event);

/// What judging needs of it. Errc::journal_corrupt where the row makes no grant.
Result<govern::Grant> grant_of(const journal::GrantRow& row);

} // namespace kheish::control
