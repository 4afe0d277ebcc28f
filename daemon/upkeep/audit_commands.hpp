#pragma once

#include "upkeep/audit_keys.hpp"
#include "upkeep/options.hpp"

namespace kheish::upkeep {

/// `audit VERB`, but for verify, as the owner of the state directory; `given` instead of the
/// signing keys there. The exit status.
Result<int> carry_out_audit(const Options& options, const GivenKeys& given);

/// `audit verify`: needs an export and a public key, and nothing of kheish.
Result<int> verify_audit(const Options& options);

} // namespace kheish::upkeep
