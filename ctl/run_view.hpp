#pragma once

#include "codec/json.hpp"

#include <string>

namespace kheish::ctl {

bool is_terminal_status(const std::string& status);
/// What `run --wait` and `runs wait` end with: 0 completed, 1 failed, 6 cancelled or interrupted.
int exit_code_of(const codec::Json& run);

/// A run for people: state, answer, accounting.
std::string run_text(const codec::Json& run);
/// What it waits for, since when, and who or what ends that.
std::string explanation_text(const codec::Json& run);
/// Only what it answered.
std::string answer_text(const codec::Json& run);
/// CPU time, tasks, memory, wall time, tokens, on one line; what is not known is left out.
std::string accounting_text(const codec::Json& run);
/// A pending approval, with the commands that resolve it.
/// What a run asks, with its options, and how it is answered.
std::string question_text(const codec::Json& request);
std::string approval_text(const codec::Json& approval);

} // namespace kheish::ctl
