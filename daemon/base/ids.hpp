#pragma once

#include "base/result.hpp"

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace kheish {

/// Position of an event in the journal: 1, 2, 3, ... without reuse. 0 is "before the first".
using EventSeq = std::int64_t;

/// A run, "run-<n>" in text. The number is the journal's and is never used again; 0 is no run.
struct RunId {
    std::int64_t number = 0;

    std::string to_string() const { return "run-" + std::to_string(number); }
    static std::optional<RunId> parse(std::string_view text);
    explicit operator bool() const { return number > 0; }
    // clang-tidy 14 takes the 0 that a rewritten "<" compares with for a pointer.
    // NOLINTNEXTLINE(modernize-use-nullptr)
    friend auto operator<=>(const RunId&, const RunId&) = default;
};

/// A name that cannot be confused with a name of another kind.
template <class Tag>
struct Name {
    std::string value;

    const std::string& to_string() const { return value; }
    bool empty() const { return value.empty(); }
    // NOLINTNEXTLINE(modernize-use-nullptr): as above
    friend auto operator<=>(const Name&, const Name&) = default;
};

using SessionId = Name<struct SessionTag>;
using AgentId = Name<struct AgentTag>; ///< "agent-<session>" for a session's primary agent
using CallId = Name<struct CallTag>; ///< a tool call, unique within its run: "call-<turn>-<index>"
using ApprovalId =
    Name<struct ApprovalTag>; ///< a gate, unique in the journal: "approval-<run>-<n>"

using QuestionId = Name<struct QuestionTag>; ///< what a person is asked, unique in the journal:
                                             ///< "question-<run>-<n>"

inline constexpr std::size_t kSessionIdLimitBytes = 128;

/// A session id as a caller gives it: 1 to 128 characters of [A-Za-z0-9._:@-], not "." or "..".
/// Anything else is Errc::invalid_session_id with the reason.
Result<SessionId> parse_session_id(std::string_view text);

/// The primary agent of a session.
AgentId primary_agent(const SessionId& session);

/// Names of one run's units. A dash in a slice name makes a parent (systemd.slice(5)), so each
/// run's slice sits below kheish-runs.slice.
std::string run_slice_name(RunId run);
std::string run_scope_name(RunId run, int attempt);

} // namespace kheish

template <>
struct std::hash<kheish::RunId> {
    std::size_t operator()(const kheish::RunId& id) const noexcept {
        return std::hash<std::int64_t>{}(id.number);
    }
};

template <class Tag>
struct std::hash<kheish::Name<Tag>> {
    std::size_t operator()(const kheish::Name<Tag>& name) const noexcept {
        return std::hash<std::string>{}(name.value);
    }
};
