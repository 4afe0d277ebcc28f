#pragma once

#include "base/fd.hpp"
#include "upkeep/options.hpp"

namespace kheish::upkeep {

/// Longest file of a signing key.
inline constexpr std::size_t kSigningKeyLimitBytes = 4096;

/// `audit list|show|key|checkpoint|export|prove`, as the owner of the state directory. The signing
/// key is `key_text`, or, where that is empty, that of the state directory, made where there is
/// none. The exit status.
Result<int> carry_out_audit(const Options& options, const std::string& key_text);

/// `audit verify`: needs an export and a public key, and nothing of kheish.
Result<int> verify_audit(const Options& options);

} // namespace kheish::upkeep
