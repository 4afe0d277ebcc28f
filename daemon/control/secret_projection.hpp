#pragma once

#include "base/result.hpp"
#include "engine/event.hpp"
#include "journal/rows.hpp"

#include <optional>
#include <string>

namespace kheish::control {

/// The name of the secret that the event is about; nothing for other events.
std::optional<std::string> secret_of(const engine::Event& event);

/// A secret's row after the event, from the one before it, if there was one; what is sealed is left
/// as it was, for an event knows nothing of it, and empty where there is nothing any more.
/// Errc::journal_corrupt for an event that cannot follow.
Result<journal::SecretRow>
follow_secret(std::optional<journal::SecretRow> known, const engine::Event& event);

} // namespace kheish::control
