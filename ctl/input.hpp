#pragma once

#include "command.hpp"
#include "session.hpp"

#include <string>

/// What `sessions input` and `run` share.
namespace kheish::ctl {

/// A run that was submitted.
struct Submitted {
    std::string run;
};

/// --content-file, --stdin, --idempotency-key, --metadata-json, --provider, --model, --wait.
std::vector<Option> input_options();

/// Submits what was given (the positional `positional`, a file, or standard input) to a session.
Result<Submitted> submit_input(
    Session& session,
    const Invocation& invocation,
    const std::string& session_id,
    std::string_view positional);

/// Makes a session, with the caller's directory as workspace where none is given; its id.
Result<std::string> create_session(
    Session& session, const Invocation& invocation, const std::optional<std::string>& session_id);

} // namespace kheish::ctl
