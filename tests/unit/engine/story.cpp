#include "story.hpp"

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
        call.settlement ? call.settlement->outcome : "-");
}

struct IntentOf {
    const RunState& state;
    Decision decision;

    using Intent = std::optional<EventBody>;
    Intent operator()(const Launch& effect) const { return LaunchRequested{effect.attempt, "b1"}; }
    Intent operator()(const AdoptRunner& /*effect*/) const { return {}; }
    Intent operator()(const StopScope& effect) const { return ScopeStopRequested{effect.attempt}; }
    Intent operator()(const RequestModel& effect) const {
        return ModelRequested{effect.turn, effect.attempt, "r", "m", sha256("request")};
    }
    Intent operator()(const AbortModel& /*effect*/) const { return {}; }
    Intent operator()(const ScheduleModelRetry& effect) const {
        return ModelRetryScheduled{
            effect.turn, effect.attempt, effect.network, effect.delay.count(), 7, "b1"};
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
    describe_usage(out, scope.usage_before);
    describe_usage(out, scope.usage_current);
    for (const CallState& call : state.calls)
        describe_call(out, call);
    for (const TranscriptEntry& entry : state.transcript)
        line(out, static_cast<int>(entry.kind), entry.turn, entry.content.digest.to_hex());
    for (const OutputState& output : state.outputs)
        line(out, output.source_kind, output.content.digest.to_hex(), output.call.value);
    line(out, state.usage.input, state.usage.output, state.model_attempts, state.tool_calls);
    line(out, state.gates);
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
            call.phase == CallPhase::outcome_unknown)
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

bool Story::try_to(EventBody body) {
    Event event = event_of(state, std::move(body));
    event.at_us = ++now_us;
    const std::string before = describe(state);
    const RunStatus from = state.status;
    if (!apply(state, event)) {
        EXPECT_EQ(describe(state), before) << "a refused event changed the state";
        return false;
    }
    EXPECT_TRUE(is_legal_transition(from, state.status))
        << to_string(from) << " to " << to_string(state.status);
    events.push_back(std::move(event));
    check_promises(state);
    return true;
}

void Story::happen(EventBody body) {
    const Status status = [&]() {
        RunState copy = state;
        return apply(copy, event_of(state, body));
    }();
    ASSERT_TRUE(status) << status.error().to_string();
    EXPECT_TRUE(try_to(std::move(body)));
}

void Story::refuse(EventBody body, std::string_view part) {
    const std::string before = describe(state);
    const Status status = apply(state, event_of(state, std::move(body)));
    ASSERT_FALSE(status) << "legal, and should not be";
    EXPECT_EQ(status.error().code, Errc::journal_corrupt);
    EXPECT_NE(status.error().message.find(part), std::string::npos) << status.error().message;
    EXPECT_EQ(describe(state), before);
}

std::vector<std::string> Story::next() const {
    std::vector<std::string> all;
    for (const Effect& effect : decide(state))
        all.push_back(to_string(effect));
    return all;
}

void Story::accept(RunAccepted request) {
    request.input = blob_ref("Inspect this repo");
    happen(std::move(request));
    happen(RunQueued{0});
}

void Story::start(RunAccepted request) {
    accept(std::move(request));
    happen(RunStarted{});
}

void Story::launch() {
    const int attempt = state.scope.attempt + 1;
    happen(LaunchRequested{attempt, "b1"});
    happen(Launched{attempt, run_scope_name(state.run, attempt), {}});
}

void Story::ask_model() {
    const RequestModel request = effect<RequestModel>();
    happen(ModelRequested{request.turn, request.attempt, "r", "m", sha256("request")});
}

void Story::answer(std::vector<ProposedCall> calls, std::string stop_reason) {
    ModelCompleted completed;
    completed.turn = state.model.turn;
    completed.attempt = state.model.attempt;
    completed.message = blob_ref("answer " + std::to_string(completed.turn));
    completed.stop_reason = std::move(stop_reason);
    completed.usage = {10, 1, 0, 0};
    completed.calls = std::move(calls);
    happen(std::move(completed));
}

void Story::answer_text(std::string text, std::string stop_reason) {
    ModelCompleted completed;
    completed.turn = state.model.turn;
    completed.attempt = state.model.attempt;
    completed.message = blob_ref(text);
    completed.text_preview = std::move(text);
    completed.stop_reason = std::move(stop_reason);
    happen(std::move(completed));
}

void Story::fail_model(std::string kind, bool retryable, std::int64_t retry_after_us) {
    happen(ModelFailed{
        state.model.turn, state.model.attempt, std::move(kind), "no", retryable, retry_after_us});
}

void Story::judge(const CallId& call, Decision decision) {
    PermissionDecided decided;
    decided.call = call;
    decided.decision = decision;
    decided.reason = "a rule";
    happen(std::move(decided));
}

void Story::gate(const CallId& call) {
    judge(call, Decision::ask);
    happen(*intent(state, RequestApproval{call}));
}

void Story::resolve(const CallId& call, bool allowed) {
    const Gate gate = *state.find_call(call)->gate;
    happen(ApprovalResolved{gate.approval, call, gate.digest, allowed, "because"});
}

void Story::start_calls() {
    for (const CallStart& call : effect<StartCalls>().calls)
        happen(ToolStarted{call.call, call.execution, call.scope_attempt, call.idempotency_key});
}

void Story::finish(const CallId& call, std::string outcome) {
    ToolFinished finished;
    finished.call = call;
    finished.is_error = outcome != "ok";
    finished.outcome = std::move(outcome);
    finished.text = blob_ref("result of " + call.value);
    happen(std::move(finished));
}

void Story::settle_all() {
    for (const Effect& effect : decide(state))
        if (std::holds_alternative<SettleCall>(effect))
            happen(*intent(state, effect));
}

void Story::end_scope(bool lost) {
    happen(ScopeEnded{state.scope.attempt, lost, "gone", {100, 2, 3, 4, 5}});
}

void Story::recover() {
    happen(RunRecovered{"b1"});
}

namespace {

/// What the outside says next to a run that waits for it.
EventBody answer_of_the_outside(const RunState& state) {
    const ScopeState& scope = state.scope;
    if (scope.phase == ScopeState::Phase::stopping)
        return ScopeEnded{scope.attempt, false, "", {1, 1, 1, 1, 1}};
    if (scope.phase == ScopeState::Phase::unconfirmed)
        return ScopeEnded{scope.attempt, true, "", {1, 1, 1, 1, 1}};
    for (const CallState& call : state.calls) {
        const CallId& id = call.proposal.call;
        if (call.phase == CallPhase::started) {
            ToolFinished finished;
            finished.call = id;
            finished.outcome = "ok";
            return finished;
        }
        if (call.phase == CallPhase::gated)
            return ApprovalResolved{call.gate->approval, id, call.gate->digest, true, ""};
        if (call.phase == CallPhase::outcome_unknown)
            return OutcomeResolved{id, OutcomeChoice::abandon, {}, ""};
    }
    if (state.model.phase == ModelState::Phase::waiting)
        return ModelRetryDue{state.model.retry.turn, state.model.retry.attempt};
    if (state.model.phase == ModelState::Phase::in_flight) {
        ModelCompleted completed;
        completed.turn = state.model.turn;
        completed.attempt = state.model.attempt;
        completed.stop_reason = "end_turn";
        return completed;
    }
    if (scope.phase == ScopeState::Phase::requested)
        return Launched{scope.attempt, "unit", {}};
    return RunStarted{};
}

} // namespace

void Story::cooperate() {
    constexpr int kSteps = 3000;
    for (int step = 0; step < kSteps && !is_settled(state) && !::testing::Test::HasFailure();
         ++step) {
        bool acted = false;
        for (const Effect& effect : decide(state)) {
            if (std::holds_alternative<StopScope>(effect) && !is_terminal(state.status) &&
                state.scope.phase == ScopeState::Phase::live)
                continue; // the deadline is far
            if (std::holds_alternative<StartCalls>(effect)) {
                start_calls();
                acted = true;
            } else if (std::optional<EventBody> body = intent(state, effect)) {
                happen(std::move(*body));
                acted = true;
            }
            if (acted)
                break;
        }
        if (!acted)
            happen(answer_of_the_outside(state));
    }
    EXPECT_TRUE(is_settled(state)) << describe(state);
}

ProposedCall proposed(int turn, std::size_t index, EffectClass effect_class) {
    ProposedCall call;
    call.call = call_id(turn, index);
    call.provider_call_id = "toolu_" + call.call.value;
    call.tool = "bash";
    call.input = blob_ref("{}");
    call.effect_class = effect_class;
    return call;
}

ProposedCall parallel(int turn, std::size_t index) {
    ProposedCall call = proposed(turn, index);
    call.parallel = true;
    return call;
}

} // namespace kheish::engine
