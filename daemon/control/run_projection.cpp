#include "control/run_projection.hpp"

#include "control/conversions.hpp"
#include "govern/action.hpp"

#include <algorithm>
#include <string>

namespace kheish::control {

namespace {

std::optional<std::int64_t> known(std::int64_t value) {
    return value < 0 ? std::nullopt : std::optional(value);
}

/// The terminal or otherwise status in which a queue position means something.
std::optional<std::int64_t> queue_position(const engine::RunState& state) {
    if (state.status != engine::RunStatus::queued)
        return std::nullopt;
    return state.queued_position;
}

std::optional<std::int64_t> when(std::int64_t at_us) {
    return at_us == 0 ? std::nullopt : std::optional(at_us);
}

} // namespace

Result<RunProjection> RunProjection::begin(const engine::Event& accepted) {
    KHEISH_TRY(engine::RunState state, engine::fold(std::span(&accepted, 1)));
    RunProjection projection(std::move(state));
    projection.after(accepted);
    return projection;
}

Result<RunProjection> RunProjection::load(const journal::Journal& journal, RunId run) {
    const journal::EventFilter filter{.session = std::nullopt, .run = run};
    std::optional<RunProjection> projection;
    EventSeq cursor = 0;
    for (;;) {
        KHEISH_TRY(
            const journal::Page<journal::StoredEvent> page,
            journal.events(cursor, filter, journal::kPageLimit));
        for (const journal::StoredEvent& stored : page.items) {
            KHEISH_TRY(const engine::Event event, to_event(stored));
            if (projection) {
                KHEISH_CHECK(projection->apply(event));
            } else {
                KHEISH_TRY(projection, begin(event));
            }
            projection->discard_changes();
        }
        if (!page.has_more)
            break;
        cursor = page.next;
    }
    if (!projection)
        return fail(Errc::run_not_found, run.to_string() + " has no events");
    return std::move(*projection);
}

Status RunProjection::apply(const engine::Event& event) {
    KHEISH_CHECK(engine::apply(state_, event));
    after(event);
    return {};
}

void RunProjection::after(const engine::Event& event) {
    const engine::WaitReason reason = engine::wait_reason(state_);
    if (reason != waited_for_ || wait_since_us_ == 0) {
        waited_for_ = reason;
        wait_since_us_ = event.at_us;
    }
    while (output_times_.size() + outputs_taken_ < state_.outputs.size())
        output_times_.push_back(event.at_us);
    follow_calls(event);
    follow_gates(event);
}

void RunProjection::change_call(const journal::ToolCallRow& row) {
    changed_calls_.insert_or_assign(row.call, row);
}

/// What was loaded is in the journal already.
void RunProjection::discard_changes() {
    changed_calls_.clear();
    changed_approvals_.clear();
    outputs_taken_ += output_times_.size();
    output_times_.clear();
}

void RunProjection::follow_calls(const engine::Event& event) {
    if (const auto* completed = std::get_if<engine::ModelCompleted>(&event.body)) {
        calls_.clear();
        for (const engine::ProposedCall& proposal : completed->calls) {
            journal::ToolCallRow row;
            row.run = state_.run;
            row.call = proposal.call;
            row.turn = completed->turn;
            row.tool = proposal.tool;
            row.effect_class = to_string(proposal.effect_class);
            row.input = proposal.input;
            calls_.emplace(row.call, std::move(row));
        }
    }
    if (const auto* resolved = std::get_if<engine::ApprovalResolved>(&event.body);
        resolved != nullptr && resolved->updated_input) {
        journal::ToolCallRow& row = calls_[resolved->call];
        row.input = *resolved->updated_input;
        change_call(row);
    }
    if (const auto* started = std::get_if<engine::ToolStarted>(&event.body)) {
        journal::ToolCallRow& row = calls_[started->call];
        row.executions = started->execution;
        row.started_us = event.at_us;
        change_call(row);
    }
    if (const auto* finished = std::get_if<engine::ToolFinished>(&event.body)) {
        journal::ToolCallRow& row = calls_[finished->call];
        row.phase = to_string(engine::CallPhase::finished);
        row.outcome = finished->outcome;
        row.result = finished->text;
        row.finished_us = event.at_us;
        row.exit_code = known(finished->exit_code);
        row.spool = finished->spool;
        change_call(row);
    }
    for (const engine::CallState& call : state_.calls) {
        const auto row = calls_.find(call.proposal.call);
        if (row == calls_.end() || row->second.phase == to_string(call.phase))
            continue;
        row->second.phase = to_string(call.phase);
        change_call(row->second);
    }
}

journal::ApprovalRow
RunProjection::open_gate(ApprovalId approval, const CallId& call, std::int64_t at_us) const {
    journal::ApprovalRow row;
    row.approval = std::move(approval);
    row.run = state_.run;
    row.session = state_.session;
    row.call = call;
    row.requested_us = at_us;
    if (const engine::CallState* proposed = state_.find_call(call)) {
        row.tool = proposed->proposal.tool;
        row.input = proposed->proposal.input;
    }
    return row;
}

/// A gate that waits from here on.
void RunProjection::wait_for(journal::ApprovalRow row) {
    changed_approvals_.push_back(row);
    ApprovalId id = row.approval;
    pending_.emplace(std::move(id), std::move(row));
}

void RunProjection::follow_gates(const engine::Event& event) {
    if (const auto* requested = std::get_if<engine::ApprovalRequested>(&event.body)) {
        journal::ApprovalRow row = open_gate(requested->approval, requested->call, event.at_us);
        row.digest = requested->digest;
        row.summary = requested->summary;
        row.reason = requested->reason;
        if (requested->deadline)
            row.expires_us = requested->deadline->wall_us;
        wait_for(std::move(row));
    } else if (const auto* resolved = std::get_if<engine::ApprovalResolved>(&event.body)) {
        settle_gate(
            resolved->approval,
            event,
            resolved->allowed ? journal::ApprovalState::allowed : journal::ApprovalState::denied,
            resolved->reason);
    } else if (const auto* expired = std::get_if<engine::ApprovalExpired>(&event.body)) {
        settle_gate(
            expired->approval, event, journal::ApprovalState::denied, "nobody has decided in time");
    } else if (const auto* escalated = std::get_if<engine::ApprovalEscalated>(&event.body)) {
        journal::ApprovalRow& row = pending_.at(escalated->approval);
        for (const std::string& principal : escalated->to)
            row.escalated_to += (row.escalated_to.empty() ? "" : " ") + principal;
        changed_approvals_.push_back(row);
    }
    follow_outcomes(event);
    follow_questions(event);
    if (engine::is_terminal(state_.status))
        while (!pending_.empty())
            settle_gate(
                ApprovalId(pending_.begin()->first), event, journal::ApprovalState::voided, {});
}

void RunProjection::follow_outcomes(const engine::Event& event) {
    if (const auto* unknown = std::get_if<engine::ToolOutcomeUnknown>(&event.body)) {
        const engine::CallState* call = state_.find_call(unknown->call);
        const int execution = call == nullptr ? 0 : call->executions;
        journal::ApprovalRow row = open_gate(
            engine::outcome_gate_id(state_.run, unknown->call, execution),
            unknown->call,
            event.at_us);
        row.kind = journal::GateKind::outcome_unknown;
        row.digest = codec::sha256(row.approval.value);
        row.summary = row.tool +
                      ": the outcome is unknown; allow runs it again, deny gives it up, supply "
                      "says what came of it";
        row.reason = unknown->reason;
        wait_for(std::move(row));
    } else if (const auto* told = std::get_if<engine::OutcomeResolved>(&event.body)) {
        const engine::CallState* call = state_.find_call(told->call);
        settle_gate(
            engine::outcome_gate_id(state_.run, told->call, call == nullptr ? 0 : call->executions),
            event,
            told->choice == engine::OutcomeChoice::abandon ? journal::ApprovalState::denied
                                                           : journal::ApprovalState::allowed,
            told->reason);
    }
}

void RunProjection::follow_questions(const engine::Event& event) {
    if (const auto* asked = std::get_if<engine::QuestionAsked>(&event.body)) {
        journal::ApprovalRow row =
            open_gate(ApprovalId{asked->question.value}, asked->call, event.at_us);
        row.kind = journal::GateKind::question;
        row.digest = row.input.digest;
        row.summary = asked->summary;
        if (asked->deadline.is_set())
            row.expires_us = asked->deadline.wall_us;
        wait_for(std::move(row));
    } else if (const auto* answered = std::get_if<engine::QuestionResolved>(&event.body)) {
        settle_gate(
            ApprovalId{answered->question.value},
            event,
            answered->declined ? journal::ApprovalState::denied : journal::ApprovalState::allowed,
            answered->reason);
    }
}

void RunProjection::settle_gate(
    const ApprovalId& approval,
    const engine::Event& event,
    journal::ApprovalState state,
    const std::string& reason) {
    const auto found = pending_.find(approval);
    if (found == pending_.end())
        return;
    journal::ApprovalRow row = std::move(found->second);
    pending_.erase(found);
    row.state = state;
    row.resolution_reason = reason;
    row.resolved_us = event.at_us;
    if (state != journal::ApprovalState::voided)
        row.resolved_by = event.authority.to_string();
    changed_approvals_.push_back(std::move(row));
}

std::vector<journal::Row> RunProjection::take_changed_rows() {
    std::vector<journal::Row> rows;
    rows.emplace_back(run_row());
    for (auto& [id, row] : changed_calls_)
        rows.emplace_back(std::move(row));
    changed_calls_.clear();
    for (journal::ApprovalRow& row : changed_approvals_)
        rows.emplace_back(std::move(row));
    changed_approvals_.clear();
    for (const std::int64_t at_us : std::exchange(output_times_, {})) {
        const engine::OutputState& output = state_.outputs[outputs_taken_];
        rows.emplace_back(journal::OutputRow{
            .run = state_.run,
            .session = state_.session,
            .index = static_cast<std::int64_t>(outputs_taken_),
            .source_kind = output.source_kind,
            .content = output.content,
            .at_us = at_us,
            .call = output.call});
        ++outputs_taken_;
    }
    return rows;
}

std::int64_t RunProjection::spooled_bytes_of_turn() const {
    std::int64_t bytes = 0;
    for (const auto& [id, row] : calls_)
        if (row.spool)
            bytes += row.spool->size_bytes;
    return bytes;
}

journal::RunRow RunProjection::run_row() const {
    const engine::ScopeUsage usage = state_.scope.usage();
    const engine::WaitReason reason = engine::wait_reason(state_);
    journal::RunRow row;
    row.run = state_.run;
    row.session = state_.session;
    row.agent = state_.agent;
    row.kind = state_.request.kind;
    row.status = engine::to_string(state_.status);
    row.wait_reason = reason == engine::WaitReason::none ? "" : engine::to_string(reason);
    row.wait_since_us = wait_since_us_;
    row.queue_position = queue_position(state_);
    row.submitted_us = state_.accepted_at_us;
    row.updated_us = state_.updated_at_us;
    row.started_us = when(state_.started_at_us);
    row.finished_us = when(state_.finished_at_us);
    row.route = state_.request.route;
    row.model = state_.request.model;
    row.mode = govern::to_string(to_govern(state_.request.mode));
    row.source_plugin = state_.request.source_plugin;
    row.source_kind = state_.request.source_kind;
    row.actor_id = state_.request.actor_id;
    row.text_preview = state_.request.text_preview;
    row.metadata = state_.request.metadata;
    row.input = state_.request.input;
    row.error_code = state_.failure_code;
    row.error = state_.failure;
    row.turns = state_.model.turn;
    row.tokens_input = state_.usage.input;
    row.tokens_output = state_.usage.output;
    row.tokens_cache_read = state_.usage.cache_read;
    row.tokens_cache_write = state_.usage.cache_write;
    row.attempt = state_.scope.attempt;
    row.unit = state_.scope.unit;
    row.cpu_usage_us = usage.cpu_usage_us;
    row.memory_peak_bytes = known(usage.memory_peak_bytes);
    row.tasks_peak = known(usage.tasks_peak);
    row.io_read_bytes = known(usage.io_read_bytes);
    row.io_write_bytes = known(usage.io_write_bytes);
    row.pending_approvals = static_cast<std::int64_t>(
        std::count_if(pending_.begin(), pending_.end(), [](const auto& gate) {
            return gate.second.kind != journal::GateKind::question;
        }));
    row.cancel_requested = state_.cancel_requested;
    row.scope_open = state_.scope.phase != engine::ScopeState::Phase::none;
    return row;
}

} // namespace kheish::control
