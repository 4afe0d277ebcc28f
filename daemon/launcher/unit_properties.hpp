#pragma once

#include "base/handle.hpp"
#include "launcher/unit_manager.hpp"

#include <cstdlib>

namespace kheish::launcher {

using CString = Handle<char, std::free>;

/// The bodies of the manager's calls. A message that is null is Errc::internal.
Status append_slice(sd_bus_message* message, const SliceSpec& spec);
Status append_slice_change(sd_bus_message* message, const SliceSpec& spec);
Status append_scope(sd_bus_message* message, const ScopeSpec& spec, int manager_version);

/// The manager takes pidfds for scopes from this version on, and scopes have OOMPolicy= from the
/// other one on.
inline constexpr int kPidfdVersion = 255;
inline constexpr int kScopeOomPolicyVersion = 253;

} // namespace kheish::launcher
