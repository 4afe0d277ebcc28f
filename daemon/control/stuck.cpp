#include "control/stuck.hpp"

#include <algorithm>

namespace kheish::control {

namespace {

using engine::WaitReason;

/// On the boot clock of this boot.
std::int64_t
deadline_boot_us(std::int64_t wall_us, std::int64_t boot_us, bool is_same_boot, Instant now) {
    return is_same_boot ? boot_us : now.boot_us + (wall_us - now.wall_us);
}

/// Until when the run rightly waits; nothing where it has no deadline.
std::optional<std::int64_t>
deadline_of(const engine::RunState& state, Instant now, const std::string& boot_id) {
    if (state.model.phase == engine::ModelState::Phase::waiting) {
        const engine::ModelRetryScheduled& retry = state.model.retry;
        return deadline_boot_us(
            retry.deadline_wall_us, retry.deadline_boot_us, retry.boot_id == boot_id, now);
    }
    for (const engine::CallState& call : state.calls)
        if (call.question && !call.question->boot_id.empty())
            return deadline_boot_us(
                call.question->deadline_wall_us,
                call.question->deadline_boot_us,
                call.question->boot_id == boot_id,
                now);
    return std::nullopt;
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
    const std::optional<std::int64_t> deadline = deadline_of(state, now, boot_id);
    const std::int64_t since = std::max(progress.since_boot_us, deadline.value_or(0));
    if (now.boot_us - since < after.count())
        return std::nullopt;
    if (progress.is_broken)
        return "its record cannot be read again: kheishd's messages say why (journalctl -u kheish)";
    if (progress.is_held_back || (waits_for_a_person(state) && !deadline))
        return std::nullopt;
    return sentence_of(state, deadline.has_value());
}

} // namespace kheish::control
