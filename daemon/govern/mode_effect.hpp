#pragma once

#include "govern/permission.hpp"

namespace kheish::govern {

/// What `judgement.mode` makes of what the rules say about `subject`: the table at judge().
/// Whatever it changes it names in mode_effect, and where it denies, why.
void apply_mode(const Subject& subject, Judgement& judgement);

} // namespace kheish::govern
