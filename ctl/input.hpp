#pragma once

#include "codec/runner_message.hpp"
#include "command.hpp"
#include "session.hpp"

#include <string>

/// What commands that take a text share.
namespace kheish::ctl {

/// The file at `path`, "-" for standard input. Errc::bad_request where it can't be read,
/// Errc::payload_too_large beyond `limit_bytes`.
Result<std::string> read_input_file(const std::string& path, std::size_t limit_bytes);
/// Longest file of permission rules.
inline constexpr std::size_t kPermissionsLimitBytes = codec::runner::kPayloadBytes;
/// Longest scope of a session.
inline constexpr std::size_t kScopeLimitBytes = std::size_t{64} << 10;

/// The value of `option`, or what is in the file that `file_option` names; nothing where neither is
/// given, Errc::bad_request where both are.
Result<std::optional<std::string>> text_or_file(
    const Invocation& invocation,
    std::string_view option,
    std::string_view file_option,
    std::size_t limit_bytes);

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
