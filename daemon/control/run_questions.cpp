// What a run asks a person: put with its deadline, answered, or over when nobody has answered.

#include "base/log.hpp"
#include "control/run_actor.hpp"
#include "tools/input.hpp"
#include "tools/question.hpp"
#include "tools/tool.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace kheish::control {

namespace {

constexpr std::int64_t kMicrosPerMilli = 1000;
/// Milliseconds that can be counted in microseconds.
constexpr std::int64_t kLatestMs = std::numeric_limits<std::int64_t>::max() / kMicrosPerMilli / 4;

/// The earlier of the two where both are given: a moment of the calendar, or a time from now.
Deadline deadline_of(const tools::AskUserQuestionInput& asked, const Clock& clock) {
    Deadline soonest;
    if (asked.expires_after_ms)
        soonest = Deadline::after(*asked.expires_after_ms * kMicrosPerMilli, clock);
    if (asked.expires_at_ms) {
        const Deadline moment =
            Deadline::at(std::min(*asked.expires_at_ms, kLatestMs) * kMicrosPerMilli);
        if (!soonest.is_set() || moment.left_us(clock) < soonest.left_us(clock))
            soonest = moment;
    }
    return soonest;
}

Result<tools::AskUserQuestionInput> parse_asked(const Result<std::string>& input) {
    if (!input)
        return fail(input.error());
    KHEISH_TRY(const codec::Json json, tools::parse_input(*input));
    return tools::AskUserQuestionInput::parse(json);
}

} // namespace

void RunActor::Planner::operator()(const engine::AskQuestion& effect) {
    const engine::CallState* call = actor.state().find_call(effect.call);
    KHEISH_ASSERT(call != nullptr);
    const Result<std::string> input = actor.input_of(*call);
    const Result<tools::AskUserQuestionInput> asked = parse_asked(input);
    const tools::Tool* tool = actor.find_tool(call->proposal.tool);
    if (!asked || tool == nullptr) {
        actor.break_off(
            asked ? Error{.code = Errc::journal_corrupt, .message = "a question of no tool"}
                  : asked.error());
        return;
    }
    engine::QuestionAsked body;
    body.question = engine::next_question_id(actor.state());
    body.call = effect.call;
    body.summary = tools::summary(*tool, *input);
    body.deadline = deadline_of(*asked, actor.outside_.clock);
    log(Level::notice,
        "a run asks a question",
        {{log_field::kMessageId, std::string(log_message::kQuestionAsked)},
         {log_field::kRunId, actor.run().to_string()},
         {log_field::kCallId, effect.call.value}});
    (void)actor.plan_event(plan, std::move(body));
}

void RunActor::Planner::operator()(const engine::ArmQuestionTimer& effect) {
    actor.stand_until(
        plan,
        "expiry-" + effect.question.value,
        effect.deadline,
        [&actor = actor, question = effect.question, call = effect.call] {
            if (actor.state().find_question(question) != nullptr)
                actor.record(engine::QuestionExpired{.question = question, .call = call});
        });
}

Status RunActor::stage_answer(Batch& batch, const ResolveQuestion& resolution) {
    const engine::CallState* call = state().find_question(resolution.question);
    if (call == nullptr)
        return fail(
            Errc::question_state_conflict,
            run().to_string() + " does not wait for an answer to " + resolution.question.value);
    KHEISH_TRY(const tools::AskUserQuestionInput asked, parse_asked(input_of(*call)));
    KHEISH_TRY(std::string text, answer_text(asked, resolution));
    engine::QuestionResolved resolved;
    resolved.question = resolution.question;
    resolved.call = call->proposal.call;
    resolved.declined = resolution.declined;
    resolved.text = codec::blob_ref(text);
    resolved.reason = resolution.justification;
    batch.blobs.push_back(std::move(text));
    return stage(batch, std::move(resolved));
}

} // namespace kheish::control
