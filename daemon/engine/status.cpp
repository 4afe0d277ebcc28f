#include "engine/event_words.hpp"
#include "engine/state.hpp"

namespace kheish::engine {

namespace {

constexpr std::array<std::string_view, 8> kStatuses = {
    "queued",
    "running",
    "waiting_for_approval",
    "waiting_for_user_question",
    "completed",
    "failed",
    "interrupted",
    "cancelled"};

constexpr std::array<std::string_view, 15> kReasons = {
    "none",
    "queue",
    "model",
    "tools",
    "approval",
    "outcome_unknown",
    "budget",
    "question",
    "timer",
    "child",
    "network",
    "credential",
    "audit",
    "storage",
    "launch"};

constexpr std::array<std::string_view, 12> kPhases = {
    "proposed",
    "asked",
    "gated",
    "questioned",
    "allowed",
    "refused",
    "started",
    "unconfirmed",
    "lost",
    "outcome_unknown",
    "resolved",
    "finished"};

} // namespace

std::string_view to_string(RunStatus status) {
    return detail::word_of(kStatuses, status);
}

std::optional<RunStatus> parse_run_status(std::string_view text) {
    return detail::value_of<RunStatus>(kStatuses, text);
}

std::string_view to_string(WaitReason reason) {
    return detail::word_of(kReasons, reason);
}

std::optional<WaitReason> parse_wait_reason(std::string_view text) {
    return detail::value_of<WaitReason>(kReasons, text);
}

std::string_view to_string(CallPhase phase) {
    return detail::word_of(kPhases, phase);
}

bool is_terminal(RunStatus status) {
    switch (status) {
    case RunStatus::queued:
    case RunStatus::running:
    case RunStatus::waiting_for_approval:
    case RunStatus::waiting_for_user_question:
        return false;
    case RunStatus::completed:
    case RunStatus::failed:
    case RunStatus::interrupted:
    case RunStatus::cancelled:
        return true;
    }
    return true;
}

bool is_legal_transition(RunStatus from, RunStatus to) {
    if (from == to)
        return true;
    switch (from) {
    case RunStatus::queued:
        return to == RunStatus::running || to == RunStatus::failed || to == RunStatus::cancelled;
    case RunStatus::running:
        // Back to queued is for the repair of work that the daemon owns and can replay.
        return true;
    case RunStatus::waiting_for_approval:
        return to == RunStatus::running || to == RunStatus::failed ||
               to == RunStatus::interrupted || to == RunStatus::cancelled;
    case RunStatus::waiting_for_user_question:
        return to == RunStatus::running || is_terminal(to);
    case RunStatus::completed:
    case RunStatus::failed:
    case RunStatus::interrupted:
    case RunStatus::cancelled:
        return false;
    }
    return false;
}

} // namespace kheish::engine
