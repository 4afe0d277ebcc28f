#include "promises.hpp"

#include <algorithm>
#include <sstream>

namespace kheish::engine {

namespace {

using codec::blob_ref;
using codec::sha256;

template <class... Parts>
void line(std::ostringstream& out, const Parts&... parts) {
    ((out << parts << ' '), ...);
    out << '\n';
}

void describe_usage(std::ostringstream& out, const ScopeUsage& usage) {
    line(
        out,
        "usage",
        usage.cpu_usage_us,
        usage.memory_peak_bytes,
        usage.tasks_peak,
        usage.io_read_bytes,
        usage.io_write_bytes);
}

void describe_call(std::ostringstream& out, const CallState& call) {
    line(
        out,
        call.proposal.call.value,
        to_string(call.phase),
        call.executions,
        call.scope_attempt,
        call.may_have_happened,
        call.may_have_happened_before,
        call.has_output,
        call.is_error,
        call.result ? call.result->digest.to_hex() : "-",
        call.gate ? call.gate->approval.value : "-",
        call.gate && call.gate->consumed,
        call.settlement ? call.settlement->outcome : "-",
        call.question ? call.question->id.value : "-",
        call.input_updated,
        encode(ApprovalEscalated{{}, {}, call.overdue.escalate_to}).body,
        call.overdue.remind.boot_id,
        call.overdue.escalate.boot_id,
        call.prepared ? call.prepared->after.to_hex() : "-");
}

struct IntentOf {
    const RunState& state;
    Decision decision;

