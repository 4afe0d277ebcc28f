#pragma once

#include "base/result.hpp"
#include "engine/event.hpp"
#include "journal/rows.hpp"

#include <optional>

namespace kheish::control {

/// The name of the token that the event is about; nothing for other events.
std::optional<std::string> token_of(const engine::Event& event);

/// A token's row after the event, from the one before it, if there was one. Errc::journal_corrupt
/// for an event that cannot follow: a second creation, or anything after the revocation.
Result<journal::TokenRow>
follow_token(std::optional<journal::TokenRow> known, const engine::Event& event);

} // namespace kheish::control
