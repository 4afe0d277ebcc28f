#pragma once

#include "engine/state.hpp"
#include "govern/permission.hpp"
#include "journal/journal.hpp"
#include "models/model.hpp"
#include "scopes/run_host.hpp"

/// Words of one layer in the words of another. Nothing is decided here.
namespace kheish::control {

engine::PermissionMode to_engine(govern::Mode mode);
govern::Mode to_govern(engine::PermissionMode mode);
engine::Decision to_engine(govern::Behavior behavior);
engine::TokenUsage to_engine(const models::Usage& usage);
engine::ScopeUsage to_engine(const scopes::Accounting& accounting);
std::string_view to_string(EffectClass effect_class);

/// A committed event as the journal has it, and one to be committed.
Result<engine::Event> to_event(const journal::StoredEvent& stored);
journal::NewEvent to_new_event(const engine::Event& event);

} // namespace kheish::control
