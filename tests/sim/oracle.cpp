#include "oracle.hpp"

#include "control/run_rules.hpp"
#include "govern/action.hpp"
#include "govern/permission.hpp"
#include "tools/tool.hpp"

namespace kheish::sim {

using engine::CallPhase;
using engine::RunState;

namespace {

std::string name(RunId run, const CallId& call) {
    return run.to_string() + " " + call.value;
}

std::string name(RunId run, int attempt) {
    return run.to_string() + " attempt " + std::to_string(attempt);
}

Result<engine::Event> to_event(const journal::StoredEvent& stored) {
    engine::Event event;
    event.seq = stored.seq;
    event.session = stored.event.session;
    event.run = stored.event.run.value_or(RunId{});
    event.agent = stored.event.agent;
    event.at_us = stored.event.at_us;
    KHEISH_TRY(event.authority, Authority::parse(stored.event.authority));
    KHEISH_TRY(
        event.body, engine::decode(stored.event.type, stored.event.version, stored.event.body));
    return event;
}

} // namespace

// --- the record
// -----------------------------------------------------------------------------------

void Oracle::catch_up(const journal::Journal& journal) {
    for (;;) {
        const Result<journal::Page<journal::StoredEvent>> page =
            journal.events(newest_, {}, journal::kPageLimit);
        if (!page) {
            violations_.add("the journal cannot be read: " + page.error().to_string());
            return;
        }
        for (const journal::StoredEvent& stored : page->items) {
            require(stored.seq == newest_ + 1, "events are not numbered without gaps");
            newest_ = stored.seq;
            take(stored);
        }
        if (!page->has_more)
            break;
    }
    rows_.check(journal);
}

void Oracle::on_opened(const journal::Journal& journal) {
    require(
        journal.newest_seq() >= newest_,
        "the journal ends at " + std::to_string(journal.newest_seq()) + ", and " +
            std::to_string(newest_) + " was committed");
}

void Oracle::take(const journal::StoredEvent& stored) {
    ++events_seen_;
    record_.update(
        std::to_string(stored.seq) + " " + std::to_string(stored.event.at_us) + " " +
        stored.event.type + " " + stored.event.authority + " " + stored.event.body + "\n");
    const Result<engine::Event> event = to_event(stored);
    if (!event) {
        violations_.add("an event cannot be read: " + event.error().to_string());
        return;
    }
    const Status in_session = engine::apply(sessions_[event->session], *event);
    if (!in_session)
        violations_.add("illegal in its session: " + in_session.error().message);
    if (event->run)
        take_run_event(*event);
}

void Oracle::take_run_event(const engine::Event& event) {
    const auto found = runs_.find(event.run);
    if (found == runs_.end()) {
        Result<control::RunProjection> begun = control::RunProjection::begin(event);
        if (begun)
            rows_.take(runs_.emplace(event.run, std::move(*begun)).first->second);
        else
            violations_.add("illegal: " + begun.error().message);
        return;
    }
    const engine::RunStatus before = found->second.state().status;
    if (const Status applied = found->second.apply(event); !applied) {
        violations_.add("illegal: " + applied.error().message);
        return;
    }
    rows_.take(found->second);
    const RunState& state = found->second.state();
    require(
        engine::is_legal_transition(before, state.status),
        event.run.to_string() + " went from " + std::string(to_string(before)) + " to " +
            std::string(to_string(state.status)));
    check_waits(state);
    follow_timer(event);
    follow_overdue(event);
    require(
        !std::holds_alternative<engine::RunStuckReported>(event.body),
        event.run.to_string() + " is stuck");
    if (const auto* finished = std::get_if<engine::ToolFinished>(&event.body)) {
        const bool is_new =
            outcomes_.emplace(CallKey(event.run, finished->call), finished->outcome).second;
        require(is_new, name(event.run, finished->call) + " finished twice");
    }
    if (const auto* resolved = std::get_if<engine::ApprovalResolved>(&event.body))
        require(
            decided_.insert(resolved->approval).second,
            resolved->approval.value + " was decided twice");
    if (const auto* resolved = std::get_if<engine::OutcomeResolved>(&event.body))
        if (resolved->choice == engine::OutcomeChoice::retry)
            ++trace(event.run, resolved->call).retries_by_person;
}

void Oracle::check_waits(const RunState& state) {
    const bool waits = engine::wait_reason(state) != engine::WaitReason::none;
    require(
        waits != engine::is_terminal(state.status),
        state.run.to_string() + " is live and waits for nothing");
}

/// Never early: by the boot clock within one boot; after it, by the wall clock as it was when the
/// daemon took the wait over, which is at some time of its life. The clocks do not jump between the
/// timer and the commit of what it does.
void Oracle::follow_timer(const engine::Event& event) {
    if (const auto* scheduled = std::get_if<engine::ModelRetryScheduled>(&event.body))
        waits_.insert_or_assign({event.run, "retry"}, scheduled->deadline);
    if (const auto* gate = std::get_if<engine::ApprovalRequested>(&event.body);
        gate != nullptr && gate->deadline)
        waits_.insert_or_assign({event.run, gate->approval.value}, *gate->deadline);
    if (const auto* expired = std::get_if<engine::ApprovalExpired>(&event.body))
        check_due(event.run, expired->approval.value);
    if (const auto* asked = std::get_if<engine::QuestionAsked>(&event.body))
        waits_.insert_or_assign({event.run, asked->question.value}, asked->deadline);
    if (std::holds_alternative<engine::ModelRetryDue>(event.body))
        check_due(event.run, "retry");
    if (std::holds_alternative<engine::ModelRetryWoken>(event.body))
        require(
            waits_.erase({event.run, "retry"}) == 1 && network_changes_ > 0,
            event.run.to_string() + " is woken, and there was nothing to wake it");
    if (const auto* expired = std::get_if<engine::QuestionExpired>(&event.body))
        check_due(event.run, expired->question.value);
    if (const auto* answered = std::get_if<engine::QuestionResolved>(&event.body))
        require(
            waits_.erase({event.run, answered->question.value}) == 1,
            answered->question.value + " was answered twice, or never asked");
}

/// Of both kinds of gates: told of again once and opened to others once, and never early.
void Oracle::follow_overdue(const engine::Event& event) {
    const auto expect = [this, &event](const ApprovalId& gate, const auto& opened) {
        if (opened.remind)
            waits_.insert_or_assign({event.run, "reminder " + gate.value}, *opened.remind);
        if (opened.escalate)
            waits_.insert_or_assign({event.run, "escalation " + gate.value}, *opened.escalate);
    };
    if (const auto* requested = std::get_if<engine::ApprovalRequested>(&event.body))
        expect(requested->approval, *requested);
    if (const auto* unknown = std::get_if<engine::ToolOutcomeUnknown>(&event.body))
        if (const engine::CallState* call = find(event.run)->find_call(unknown->call))
            expect(engine::outcome_gate_id(event.run, unknown->call, call->executions), *unknown);
    if (const auto* reminded = std::get_if<engine::ApprovalReminded>(&event.body))
        check_due(event.run, "reminder " + reminded->approval.value);
    if (const auto* escalated = std::get_if<engine::ApprovalEscalated>(&event.body))
        check_due(event.run, "escalation " + escalated->approval.value);
}

void Oracle::check_due(RunId run, const std::string& what) {
    const auto found = waits_.find({run, what});
    if (found == waits_.end()) {
        violations_.add(run.to_string() + " goes on after a wait that was not journaled");
        return;
    }
    require(
        found->second.left_us(clock_) <= 0,
        run.to_string() + ", " + what + ": the wait ends too early");
    waits_.erase(found);
}

const RunState* Oracle::find(RunId run) const {
    const auto found = runs_.find(run);
    return found == runs_.end() ? nullptr : &found->second.state();
}

// --- what reaches the outside
// ---------------------------------------------------------------------

void Oracle::on_acknowledged(RunId run) {
    acknowledged_.insert(run);
    require(find(run) != nullptr, run.to_string() + " was acknowledged and is not in the journal");
}

void Oracle::on_model_called(const std::string& key) {
    require(!going_to_sleep_, "the model is called while the machine goes to sleep");
    const std::string run_text = key.substr(0, key.find('/'));
    const RunState* state = find(RunId::parse(run_text).value_or(RunId{}));
    const bool is_committed = state != nullptr &&
                              state->model.phase == engine::ModelState::Phase::in_flight &&
                              key == run_text + "/turn-" + std::to_string(state->model.turn) +
                                         "/attempt-" + std::to_string(state->model.attempt);
    require_order(is_committed, "the model was called for " + key + ", which is not journaled");
}

void Oracle::on_page_fetched(const std::string& key) {
    const std::string run_text = key.substr(0, key.find('/'));
    const RunState* state = find(RunId::parse(run_text).value_or(RunId{}));
    bool is_committed = false;
    if (state != nullptr)
        for (const engine::CallState& call : state->calls)
            is_committed =
                is_committed || (call.phase == engine::CallPhase::started &&
                                 key == engine::idempotency_key(*state, call.proposal.call) +
                                            "/execution-" + std::to_string(call.executions));
    require_order(is_committed, "a page was asked for by " + key + ", which is not journaled");
}

void Oracle::on_launch(RunId run, int attempt) {
    const RunState* state = find(run);
    require_order(
        state != nullptr && state->scope.attempt == attempt,
        name(run, attempt) + " is launched and not journaled");
}

void Oracle::on_stop(RunId run, int attempt) {
    const RunState* state = find(run);
    const bool is_committed = state != nullptr && state->scope.attempt == attempt &&
                              state->scope.phase == engine::ScopeState::Phase::stopping;
    require_order(is_committed, name(run, attempt) + " is stopped and that is not journaled");
}

void Oracle::on_execute(
    const journal::Journal& journal, RunId run, const scopes::Execution& execution) {
    CallTrace& seen = trace(run, execution.call);
    seen.tool = execution.tool;
    ++seen.deliveries;
    if (overlooks_order_)
        return;
    const std::string who = name(run, execution.call);
    const RunState* state = find(run);
    const engine::CallState* call = state == nullptr ? nullptr : state->find_call(execution.call);
    if (call == nullptr || call->phase != CallPhase::started) {
        violations_.add(who + " is executed and its start is not journaled");
        return;
    }
    require(seen.deliveries <= call->executions, who + " is executed more often than journaled");
    require(
        codec::blob_ref(execution.input) == call->proposal.input,
        who + " is executed with another input than the model's");
    require(state->project.has_value(), who + " is executed and its project's rules are unknown");
    std::string argument;
    const govern::Judgement judgement = control::RunRules().judge(
        *state,
        settings_,
        journal,
        govern::subject_of(
            execution.tool, codec::parse_json(execution.input).value_or(codec::Json()), argument),
        {}); // nobody here allows anything beforehand
    require(judgement.decision != govern::Behavior::deny, who + " is denied and executed");
    if (judgement.decision != govern::Behavior::ask)
        return;
    const Result<codec::Digest> digest = govern::action_digest(govern::Action{
        .run = run,
        .call = execution.call,
        .tool = execution.tool,
        .input = execution.input,
        .working_directory = state->request.workspace,
        .sandbox_profile = settings_.sandbox_profile});
    const bool is_released =
        call->gate && call->gate->consumed && digest && call->gate->digest == *digest;
    require(is_released, who + " is executed without a gate for this very action");
    const Result<journal::ApprovalRow> row =
        journal.approval(call->gate ? call->gate->approval : ApprovalId{});
    require(
        row && row->state == journal::ApprovalState::allowed,
        who + " is executed and its approval is not allowed");
}

void Oracle::on_proceed(RunId run, const CallId& call) {
    const RunState* state = find(run);
    const engine::CallState* known = state == nullptr ? nullptr : state->find_call(call);
    require_order(
        known != nullptr && known->prepared, name(run, call) + " changes what is not journaled");
}

void Oracle::on_acknowledge(RunId run, const CallId& call) {
    require_order(
        outcomes_.contains(CallKey(run, call)),
        name(run, call) + " is acknowledged and its end is not journaled");
}

void Oracle::on_release(RunId run) {
    const RunState* state = find(run);
    require_order(
        state != nullptr && engine::is_terminal(state->status),
        run.to_string() + " is released and not over");
}

void Oracle::on_swept(RunId run, int attempt) {
    const RunState* state = find(run);
    const bool is_live = state != nullptr && !engine::is_terminal(state->status) &&
                         state->scope.attempt == attempt &&
                         state->scope.phase != engine::ScopeState::Phase::none;
    require(!is_live, name(run, attempt) + " is live and was swept");
}

// --- what happens in the world
// --------------------------------------------------------------------

void Oracle::on_effect(RunId run, const CallId& call) {
    CallTrace& seen = trace(run, call);
    ++seen.effects;
    const tools::Tool* tool = tools::find_tool(seen.tool);
    if (tool != nullptr && tool->effect_class == EffectClass::reconcilable)
        require(seen.effects == 1, name(run, call) + " was edited already, and is edited again");
    if (tool != nullptr && tool->effect_class == EffectClass::at_most_once)
        require(
            seen.effects <= 1 + seen.retries_by_person,
            name(run, call) + " may happen once and happened again");
}

void Oracle::on_reported(RunId run, const CallId& call) {
    trace(run, call).has_reported = true;
}

// --- the end
// --------------------------------------------------------------------------------------

void Oracle::check_effects_seen() {
    for (const auto& [key, seen] : traces_) {
        const tools::Tool* tool = tools::find_tool(seen.tool);
        if (seen.effects == 0 || tool == nullptr || tool->effect_class == EffectClass::pure)
            continue;
        const auto outcome = outcomes_.find(key);
        const std::string who = name(key.first, key.second);
        if (outcome == outcomes_.end())
            continue; // of a run that waits for a person
        const bool says_not_executed = outcome->second == "denied" ||
                                       outcome->second == "invalid" ||
                                       (outcome->second == "cancelled" && !seen.has_reported);
        require(!says_not_executed, who + " happened and is recorded as " + outcome->second);
    }
}

void Oracle::check_end(bool people_answer) {
    for (const RunId run : acknowledged_) {
        const RunState* state = find(run);
        if (state == nullptr) {
            violations_.add(run.to_string() + " was acknowledged and is lost");
            continue;
        }
        const bool waits_for_people =
            !people_answer && (state->status == engine::RunStatus::waiting_for_approval ||
                               state->status == engine::RunStatus::waiting_for_user_question ||
                               state->status == engine::RunStatus::queued);
        require(
            engine::is_settled(*state) || waits_for_people,
            run.to_string() + " has come to rest as " + std::string(to_string(state->status)) +
                ", waiting for " + std::string(to_string(engine::wait_reason(*state))));
    }
    check_effects_seen();
}

std::string Oracle::unsettled() const {
    std::string text;
    for (const auto& [run, projection] : runs_) {
        const RunState& state = projection.state();
        if (engine::is_settled(state))
            continue;
        text += run.to_string() + " " + std::string(to_string(state.status)) + " waits for " +
                std::string(to_string(engine::wait_reason(state))) + ", scope attempt " +
                std::to_string(state.scope.attempt) + " phase " +
                std::to_string(static_cast<int>(state.scope.phase)) + "\n";
        for (const engine::CallState& call : state.calls)
            text += "  " + call.proposal.call.value + " " + call.proposal.tool + " " +
                    std::string(to_string(call.phase)) + "\n";
    }
    return text;
}

} // namespace kheish::sim
