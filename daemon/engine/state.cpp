#include "engine/state.hpp"

#include "engine/verdict.hpp"

#include <algorithm>

namespace kheish::engine {

namespace {

constexpr std::string_view kOutcomePrefix = "outcome-";

/// -1 is "the kernel does not say".
std::int64_t sum_known(std::int64_t left, std::int64_t right) {
    if (left < 0 || right < 0)
        return std::max(left, right);
    return left + right;
}

WaitReason reason_by_calls(const RunState& state) {
    if (detail::has_calls_in_flight(state)) {
        const ScopeState::Phase phase = state.scope.phase;
        const bool reconnects = phase == ScopeState::Phase::unconfirmed;
        return reconnects ? WaitReason::launch : WaitReason::tools;
    }
    const bool has_runner = state.scope.phase == ScopeState::Phase::live;
    if (!has_runner && detail::needs_runner(state) && detail::startable_calls(state).empty())
        return WaitReason::launch;
    return WaitReason::tools;
}

WaitReason reason_by_failure(const std::string& kind) {
    if (kind == "network")
        return WaitReason::network;
    if (kind == "authentication")
        return WaitReason::credential;
    return kind == "unrecorded" ? WaitReason::audit : WaitReason::timer;
}

WaitReason reason_of_running(const RunState& state) {
    if (!detail::is_batch_closed(state))
        return reason_by_calls(state);
    const ModelState& model = state.model;
    switch (model.phase) {
    case ModelState::Phase::idle:
    case ModelState::Phase::in_flight:
        return WaitReason::model;
    case ModelState::Phase::failed:
    case ModelState::Phase::waiting:
        return reason_by_failure(model.last_failure.error_kind);
    }
    return WaitReason::model;
}

} // namespace

ScopeUsage ScopeState::usage() const {
    const ScopeUsage& before = usage_before;
    const ScopeUsage& current = usage_current;
    return {
        before.cpu_usage_us + current.cpu_usage_us,
        std::max(before.memory_peak_bytes, current.memory_peak_bytes),
        std::max(before.tasks_peak, current.tasks_peak),
        sum_known(before.io_read_bytes, current.io_read_bytes),
        sum_known(before.io_write_bytes, current.io_write_bytes)};
}

const CallState* RunState::find_call(const CallId& call) const {
    const auto found = std::find_if(calls.begin(), calls.end(), [&call](const CallState& state) {
        return state.proposal.call == call;
    });
    return found == calls.end() ? nullptr : &*found;
}

const CallState* RunState::find_gate(const ApprovalId& approval) const {
    const auto found =
        std::find_if(calls.begin(), calls.end(), [&approval](const CallState& state) {
            return state.gate && state.gate->approval == approval;
        });
    return found == calls.end() ? nullptr : &*found;
}

const CallState* RunState::find_question(const QuestionId& question) const {
    const auto found =
        std::find_if(calls.begin(), calls.end(), [&question](const CallState& state) {
            return state.question && state.question->id == question;
        });
    return found == calls.end() ? nullptr : &*found;
}

std::vector<const CallState*> RunState::pending_gates() const {
    std::vector<const CallState*> pending;
    for (const CallState& call : calls)
        if (call.phase == CallPhase::gated)
            pending.push_back(&call);
    return pending;
}

std::vector<const CallState*> RunState::pending_outcomes() const {
    std::vector<const CallState*> pending;
    for (const CallState& call : calls)
        if (call.phase == CallPhase::outcome_unknown)
            pending.push_back(&call);
    return pending;
}

WaitReason wait_reason(const RunState& state) {
    switch (state.status) {
    case RunStatus::queued:
        return WaitReason::queue;
    case RunStatus::running:
        return reason_of_running(state);
    case RunStatus::waiting_for_approval:
        return state.pending_outcomes().empty() || !state.pending_gates().empty()
                   ? WaitReason::approval
                   : WaitReason::outcome_unknown;
    case RunStatus::waiting_for_user_question:
        return WaitReason::question;
    case RunStatus::completed:
    case RunStatus::failed:
    case RunStatus::interrupted:
    case RunStatus::cancelled:
        return WaitReason::none;
    }
    return WaitReason::none;
}

bool is_settled(const RunState& state) {
    return is_terminal(state.status) && state.scope.phase == ScopeState::Phase::none;
}

CallId call_id(int turn, std::size_t index) {
    return {"call-" + std::to_string(turn) + "-" + std::to_string(index)};
}

ApprovalId next_approval_id(const RunState& state) {
    return {"approval-" + std::to_string(state.run.number) + "-" + std::to_string(state.gates + 1)};
}

ApprovalId outcome_gate_id(RunId run, const CallId& call, int execution) {
    return {
        std::string(kOutcomePrefix) + std::to_string(run.number) + "-" + call.value + "-" +
        std::to_string(execution)};
}

bool is_outcome_gate(const ApprovalId& approval) {
    return approval.value.starts_with(kOutcomePrefix);
}

std::optional<ApprovalId> waiting_gate(RunId run, const CallState& call) {
    if (call.phase == CallPhase::outcome_unknown)
        return outcome_gate_id(run, call.proposal.call, call.executions);
    if (call.phase == CallPhase::gated && call.gate)
        return call.gate->approval;
    return std::nullopt;
}

QuestionId next_question_id(const RunState& state) {
    return {
        "question-" + std::to_string(state.run.number) + "-" + std::to_string(state.questions + 1)};
}

std::string idempotency_key(const RunState& state, const CallId& call) {
    return state.run.to_string() + "/" + call.value;
}

} // namespace kheish::engine
