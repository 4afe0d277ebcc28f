#pragma once

#include "engine/decide.hpp"

#include <optional>
#include <string>

#include <gtest/gtest.h>

namespace kheish::engine {

/// Everything of a state as text: two states are the same if their texts are.
std::string describe(const RunState& state);
/// The event that carries out a journaled effect, `decision` for a judgement; nothing for a
/// standing one.
std::optional<EventBody>
intent(const RunState& state, const Effect& effect, Decision decision = Decision::allow);
/// The outside alone can move this run on: nothing of it is left to decide.
bool waits_for_the_outside(const RunState& state);
/// Fails the test where one of the promises of state.hpp and decide.hpp is broken.
void check_promises(const RunState& state);

/// What happens next to a run of the tests, at a time of their own.
Event event_of(const RunState& state, EventBody body);

} // namespace kheish::engine
