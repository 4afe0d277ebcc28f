#pragma once

#include "session.hpp"

#include <string>

/// Waiting for a run, through restarts of kheishd.
namespace kheish::ctl {

/// Waits until the run is terminal and gives its view. Shows progress on standard error where that
/// is a terminal.
Result<codec::Json> wait_for_run(Session& session, const std::string& run);

/// Waits, shows the final view (or, with `answer_only`, what the run answered), and gives the exit
/// code of its outcome.
Result<int> wait_and_show(Session& session, const std::string& run, bool answer_only);

/// Follows a stream and shows it: live lines, or one JSON object a line. Ends when `run` (where it
/// is one run's stream) is over, or when nobody reads.
Result<int> show_stream(
    Session& session, Call follow, std::optional<std::string> cursor, const std::string& run);

} // namespace kheish::ctl
