#pragma once

#include "outbound/external_action.hpp"

#include <map>

namespace kheish {

/// Writes every external action to the log, beginning and end. What a model call asked and answered
/// is in the run's events, committed before the request leaves.
class ExternalActionLog final : public outbound::ExternalActions {
  public:
    void
    begin(outbound::ExternalAction action, Responder<outbound::ExternalActionId> ready) override;
    void end(outbound::ExternalActionId id, outbound::ExternalOutcome outcome) override;

  private:
    outbound::ExternalActionId last_id_ = 0;
    std::map<outbound::ExternalActionId, outbound::ExternalAction> begun_;
};

} // namespace kheish
