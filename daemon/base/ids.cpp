#include "base/ids.hpp"

#include "base/text.hpp"

#include <algorithm>

namespace kheish {

std::optional<RunId> RunId::parse(std::string_view text) {
    constexpr std::string_view kPrefix = "run-";
    if (!text.starts_with(kPrefix) || text.size() == kPrefix.size())
        return std::nullopt;
    text.remove_prefix(kPrefix.size());
    const std::optional<std::int64_t> number = parse_number<std::int64_t>(text);
    // One spelling per id: "run-017" and "run--1" name nothing.
    if (!number || *number <= 0 || text.front() == '0')
        return std::nullopt;
    return RunId{*number};
}

Result<SessionId> parse_session_id(std::string_view text) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == ':' || c == '@' || c == '-';
    };
    if (text.empty())
        return fail(Errc::invalid_session_id, "a session id must not be empty");
    if (text == "." || text == "..")
        return fail(
            Errc::invalid_session_id,
            "a session id must not be \"" + std::string(text) +
                "\": URL clients remove dot segments");
    if (text.size() > kSessionIdLimitBytes)
        return fail(
            Errc::invalid_session_id,
            "a session id has at most " + std::to_string(kSessionIdLimitBytes) + " characters");
    if (!std::all_of(text.begin(), text.end(), allowed))
        return fail(
            Errc::invalid_session_id, "a session id may hold letters, digits and . _ : @ - only");
    return SessionId{std::string(text)};
}

AgentId primary_agent(const SessionId& session) {
    return AgentId{"agent-" + session.value};
}

std::string run_slice_name(RunId run) {
    return "kheish-runs-" + std::to_string(run.number) + ".slice";
}

std::string run_scope_name(RunId run, int attempt) {
    return "kheish-run-" + std::to_string(run.number) + "-" + std::to_string(attempt) + ".scope";
}

} // namespace kheish
