#pragma once

#include "base/result.hpp"
#include "codec/json.hpp"
#include "journal/journal.hpp"

namespace kheish::control {

/// What was done outside of kheishd for a run: an array of ExternalActionAuditRecord of the wire
/// contract, in the order in which it was journaled. Request and response of one action have the
/// same action_id; one that was given up, or that kheishd died over, has no response and may have
/// happened. `record_hash` is that of the event's leaf in the audit log (kheishctl audit), whose
/// checkpoints are what is signed.
Result<codec::Json> external_actions_view(const journal::Journal& journal, RunId run);

} // namespace kheish::control
