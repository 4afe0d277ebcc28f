#include "engine/verdict.hpp"

#include <algorithm>
#include <utility>

namespace kheish::engine::detail {

namespace {

constexpr std::string_view kNotExecuted = "Not executed: the run is ending.";
constexpr std::string_view kNobodyKnows =
    "The outcome is unknown: the call may have been executed, in full or in part, or not at all. "
    "It has not been repeated. Look at its effects before going on.";

Verdict failed(std::string_view code, std::string reason) {
    return {RunStatus::failed, std::string(code), std::move(reason), false};
}

Verdict cancellation(const RunState& state) {
    const bool interrupted = state.cancel_is_interrupt && state.status != RunStatus::queued;
    return {
        interrupted ? RunStatus::interrupted : RunStatus::cancelled,
        {},
        state.cancel_reason,
        false};
}

std::optional<Verdict> model_verdict(const RunState& state) {
    const ModelState& model = state.model;
    if (model.phase != ModelState::Phase::failed)
        return std::nullopt;
    const ModelFailed& failure = model.last_failure;
    if (trimmed_first_turn(state))
        return std::nullopt;
    if (!failure.retryable)
        return failed("model_" + failure.error_kind, failure.error);
    if (model.failures >= kMaxModelFailures)
        return failed(
            "model_" + failure.error_kind,
            "gave up after " + std::to_string(model.failures) + " failures: " + failure.error);
    return std::nullopt;
}

std::optional<Verdict> scope_verdict(const ScopeState& scope) {
    if (scope.refused)
        return failed("launch_refused", scope.launch_error);
    if (scope.lost_in_a_row >= kMaxLostAttempts)
        return failed(
            "runner_lost",
            "the runner was lost " + std::to_string(scope.lost_in_a_row) +
                " times in a row without finishing a call");
    return std::nullopt;
}

std::optional<Verdict> project_verdict(const RunState& state) {
    if (!state.project || state.project->error.empty())
        return std::nullopt;
    return failed("project_permissions_invalid", state.project->error);
}

std::optional<Verdict> answer_verdict(const RunState& state) {
    const ModelState& model = state.model;
    if (!model.answered || model.phase != ModelState::Phase::idle)
        return std::nullopt;
    const bool has_output = model.answer_has_text;
    if (model.stop_reason == "refusal")
        return Verdict{
            RunStatus::failed, "model_refused", "the model refused to go on", has_output};
    if (state.calls.empty() && model.stop_reason == "max_tokens")
        return Verdict{
            RunStatus::failed,
            "output_limit",
            "the answer was cut at max_output_tokens (" +
                std::to_string(state.request.max_output_tokens) + ")",
            has_output};
    if (state.calls.empty())
        return Verdict{RunStatus::completed, {}, {}, has_output};
    const std::int64_t limit = state.request.max_turns;
    if (limit > 0 && model.turn >= limit && is_batch_closed(state))
        return failed(
            "turn_limit", "the run has used its " + std::to_string(limit) + " model turns");
    return std::nullopt;
}

/// A question to a person stands alone: what comes after it may depend on the answer.
bool may_run_beside(const CallState& call) {
    return call.proposal.parallel && call.proposal.place != ToolPlace::person;
}

} // namespace

std::optional<Verdict> verdict(const RunState& state) {
    if (is_terminal(state.status))
        return std::nullopt;
    if (state.cancel_requested)
        return cancellation(state);
    if (state.status == RunStatus::queued)
        return std::nullopt;
    if (std::optional<Verdict> found = scope_verdict(state.scope))
        return found;
    if (std::optional<Verdict> found = project_verdict(state))
        return found;
    if (std::optional<Verdict> found = model_verdict(state))
        return found;
    return answer_verdict(state);
}

bool is_ending(const RunState& state) {
    return verdict(state).has_value();
}

std::optional<Settlement> settlement_of(const RunState& state, const CallState& call) {
    const Settlement unknown{"outcome_unknown", true, std::string(kNobodyKnows), std::nullopt};
    switch (call.phase) {
    case CallPhase::refused:
    case CallPhase::resolved:
        return call.settlement;
    case CallPhase::started:
    case CallPhase::unconfirmed:
    case CallPhase::finished:
        return std::nullopt;
    case CallPhase::lost:
        if (state.request.mode == PermissionMode::dont_ask || is_ending(state))
            return unknown;
        return std::nullopt;
    case CallPhase::outcome_unknown:
        return is_ending(state) ? std::optional<Settlement>(unknown) : std::nullopt;
    case CallPhase::proposed:
    case CallPhase::asked:
    case CallPhase::gated:
    case CallPhase::questioned:
    case CallPhase::allowed:
        break;
    }
    if (!is_ending(state))
        return std::nullopt;
    if (call.may_have_happened && call.proposal.effect_class != EffectClass::pure)
        return unknown;
    return Settlement{"cancelled", true, std::string(kNotExecuted), std::nullopt};
}

bool is_batch_closed(const RunState& state) {
    return std::all_of(state.calls.begin(), state.calls.end(), [](const CallState& call) {
        return call.phase == CallPhase::finished;
    });
}

bool is_batch_blocked(const RunState& state) {
    return std::any_of(state.calls.begin(), state.calls.end(), [](const CallState& call) {
        return call.phase == CallPhase::proposed || call.phase == CallPhase::asked ||
               call.phase == CallPhase::gated || call.phase == CallPhase::lost ||
               call.phase == CallPhase::outcome_unknown;
    });
}

bool has_calls_in_flight(const RunState& state) {
    return std::any_of(state.calls.begin(), state.calls.end(), [](const CallState& call) {
        return call.is_in_flight();
    });
}

bool awaits_project(const RunState& state) {
    return state.request.reads_project && !state.project;
}

std::vector<const CallState*> startable_calls(const RunState& state) {
    std::vector<const CallState*> startable;
    if (state.status != RunStatus::running || is_batch_blocked(state) || is_ending(state))
        return startable;
    std::size_t in_flight = 0;
    for (const CallState& call : state.calls) {
        if (call.is_in_flight() && !may_run_beside(call))
            return startable;
        in_flight += static_cast<std::size_t>(call.is_in_flight());
    }
    const bool has_runner = state.scope.phase == ScopeState::Phase::live;
    bool is_first = in_flight == 0;
    for (const CallState& call : state.calls) {
        if (call.phase != CallPhase::allowed)
            continue;
        if (!may_run_beside(call) && !is_first)
            break;
        if (in_flight + startable.size() >= kMaxParallelCalls)
            break;
        if (has_runner || call.proposal.place != ToolPlace::runner)
            startable.push_back(&call);
        if (!may_run_beside(call))
            break;
        is_first = false;
    }
    return startable;
}

bool needs_runner(const RunState& state) {
    if (state.status != RunStatus::running || is_ending(state))
        return false;
    // The first thing it is needed for is what the calls are judged by.
    if (awaits_project(state) && !is_batch_closed(state))
        return true;
    if (is_batch_blocked(state))
        return false;
    // A question comes first, and may be answered long after.
    for (const CallState* call : startable_calls(state))
        if (call->proposal.place == ToolPlace::person)
            return false;
    return std::any_of(state.calls.begin(), state.calls.end(), [](const CallState& call) {
        return call.phase == CallPhase::allowed && call.proposal.place == ToolPlace::runner;
    });
}

std::pair<int, int> next_model_attempt(const RunState& state) {
    const ModelState& model = state.model;
    if (model.turn == 0 || model.answered)
        return {model.turn + 1, 1};
    return {model.turn, model.attempt + 1};
}

bool has_final_output(const RunState& state) {
    return std::any_of(state.outputs.begin(), state.outputs.end(), [](const OutputState& output) {
        return output.call.empty();
    });
}

RunStatus status_by_calls(const RunState& state) {
    bool waits = false;
    bool asks = false;
    for (const CallState& call : state.calls) {
        if (call.is_in_flight() || call.phase == CallPhase::proposed ||
            call.phase == CallPhase::asked || call.phase == CallPhase::lost)
            return RunStatus::running;
        if (call.phase == CallPhase::gated || call.phase == CallPhase::outcome_unknown)
            waits = true;
        asks = asks || call.phase == CallPhase::questioned;
    }
    // A question is put only when no gate of its turn waits; were it otherwise, gates come first.
    if (waits)
        return RunStatus::waiting_for_approval;
    return asks ? RunStatus::waiting_for_user_question : RunStatus::running;
}

} // namespace kheish::engine::detail

namespace kheish::engine {

Settlement withdrawal_of(const CallState& call) {
    if (call.may_have_happened && call.proposal.effect_class != EffectClass::pure)
        return {"outcome_unknown", true, std::string(detail::kNobodyKnows), std::nullopt};
    return {
        "invalid",
        true,
        "Not executed: it would no longer be what was approved. Ask again if it is still wanted.",
        std::nullopt};
}

} // namespace kheish::engine
