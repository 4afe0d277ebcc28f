#include "control/stuck.hpp"

#include <algorithm>

namespace kheish::control {

namespace {

using engine::WaitReason;

/// Until when the run rightly waits; not set where it has no deadline.
Deadline deadline_of(const engine::RunState& state) {
    if (state.model.phase == engine::ModelState::Phase::waiting)
        return state.model.retry.deadline;
    for (const engine::CallState& call : state.calls) {
        if (call.question && call.question->deadline.is_set())
            return call.question->deadline;
        if (call.phase == engine::CallPhase::gated && call.gate->deadline.is_set())
            return call.gate->deadline;
    }
    return {};
}

bool waits_for_a_person(const engine::RunState& state) {
    return state.status == engine::RunStatus::waiting_for_approval ||
           state.status == engine::RunStatus::waiting_for_user_question;
}

std::string sentence_of(const engine::RunState& state, bool had_deadline) {
    const WaitReason reason = engine::wait_reason(state);
    const std::string cancel = "cancel it with kheishctl runs cancel " + state.run.to_string();
    if (reason == WaitReason::none)
        return "it waits for nothing, which is a defect of kheishd: restart kheish, or " + cancel;
    if (had_deadline)
        return "its deadline has passed and it has not gone on: restart kheish, or " + cancel;
    if (reason == WaitReason::queue)
        return "it is next in its line and was not started: restart kheish, or " + cancel;
    return "nothing has come of what it waits for (" + std::string(to_string(reason)) +
           "): look at kheishctl runs explain " + state.run.to_string() + ", then " + cancel;
}

} // namespace

std::optional<std::string> stuck_reason(
    const engine::RunState& state,
    const Progress& progress,
    Instant now,
    const std::string& boot_id,
    std::chrono::microseconds after) {
    if (engine::is_terminal(state.status))
        return std::nullopt;
    const Deadline deadline = deadline_of(state);
    std::int64_t since = progress.since_boot_us;
    if (deadline.is_set())
        since = std::max(since, now.boot_us + deadline.left_us(now, boot_id));
    if (now.boot_us - since < after.count())
        return std::nullopt;
    if (progress.is_broken)
        return "its record cannot be read again: kheishd's messages say why (journalctl -u kheish)";
    if (progress.is_held_back || (waits_for_a_person(state) && !deadline.is_set()))
        return std::nullopt;
    return sentence_of(state, deadline.is_set());
}

} // namespace kheish::control
