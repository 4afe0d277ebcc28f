// A run's gates: opened with the digest of what they show, released by people, compared once more
// before what they let through begins.

#include "base/log.hpp"
#include "base/text.hpp"
#include "control/conversions.hpp"
#include "control/grant_projection.hpp"
#include "control/prompt.hpp"
#include "control/run_actor.hpp"
#include "govern/action.hpp"
#include "tools/tool.hpp"

#include <utility>

namespace kheish::control {

govern::Action RunActor::action_of(const engine::CallState& call, std::string input) const {
    return {
        .run = run(),
        .call = call.proposal.call,
        .tool = call.proposal.tool,
        .input = std::move(input),
        .working_directory = state().request.workspace,
        .sandbox_profile = settings_.sandbox_profile};
}

codec::Digest RunActor::digest_of(const engine::CallState& call, std::string input) const {
    return govern::action_digest(action_of(call, std::move(input)));
}

Result<codec::Digest> RunActor::digest_of(const engine::CallState& call) const {
    KHEISH_TRY(std::string input, input_of(call));
    return digest_of(call, std::move(input));
}

std::optional<Deadline> RunActor::deadline_after(std::chrono::microseconds time) const {
    if (time.count() <= 0)
        return std::nullopt;
    return Deadline::after(time.count(), outside_.clock);
}

template <class Opened>
void RunActor::set_overdue(Opened& opened) const {
    opened.remind = deadline_after(settings_.approvals_remind_after);
    opened.escalate = deadline_after(settings_.approvals_escalate_after);
    if (opened.escalate)
        for (const Principal& principal : settings_.approvals_escalate_to)
            opened.escalate_to.push_back(principal.to_string());
}

void RunActor::Planner::operator()(const engine::RequestApproval& effect) {
    actor.open_gate(effect.call, {}, plan);
}

void RunActor::open_gate(const CallId& call_id, const std::string& reason, Plan& plan) {
    const engine::CallState* call = state().find_call(call_id);
    KHEISH_ASSERT(call != nullptr);
    const tools::Tool* tool = find_tool(call->proposal.tool);
    const Result<std::string> input = input_of(*call);
    const Result<codec::Digest> digest = digest_of(*call);
    if (!input || !digest) {
        break_off(input ? digest.error() : input.error());
        return;
    }
    engine::ApprovalRequested requested;
    requested.approval = engine::next_approval_id(state());
    requested.call = call_id;
    requested.digest = *digest;
    requested.summary =
        tool != nullptr ? tools::summary(*tool, *input) : escape_for_display(call->proposal.tool);
    requested.reason = reason;
    requested.deadline = deadline_after(settings_.approvals_expire_after);
    set_overdue(requested);
    log(Level::notice,
        "a tool call waits for an approval",
        {{log_field::kMessageId, std::string(log_message::kApprovalAsked)},
         {log_field::kRunId, run().to_string()},
         {log_field::kCallId, call_id.value}});
    (void)plan_event(plan, std::move(requested));
}

void RunActor::Planner::operator()(const engine::AskOutcome& effect) {
    log(Level::warning,
        "the outcome of a tool call is unknown",
        {{log_field::kMessageId, std::string(log_message::kOutcomeUnknown)},
         {log_field::kRunId, actor.run().to_string()},
         {log_field::kCallId, effect.call.value}});
    engine::ToolOutcomeUnknown unknown{.call = effect.call, .reason = effect.reason};
    actor.set_overdue(unknown);
    (void)actor.plan_event(plan, std::move(unknown));
}

void RunActor::Planner::operator()(const engine::ArmApprovalTimer& effect) {
    using enum engine::GateMoment;
    const std::string_view what = effect.moment == expiry     ? "expiry-"
                                  : effect.moment == reminder ? "reminder-"
                                                              : "escalation-";
    actor.stand_until(
        plan, std::string(what) + effect.approval.value, effect.deadline, [&actor = actor, effect] {
            actor.pass(effect);
        });
}

/// A moment of a gate has come.
void RunActor::pass(const engine::ArmApprovalTimer& moment) {
    const engine::CallState* call = state().find_call(moment.call);
    if (call == nullptr || engine::waiting_gate(run(), *call) != moment.approval)
        return;
    switch (moment.moment) {
    case engine::GateMoment::expiry:
        return record(engine::ApprovalExpired{.approval = moment.approval, .call = moment.call});
    case engine::GateMoment::reminder:
        log_gate(
            engine::is_outcome_gate(moment.approval)
                ? "a tool call whose outcome is unknown waits for somebody still"
                : "a tool call waits for an approval still",
            *call);
        return record(engine::ApprovalReminded{.approval = moment.approval, .call = moment.call});
    case engine::GateMoment::escalation:
        log_gate("nobody has decided about a tool call: others are asked", *call);
        return record(engine::ApprovalEscalated{
            .approval = moment.approval, .call = moment.call, .to = call->overdue.escalate_to});
    }
}

void RunActor::log_gate(std::string_view text, const engine::CallState& call) const {
    log(Level::notice,
        text,
        {{log_field::kMessageId, std::string(log_message::kApprovalOverdue)},
         {log_field::kRunId, run().to_string()},
         {log_field::kCallId, call.proposal.call.value}});
}

bool RunActor::may_start(const engine::CallState& call, Plan& plan) {
    bool released = observer_.grants().hold(call.grants, Grants::place_of(state()));
    if (released && call.gate) {
        const Result<codec::Digest> digest = digest_of(call);
        if (!digest) {
            break_off(digest.error());
            return false;
        }
        released = *digest == call.gate->digest;
    }
    if (released)
        return true;
    // What was shown is not what would happen now (another sandbox profile, say), or somebody has
    // taken back what they had allowed beforehand.
    engine::Settlement withdrawal = engine::withdrawal_of(call);
    engine::ToolFinished finished;
    finished.call = call.proposal.call;
    finished.outcome = std::move(withdrawal.outcome);
    finished.is_error = withdrawal.is_error;
    finished.text = codec::blob_ref(withdrawal.text);
    finished.text_preview = preview_of(withdrawal.text);
    plan.batch.blobs.push_back(std::move(withdrawal.text));
    (void)plan_event(plan, std::move(finished));
    return false;
}

// --- resolutions
// ----------------------------------------------------------------------------------

Status RunActor::stage_resolutions(Batch& batch, const std::vector<Resolution>& resolutions) {
    // What is staged is in the state: all of them are found possible before the first one is.
    std::vector<engine::EventBody> bodies;
    for (const Resolution& resolution : resolutions) {
        KHEISH_TRY(engine::EventBody body, event_of(resolution, batch.blobs));
        bodies.push_back(std::move(body));
        if (resolution.remember) {
            KHEISH_TRY(engine::EventBody grant, grant_of(resolution));
            bodies.push_back(std::move(grant));
        }
    }
    for (engine::EventBody& body : bodies) {
        KHEISH_CHECK(stage(batch, std::move(body)));
        if (grant_id_of(batch.events.back())) {
            KHEISH_TRY(journal::GrantRow row, follow_grant(std::nullopt, batch.events.back()));
            batch.rows.emplace_back(std::move(row));
        }
    }
    return {};
}

Result<engine::EventBody>
RunActor::event_of(const Resolution& resolution, std::vector<std::string>& blobs) const {
    for (const engine::CallState* call : state().pending_outcomes())
        if (engine::waiting_gate(run(), *call) == resolution.approval)
            return outcome_of(*call, resolution, blobs);
    const engine::CallState* call = state().find_gate(resolution.approval);
    if (call == nullptr)
        return fail(
            Errc::approval_request_not_pending, resolution.approval.value + " is not pending");
    return decision_of(*call, resolution, blobs);
}

Result<engine::EventBody> RunActor::outcome_of(
    const engine::CallState& call, const Resolution& resolution, std::vector<std::string>& blobs) {
    if (resolution.updated_input)
        return fail(
            Errc::approval_state_conflict,
            resolution.approval.value +
                " asks for the outcome of a call that may have happened: what it was given cannot "
                "be changed");
    engine::OutcomeResolved resolved;
    resolved.call = call.proposal.call;
    resolved.reason = resolution.reason;
    switch (resolution.behavior) {
    case Resolution::Behavior::allow:
        resolved.choice = engine::OutcomeChoice::retry;
        break;
    case Resolution::Behavior::deny:
        resolved.choice = engine::OutcomeChoice::abandon;
        break;
    case Resolution::Behavior::supply:
        resolved.choice = engine::OutcomeChoice::result;
        resolved.text = codec::blob_ref(*resolution.result);
        blobs.push_back(*resolution.result);
        break;
    }
    return resolved;
}

/// The canonical form of what is to be done instead, where the tool takes it and no rule denies it.
Result<std::string>
RunActor::judge_update(const engine::CallState& call, const std::string& input) const {
    const tools::Tool* tool = find_tool(call.proposal.tool);
    if (tool == nullptr)
        return fail(
            Errc::approval_state_conflict, "there is no tool " + call.proposal.tool + " any more");
    Result<std::string> valid = tools::validate_input(*tool, input, state().request.workspace);
    if (!valid)
        return fail(std::move(valid).error().wrap("updated_input"));
    const govern::Judgement judgement = judgement_of(call, *valid);
    if (judgement.decision == govern::Behavior::deny)
        return fail(
            Errc::forbidden,
            "the permission rules deny this call of " + call.proposal.tool +
                (judgement.reason.empty() ? "" : ": " + judgement.reason));
    return valid;
}

Result<engine::EventBody> RunActor::decision_of(
    const engine::CallState& call,
    const Resolution& resolution,
    std::vector<std::string>& blobs) const {
    if (resolution.behavior == Resolution::Behavior::supply)
        return fail(
            Errc::approval_state_conflict,
            resolution.approval.value +
                " waits for permission, nothing has happened whose result could be supplied: allow "
                "or deny it");
    engine::ApprovalResolved resolved;
    resolved.approval = resolution.approval;
    resolved.call = call.proposal.call;
    resolved.digest = call.gate->digest;
    resolved.allowed = resolution.behavior == Resolution::Behavior::allow;
    resolved.reason = resolution.reason;
    if (resolution.updated_input) {
        KHEISH_TRY(std::string input, judge_update(call, *resolution.updated_input));
        resolved.updated_input = codec::blob_ref(input);
        resolved.updated_digest = digest_of(call, input);
        blobs.push_back(std::move(input));
    }
    return resolved;
}

} // namespace kheish::control
