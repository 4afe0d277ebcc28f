// A run's tool calls: judged, started, executed.

#include "base/log.hpp"
#include "base/text.hpp"
#include "control/conversions.hpp"
#include "control/prompt.hpp"
#include "control/run_actor.hpp"
#include "govern/action.hpp"
#include "tools/input.hpp"
#include "tools/limits.hpp"
#include "tools/tool.hpp"

#include <algorithm>
#include <utility>

namespace kheish::control {

Result<std::string> RunActor::input_of(const engine::CallState& call) const {
    return outside_.journal.blob(call.proposal.input.digest);
}

void RunActor::Planner::operator()(const engine::JudgeCall& effect) {
    const engine::CallState* call = actor.state().find_call(effect.call);
    KHEISH_ASSERT(call != nullptr);
    const Result<std::string> input = actor.input_of(*call);
    if (!input)
        return actor.break_off(input.error());
    const govern::Judgement judgement = actor.judgement_of(*call, *input);
    const bool decided = actor.plan_event(
        plan,
        engine::PermissionDecided{
            .call = effect.call,
            .decision = to_engine(judgement.decision),
            .base_decision = to_engine(judgement.base_decision),
            .mode = to_engine(judgement.mode),
            .mode_effect = judgement.mode_effect,
            .rule_pattern = judgement.rule_pattern,
            .rule_scope = std::string(govern::to_string(judgement.rule_scope)),
            .reason = judgement.reason,
            .grants = judgement.grants});
    if (decided && judgement.decision == govern::Behavior::ask)
        actor.open_gate(effect.call, judgement.reason, plan);
}

/// What cannot be read is denied.
govern::Judgement
RunActor::judgement_of(const engine::CallState& call, const std::string& input) const {
    const Result<codec::Json> object = codec::parse_json(input, {.bytes = tools::kMaxInputBytes});
    if (!object) {
        govern::Judgement judgement;
        judgement.reason = "its input cannot be read: " + object.error().message;
        return judgement;
    }
    std::string argument;
    govern::Subject subject = govern::subject_of(call.proposal.tool, *object, argument);
    const std::vector<const govern::Grant*> grants =
        observer_.grants().of(Grants::place_of(state()));
    if (!grants.empty())
        subject.action = govern::recurring_digest(action_of(call, input));
    return rules_.judge(state(), settings_, outside_.journal, subject, grants);
}

void RunActor::Planner::operator()(const engine::StartCalls& effect) {
    for (const engine::CallStart& start : effect.calls) {
        const engine::CallState* call = actor.state().find_call(start.call);
        KHEISH_ASSERT(call != nullptr);
        if (!actor.may_start(*call, plan)) {
            if (actor.is_broken())
                return;
            continue;
        }
        if (!actor.plan_event(
                plan,
                engine::ToolStarted{
                    .call = start.call,
                    .execution = start.execution,
                    .scope_attempt = start.scope_attempt,
                    .idempotency_key = start.idempotency_key}))
            return;
        plan.batch.acts.emplace_back(
            [self = actor.shared_from_this(), id = start.call] { self->execute(id); });
    }
}

void RunActor::execute(const CallId& id) {
    const engine::CallState* call = state().find_call(id);
    if (call == nullptr || call->phase != engine::CallPhase::started)
        return; // settled by an act before this one
    Result<std::string> input = input_of(*call);
    if (!input) {
        break_off(input.error());
        return;
    }
    if (call->proposal.place == ToolPlace::runner)
        execute_in_runner(*call, std::move(*input));
    else
        execute_in_daemon(*call, std::move(*input));
}

void RunActor::execute_in_daemon(const engine::CallState& call, std::string input) {
    if (call.proposal.tool == tools::kWebFetchTool)
        return fetch(call, input);
    post([self = shared_from_this(), id = call.proposal.call, input = std::move(input)] {
        self->emit_output(id, input);
    });
}

void RunActor::execute_in_runner(const engine::CallState& call, std::string input) {
    const tools::Tool* tool = find_tool(call.proposal.tool);
    const std::int64_t left =
        tools::kMaxCumulativeOutputBytes - projection_.spooled_bytes_of_turn();
    scopes::Execution execution;
    execution.call = call.proposal.call;
    execution.tool = call.proposal.tool;
    execution.timeout = std::min(
        settings_.tool_timeout_max,
        tool != nullptr ? tools::timeout_of(*tool, input) : std::chrono::milliseconds(1));
    execution.output_limit_bytes =
        std::clamp<std::int64_t>(left, 1, settings_.tool_output_limit_bytes);
    execution.input = std::move(input);
    execution.recorded = call.prepared;
    outside_.host.execute(run(), std::move(execution));
}

void RunActor::on_prepared(CallId call, codec::ContentChange change) {
    post([self = shared_from_this(), call = std::move(call), change] {
        self->prepare_call(call, change);
    });
}

void RunActor::prepare_call(const CallId& id, const codec::ContentChange& change) {
    const engine::CallState* call = state().find_call(id);
    if (call == nullptr || !call->is_in_flight())
        return; // settled meanwhile; its end is asked for
    if (call->prepared == change)
        return outside_.host.proceed(run(), id); // journaled before: the answer was lost
    record(engine::ToolPrepared{.call = id, .change = change}, [self = shared_from_this(), id] {
        self->outside_.host.proceed(self->run(), id);
    });
}

void RunActor::emit_output(const CallId& id, const std::string& input) {
    const Result<codec::Json> json = tools::parse_input(input);
    const Result<tools::EmitOutputInput> parsed =
        json ? tools::EmitOutputInput::parse(*json)
             : Result<tools::EmitOutputInput>(fail(json.error()));
    Batch batch = agent_batch();
    engine::ToolFinished finished;
    finished.call = id;
    std::string text;
    if (parsed) {
        batch.blobs.push_back(parsed->content);
        engine::OutputRecorded output{
            .source_kind = "emit_output", .content = codec::blob_ref(parsed->content), .call = id};
        if (!stage(batch, std::move(output)))
            return;
        finished.outcome = "ok";
        text = "emitted";
    } else {
        finished.outcome = "failed";
        finished.is_error = true;
        text = parsed.error().message;
    }
    finished.text = codec::blob_ref(text);
    finished.text_preview = preview_of(text);
    batch.blobs.push_back(std::move(text));
    if (stage(batch, std::move(finished)))
        commit(std::move(batch));
}

} // namespace kheish::control
