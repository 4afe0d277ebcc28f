#pragma once

#include "base/timers.hpp"
#include "models/scenario.hpp"

#include <memory>

namespace kheish::models {

/// What a scenario answers to one request: the error or response, and how it is streamed.
struct ScriptedAnswer {
    std::chrono::milliseconds delay{0};
    std::vector<std::string> chunks; ///< of the text, in order
    std::chrono::milliseconds chunk_delay{0};
    tl::expected<Response, CallError> result;
};

/// The answer to `request`: of the first play that matches the run's input (the last user message
/// with text), at the turn and attempt that `idempotency_key` ends in. What the scenario does not
/// foresee (no play, no such turn, a result that is not there) is CallError::Kind::invalid_request.
/// A tool call's id is "turn-<n>-<name>". Pure: the same arguments give the same answer.
ScriptedAnswer
scripted_answer(const Scenario& scenario, const Request& request, std::string_view idempotency_key);

/// The `scripted` driver: plays a scenario with its delays, without key or network.
class ScriptedModel final : public Model {
  public:
    /// `timers` outlives the calls.
    ScriptedModel(Scenario scenario, Timers& timers)
        : scenario_(std::move(scenario)), timers_(timers) {}

    [[nodiscard]] std::unique_ptr<Call>
    call(Request request, std::string idempotency_key, CallHandlers handlers) override;

  private:
    Scenario scenario_;
    Timers& timers_;
};

} // namespace kheish::models
