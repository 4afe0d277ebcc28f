#include "engine/folding.hpp"
#include "engine/verdict.hpp"

namespace kheish::engine::detail {

namespace {

using Phase = ModelState::Phase;

Status check_attempt(const ModelState& model, int turn, int attempt) {
    if (turn != model.turn || attempt != model.attempt || model.phase != Phase::in_flight)
        return illegal(
            "attempt " + std::to_string(attempt) + " of turn " + std::to_string(turn) +
            " is not under way");
    return {};
}

Status check_wait(const RunState& state, int turn, int attempt) {
    const ModelState& model = state.model;
    if (is_terminal(state.status) || model.phase != Phase::waiting)
        return illegal("no attempt waits");
    if (turn != model.retry.turn || attempt != model.retry.attempt)
        return illegal("attempt " + std::to_string(model.retry.attempt) + " waits");
    return {};
}

Settlement invalid(std::string text) {
    return {"invalid", true, std::move(text), std::nullopt};
}

/// Why a call of this answer is not to be judged at all; empty where it is.
std::string refusal_of(const ModelCompleted& event, std::size_t index) {
    if (event.stop_reason == "max_tokens")
        return "Not executed: the answer was cut at the output limit, so its calls may be "
               "incomplete. Ask again, for less at a time.";
    if (index >= kMaxCallsPerTurn)
        return "Not executed: a turn may ask for " + std::to_string(kMaxCallsPerTurn) +
               " calls at most.";
    return event.calls[index].invalid_reason;
}

} // namespace

Status on(RunState& state, const ModelRequested& event) {
    ModelState& model = state.model;
    if (state.status != RunStatus::running)
        return illegal("only a running run asks its model");
    if (is_ending(state))
        return illegal("the run is ending");
    if (model.phase != Phase::idle)
        return illegal("the last attempt is not over");
    if (!is_batch_closed(state))
        return illegal("a call of the last turn is not finished");
    const std::pair<int, int> next = next_model_attempt(state);
    if (next != std::pair(event.turn, event.attempt))
        return illegal(
            "attempt " + std::to_string(next.second) + " of turn " + std::to_string(next.first) +
            " is next");
    if (event.turn != model.turn) {
        state.calls.clear();
        model.failures = 0;
        model.network_failures = 0;
        model.answered = false;
    }
    model.turn = event.turn;
    model.attempt = event.attempt;
    model.phase = Phase::in_flight;
    ++state.model_attempts;
    return {};
}

Status on(RunState& state, const ModelCompleted& event) {
    ModelState& model = state.model;
    KHEISH_CHECK(check_attempt(model, event.turn, event.attempt));
    for (std::size_t i = 0; i < event.calls.size(); ++i)
        if (event.calls[i].call != call_id(event.turn, i))
            return illegal("the answer's calls are not numbered in order");
    model.phase = Phase::idle;
    model.answered = true;
    model.network_failures = 0;
    model.stop_reason = event.stop_reason;
    model.answer_has_text = !event.text_preview.empty();
    model.message = event.message;
    state.usage.input += event.usage.input;
    state.usage.output += event.usage.output;
    state.usage.cache_read += event.usage.cache_read;
    state.usage.cache_write += event.usage.cache_write;
    state.tool_calls += static_cast<std::int64_t>(event.calls.size());
    append(state, {TranscriptEntry::Kind::assistant, event.turn, false, event.message, {}, {}});
    for (std::size_t i = 0; i < event.calls.size(); ++i) {
        CallState& call = state.calls.emplace_back();
        call.proposal = event.calls[i];
        if (std::string refusal = refusal_of(event, i); !refusal.empty()) {
            call.phase = CallPhase::refused;
            call.settlement = invalid(std::move(refusal));
        }
    }
    return {};
}

Status on(RunState& state, const ModelFailed& event) {
    ModelState& model = state.model;
    KHEISH_CHECK(check_attempt(model, event.turn, event.attempt));
    model.phase = Phase::failed;
    model.last_failure = event;
    if (event.error_kind == "network") {
        ++model.network_failures;
        return {};
    }
    model.network_failures = 0;
    // The same request will do once there is another credential, or a record of it.
    if (event.error_kind != "authentication" && event.error_kind != "unrecorded")
        ++model.failures;
    return {};
}

Status on(RunState& state, const ModelRetryScheduled& event) {
    ModelState& model = state.model;
    if (is_terminal(state.status) || is_ending(state))
        return illegal("the run is ending");
    if (model.phase != Phase::failed)
        return illegal("no attempt has failed");
    if (event.turn != model.turn || event.attempt != model.attempt + 1)
        return illegal("attempt " + std::to_string(model.attempt + 1) + " is next");
    model.phase = Phase::waiting;
    model.retry = event;
    return {};
}

Status on(RunState& state, const ModelRetryDue& event) {
    KHEISH_CHECK(check_wait(state, event.turn, event.attempt));
    state.model.phase = Phase::idle;
    return {};
}

Status on(RunState& state, const ModelRetryWoken& event) {
    KHEISH_CHECK(check_wait(state, event.turn, event.attempt));
    ModelState& model = state.model;
    if (!model.retry.network && !model.retry.credential)
        return illegal("the attempt waits neither for the network nor for a credential");
    model.phase = Phase::idle;
    model.network_failures = 0; // of the network as it was
    return {};
}

} // namespace kheish::engine::detail