    using Intent = std::optional<EventBody>;
    Intent operator()(const Launch& effect) const { return LaunchRequested{effect.attempt, "b1"}; }
    Intent operator()(const AdoptRunner& /*effect*/) const { return {}; }
    Intent operator()(const StopScope& effect) const { return ScopeStopRequested{effect.attempt}; }
    Intent operator()(const TrimContext& effect) const { return ContextTrimmed{effect.first_turn}; }
    Intent operator()(const RequestModel& effect) const {
        return ModelRequested{effect.turn, effect.attempt, "r", "m", sha256("request")};
    }
    Intent operator()(const AbortModel& /*effect*/) const { return {}; }
    Intent operator()(const ScheduleModelRetry& effect) const {
        return ModelRetryScheduled{
            effect.turn,
            effect.attempt,
            effect.network,
            {effect.delay.count(), 7, "b1"},
            effect.credential};
    }
    Intent operator()(const ArmRetryTimer& /*effect*/) const { return {}; }
    Intent operator()(const JudgeCall& effect) const {
        PermissionDecided decided;
        decided.call = effect.call;
        decided.decision = decision;
        return decided;
    }
    Intent operator()(const RequestApproval& effect) const {
        return ApprovalRequested{
            next_approval_id(state), effect.call, sha256(effect.call.value), "bash: ls", "rule"};
    }
    Intent operator()(const StartCalls& /*effect*/) const { return {}; } // one each: see expand()
    Intent operator()(const AskQuestion& effect) const {
        return QuestionAsked{next_question_id(state), effect.call, "Really?", {5, 7, "b1"}};
    }
    Intent operator()(const ArmApprovalTimer& /*effect*/) const { return {}; }
    Intent operator()(const ArmQuestionTimer& /*effect*/) const { return {}; }
    Intent operator()(const CancelCall& /*effect*/) const { return {}; }
    Intent operator()(const SettleCall& effect) const {
        ToolFinished finished;
        finished.call = effect.call;
        finished.outcome = effect.outcome;
        finished.is_error = effect.is_error;
        finished.text = effect.blob.value_or(blob_ref(effect.text));
        return finished;
    }
    Intent operator()(const AskOutcome& effect) const {
        return ToolOutcomeUnknown{effect.call, effect.reason};
    }
    Intent operator()(const RecordOutput& effect) const {
        return OutputRecorded{"assistant_text", effect.message, {}};
    }
    Intent operator()(const Finish& effect) const {
        switch (effect.status) {
        case RunStatus::completed:
            return RunCompleted{};
        case RunStatus::failed:
            return RunFailed{effect.code, effect.reason};
        case RunStatus::interrupted:
            return RunInterrupted{effect.reason};
        default:
            return RunCancelled{effect.reason};
        }
    }
};

/// It is carried out later, and only if it is still wanted then.
bool is_delayed(const Effect& effect) {
    const Launch* launch = std::get_if<Launch>(&effect);
    const StopScope* stop = std::get_if<StopScope>(&effect);
    return (launch != nullptr && launch->delay.count() > 0) ||
           (stop != nullptr && stop->delay.count() > 0);
}

/// The events of one decide() are legal one after another.
void check_sequence(const RunState& state, Decision decision) {
    RunState copy = state;
    for (const Effect& effect : decide(state)) {
        std::vector<EventBody> bodies;
        if (is_delayed(effect))
            continue;
        if (const StartCalls* start = std::get_if<StartCalls>(&effect)) {
            for (const CallStart& call : start->calls)
                bodies.emplace_back(ToolStarted{
                    call.call, call.execution, call.scope_attempt, call.idempotency_key});
        } else if (std::optional<EventBody> body = intent(copy, effect, decision)) {
            bodies.push_back(std::move(*body));
        }
        for (EventBody& body : bodies) {
            const Status status = apply(copy, event_of(copy, std::move(body)));
            EXPECT_TRUE(status) << to_string(effect) << ": " << status.error().to_string() << "\n"
                                << describe(state);
        }
    }
}

} // namespace

std::string describe(const RunState& state) {
    std::ostringstream out;
    line(out, state.run.number, to_string(state.status), to_string(wait_reason(state)));
    line(out, state.session.value, state.agent.value, state.authority.to_string());
    line(out, state.last_seq, state.accepted_at_us, state.started_at_us, state.updated_at_us);
    line(out, state.finished_at_us, state.queued_position, state.cancel_requested);
    line(out, state.cancel_is_interrupt, state.cancel_reason, state.failure_code, state.failure);
    line(out, encode(state.request).body);
    const ModelState& model = state.model;
    line(out, "model", static_cast<int>(model.phase), model.turn, model.attempt, model.failures);
    line(out, model.network_failures, model.stop_reason, model.answered, model.answer_has_text);
    line(out, encode(model.last_failure).body, encode(model.retry).body);
    const ScopeState& scope = state.scope;
    line(out, "scope", static_cast<int>(scope.phase), scope.attempt, scope.failed_launches);
    line(out, scope.lost_in_a_row, scope.launch_error, scope.refused, scope.unit, scope.boot_id);
    if (state.project)
        line(out, "project", state.project->text ? "there" : "none", state.project->error);
    describe_usage(out, scope.usage_before);
    describe_usage(out, scope.usage_current);
    for (const CallState& call : state.calls)
        describe_call(out, call);
    for (const TranscriptEntry& entry : state.transcript)
        line(out, static_cast<int>(entry.kind), entry.turn, entry.content.digest.to_hex());
    line(out, state.context.first_turn, state.context.bytes);
    for (const EffectiveCall& call : state.context.earlier_calls)
        line(out, call.tool, call.input.digest.to_hex(), call.is_error);
    for (const OutputState& output : state.outputs)
        line(out, output.source_kind, output.content.digest.to_hex(), output.call.value);
    line(out, state.usage.input, state.usage.output, state.model_attempts, state.tool_calls);
    line(out, state.gates, state.questions);
    return out.str();
}

std::optional<EventBody> intent(const RunState& state, const Effect& effect, Decision decision) {
    return std::visit(IntentOf{state, decision}, effect);
}

bool waits_for_the_outside(const RunState& state) {
    if (state.status == RunStatus::queued || is_settled(state))
        return true;
    if (state.model.phase == ModelState::Phase::in_flight)
        return true;
    const ScopeState::Phase scope = state.scope.phase;
    if (scope == ScopeState::Phase::requested || scope == ScopeState::Phase::stopping)
        return true;
    for (const CallState& call : state.calls)
        if (call.phase == CallPhase::started || call.phase == CallPhase::gated ||
            call.phase == CallPhase::outcome_unknown || call.phase == CallPhase::questioned)
            return true;
    return false;
}

void check_promises(const RunState& state) {
    const std::vector<Effect> effects = decide(state);
    EXPECT_EQ(effects, decide(state));
    EXPECT_EQ(wait_reason(state) == WaitReason::none, is_terminal(state.status));
    EXPECT_TRUE(!effects.empty() || waits_for_the_outside(state)) << "waits for nothing:\n"
                                                                  << describe(state);
    check_sequence(state, Decision::allow);
    check_sequence(state, Decision::deny);
    // A run that ends goes from where it is.
    const bool ends = std::any_of(effects.begin(), effects.end(), [](const Effect& effect) {
        return std::holds_alternative<Finish>(effect);
    });
    const bool has_gates = !state.pending_gates().empty() || !state.pending_outcomes().empty();
    EXPECT_TRUE(has_gates || ends || state.status != RunStatus::waiting_for_approval)
        << describe(state);
}

Event event_of(const RunState& state, EventBody body) {
    Event event;
    event.seq = state.last_seq + 1;
    event.session = SessionId{"demo"};
    event.run = RunId{7};
    event.agent = AgentId{"agent-demo"};
    event.at_us = 1000;
    event.authority = Authority::of(Principal::user(1000));
    event.body = std::move(body);
    return event;
}

} // namespace kheish::engine
