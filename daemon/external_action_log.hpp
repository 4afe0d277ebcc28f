#pragma once

#include "journal/journal.hpp"
#include "outbound/external_action.hpp"

#include <map>

namespace kheish {

/// Writes every external action to the log, beginning and end. What a model call asked and answered
/// is in the run's events, committed before the request leaves; where the journal takes no writes
/// any more, its answer could not be put on record, and the action is refused.
class ExternalActionLog final : public outbound::ExternalActions {
  public:
    /// Which journal; it outlives the actions.
    void set_journal(const journal::Journal& journal) { journal_ = &journal; }
    void
    begin(outbound::ExternalAction action, Responder<outbound::ExternalActionId> ready) override;
    void end(outbound::ExternalActionId id, outbound::ExternalOutcome outcome) override;

  private:
    const journal::Journal* journal_ = nullptr;
    outbound::ExternalActionId last_id_ = 0;
    std::map<outbound::ExternalActionId, outbound::ExternalAction> begun_;
};

} // namespace kheish
