// Streams, and what is told of what was committed.

#include "control/control_plane.hpp"

#include <utility>

namespace kheish::control {

Result<std::unique_ptr<Subscription>> ControlPlane::subscribe(
    const Caller& caller,
    const StreamFilter& filter,
    std::optional<EventSeq> cursor,
    SubscriptionHandlers handlers) {
    if (filter.run)
        KHEISH_CHECK(reader_.run_for(caller, *filter.run));
    if (filter.session)
        KHEISH_CHECK(reader_.session_for(caller, *filter.session));
    return hub_.subscribe(caller, filter, cursor, std::move(handlers));
}

void ControlPlane::on_committed(const std::vector<engine::Event>& events) {
    hub_.announce(events);
    for (const engine::Event& event : events) {
        grants_.follow(event);
        tell_listener(event);
        wake_waiters(event.run);
    }
}

void ControlPlane::tell_listener(const engine::Event& event) {
    if (listener_ == nullptr || engine::is_governance(event.body))
        return;
    if (!event.run) {
        listener_->on_session_changed(
            event.session,
            std::holds_alternative<engine::SessionCreated>(event.body),
            std::holds_alternative<engine::SessionEnded>(event.body));
        return;
    }
    listener_->on_run_changed(
        event.run,
        std::holds_alternative<engine::RunAccepted>(event.body),
        engine::is_end_of_run(event.body));
    if (std::holds_alternative<engine::RunStarted>(event.body) || engine::is_end_of_run(event.body))
        listener_->on_session_changed(event.session, false, false);
    tell_of_gates(event);
}

void ControlPlane::tell_of_gates(const engine::Event& event) {
    const auto outcome_gate = [this, &event](const CallId& call) {
        const Result<journal::ToolCallRow> row = outside_.journal.tool_call(event.run, call);
        return engine::outcome_gate_id(
            event.run, call, row ? static_cast<int>(row->executions) : 0);
    };
    if (const auto* requested = std::get_if<engine::ApprovalRequested>(&event.body))
        listener_->on_approval_changed(requested->approval, true, false);
    if (const auto* resolved = std::get_if<engine::ApprovalResolved>(&event.body))
        listener_->on_approval_changed(resolved->approval, false, true);
    if (const auto* expired = std::get_if<engine::ApprovalExpired>(&event.body))
        listener_->on_approval_changed(expired->approval, false, true);
    if (const auto* reminded = std::get_if<engine::ApprovalReminded>(&event.body))
        listener_->on_approval_overdue(reminded->approval);
    if (const auto* escalated = std::get_if<engine::ApprovalEscalated>(&event.body)) {
        listener_->on_approval_changed(escalated->approval, false, false);
        listener_->on_approval_overdue(escalated->approval);
    }
    if (const auto* unknown = std::get_if<engine::ToolOutcomeUnknown>(&event.body))
        listener_->on_approval_changed(outcome_gate(unknown->call), true, false);
    if (const auto* told = std::get_if<engine::OutcomeResolved>(&event.body))
        listener_->on_approval_changed(outcome_gate(told->call), false, true);
    if (const auto* asked = std::get_if<engine::QuestionAsked>(&event.body))
        listener_->on_question_changed(asked->question, true, false);
    if (const auto* answered = std::get_if<engine::QuestionResolved>(&event.body))
        listener_->on_question_changed(answered->question, false, true);
    if (engine::is_end_of_run(event.body))
        tell_of_voided_gates(event.run);
}

/// What waited for a person when its run ended does so no more.
void ControlPlane::tell_of_voided_gates(RunId run) {
    const Result<journal::Page<journal::ApprovalRow>> page = outside_.journal.approvals(
        {.session = {}, .run = run, .owner = {}, .state = journal::ApprovalState::voided},
        {.after = {}, .limit = journal::kPageLimit});
    if (!page)
        return;
    for (const journal::ApprovalRow& row : page->items)
        if (row.kind == journal::GateKind::question)
            listener_->on_question_changed(QuestionId{row.approval.value}, false, true);
        else
            listener_->on_approval_changed(row.approval, false, true);
}

void ControlPlane::on_text(RunId run, const SessionId& session, std::string_view text) {
    hub_.send_transient(run, session, text_frame(run, session, text));
}

} // namespace kheish::control
