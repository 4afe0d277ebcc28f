#pragma once

#include "command.hpp"

#include <string>
#include <vector>

namespace kheish::ctl {

/// Becomes kheish-journal with `words`, on the host that was named, with --output and
/// --state-directory as given; comes back only with an error. `name` is what its help calls it.
Result<int> become_journal(
    Session& session,
    const Invocation& invocation,
    std::vector<std::string> words,
    std::string name = "kheishctl journal");

} // namespace kheish::ctl
