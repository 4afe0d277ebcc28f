#pragma once

#include "base/ids.hpp"
#include "codec/digest.hpp"

#include <string>

namespace kheish::govern {

/// What a gate releases: exactly this, once, and nothing else.
struct Action {
    RunId run;
    CallId call;
    std::string tool;
    std::string input; ///< canonical JSON
    std::string working_directory;
    std::string sandbox_profile;
};

/// SHA-256 over the canonical JSON of all fields: any other action has another digest.
codec::Digest action_digest(const Action& action);

/// The same without run and call: the same action asked for again has the same one. It is never an
/// action_digest().
codec::Digest recurring_digest(const Action& action);

} // namespace kheish::govern
