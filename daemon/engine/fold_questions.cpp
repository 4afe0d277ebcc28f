#include "engine/folding.hpp"
#include "engine/verdict.hpp"

#include <algorithm>

namespace kheish::engine::detail {

namespace {

/// The call that waits for the answer to `question`.
Result<CallState*> find(RunState& state, const QuestionId& question, const CallId& id) {
    for (CallState& call : state.calls)
        if (call.proposal.call == id && call.question && call.question->id == question)
            return &call;
    return illegal(id.value + " does not wait for " + question.value);
}

Status check_going_on(const RunState& state) {
    if (is_terminal(state.status) || is_ending(state))
        return illegal("the run is ending");
    return {};
}

} // namespace

Status on(RunState& state, const QuestionAsked& event) {
    KHEISH_CHECK(check_going_on(state));
    const std::vector<const CallState*> startable = startable_calls(state);
    const auto found =
        std::find_if(startable.begin(), startable.end(), [&event](const CallState* call) {
            return call->proposal.call == event.call;
        });
    if (found == startable.end())
        return illegal(event.call.value + " has nothing to ask now");
    if ((*found)->proposal.place != ToolPlace::person)
        return illegal(event.call.value + " is not for a person to answer");
    if (event.question != next_question_id(state))
        return illegal("the next question is " + next_question_id(state).value);
    CallState& call = state.calls[static_cast<std::size_t>(*found - state.calls.data())];
    call.phase = CallPhase::questioned;
    call.question = Question{event.question, event.deadline};
    ++state.questions;
    return {};
}

Status on(RunState& state, const QuestionResolved& event) {
    KHEISH_TRY(CallState * call, find(state, event.question, event.call));
    KHEISH_CHECK(check_going_on(state));
    call->phase = CallPhase::resolved;
    call->question.reset();
    call->settlement = Settlement{event.declined ? "denied" : "ok", event.declined, {}, event.text};
    return {};
}

Status on(RunState& state, const QuestionExpired& event) {
    KHEISH_TRY(const CallState* call, find(state, event.question, event.call));
    KHEISH_CHECK(check_going_on(state));
    if (!call->question->deadline.is_set())
        return illegal(event.question.value + " does not expire");
    state.cancel_requested = true;
    state.cancel_is_interrupt = false;
    state.cancel_reason = event.question.value + " was not answered in time";
    return {};
}

} // namespace kheish::engine::detail
