#include "control/explain.hpp"

#include "base/text.hpp"
#include "control/run_projection.hpp"

#include <algorithm>
#include <optional>
#include <vector>

namespace kheish::control {

namespace {

using codec::Json;
using engine::WaitReason;

/// Words, not yet a view.
struct Words {
    std::string text;
    std::string ended_by;
    std::optional<std::int64_t> until_us = {};
};

std::string foreign(std::string_view text) {
    return escape_for_display(truncate_utf8(to_valid_utf8(text), kExplainedBytes));
}

std::string in_parentheses(const std::string& text) {
    return text.empty() ? text : " (" + foreign(text) + ")";
}

std::string joined(const std::vector<std::string>& items) {
    std::string text;
    for (std::size_t i = 0; i < items.size() && i < kExplainedItems; ++i)
        text.append(text.empty() ? "" : "; ").append(items[i]);
    if (items.size() > kExplainedItems)
        text += "; and " + std::to_string(items.size() - kExplainedItems) + " more";
    return text;
}

Words explain_queue(const RunDetails& details, const Surroundings& around) {
    const std::int64_t before = details.queue_position.value_or(0);
    if (before > 0)
        return {
            "it stands in its session's line, with " + std::to_string(before) + " before it",
            "kheishd, when they are over"};
    if (around.active_run)
        return {
            around.active_run.to_string() + " of the same session is not over",
            "the end of " + around.active_run.to_string()};
    return {
        "kheishd works on as many runs as it may at once",
        "kheishd, when one of them is over and this is the one that has waited longest"};
}

Words explain_model(const journal::RunRow& row, const engine::RunState* state) {
    std::string text = "the model " + foreign(row.route + "/" + row.model) + " has to answer";
    if (state != nullptr && state->model.phase == engine::ModelState::Phase::in_flight)
        text += ", turn " + std::to_string(state->model.turn) + ", attempt " +
                std::to_string(state->model.attempt);
    return {std::move(text), "its answer, or its failure, which kheishd deals with"};
}

/// `words` with how the last attempt failed, and when the next one is made.
Words with_retry(Words words, const engine::RunState* state) {
    if (state == nullptr)
        return words;
    words.text += in_parentheses(state->model.last_failure.error);
    if (state->model.phase == engine::ModelState::Phase::waiting)
        words.until_us = state->model.retry.deadline.wall_us;
    return words;
}

Words explain_retry(const engine::RunState* state, bool network) {
    return with_retry(
        {network ? "the model's provider cannot be reached" : "the model's provider has failed",
         "kheishd, which asks again by itself"},
        state);
}

Words explain_credential(const journal::RunRow& row, const engine::RunState* state) {
    return with_retry(
        {"the credential of route " + foreign(row.route) + " is missing or is not taken",
         "another one, which an administrator gives with kheishctl secrets set or as a systemd "
         "credential; kheishd goes on then, and asks again by itself meanwhile"},
        state);
}

Words explain_audit(const engine::RunState* state) {
    Words words{
        "what kheishd would do outside of itself cannot be put on record, so it is not done",
        "a journal that takes writes (kheishctl status); kheishd tries again by itself"};
    if (state != nullptr)
        words.text += in_parentheses(state->model.last_failure.error);
    return words;
}

Words explain_tools(const engine::RunState* state) {
    std::vector<std::string> running;
    if (state != nullptr)
        for (const engine::CallState& call : state->calls)
            if (call.is_in_flight())
                running.push_back(
                    foreign(call.proposal.tool) + " (" + call.proposal.call.value + ")");
    return {
        running.empty() ? "its tools are at work" : "tools are at work: " + joined(running),
        "their end, or the end of their scope"};
}

Words explain_launch(const engine::RunState* state) {
    Words words{"the scope for its tools is not there yet", "systemd, which is asked to start it"};
    if (state != nullptr && !state->scope.launch_error.empty())
        words.text += ", the last try failed" + in_parentheses(state->scope.launch_error);
    return words;
}

std::string explain_gate(const journal::ApprovalRow& gate) {
    const std::string id = " (" + gate.approval.value + ")";
    if (gate.kind == journal::GateKind::outcome_unknown)
        return "nobody knows whether " + foreign(gate.tool) + " has happened" + id;
    // The summary was escaped when it was made.
    return foreign(gate.tool) +
           " wants to do this: " + std::string(truncate_utf8(gate.summary, kExplainedBytes)) + id;
}

Words explain_gates(const journal::RunRow& row, const RunDetails& details) {
    std::vector<std::string> gates;
    std::optional<std::int64_t> first_end_us;
    for (const journal::ApprovalRow& gate : details.approvals) {
        gates.push_back(explain_gate(gate));
        if (gate.expires_us)
            first_end_us = std::min(first_end_us.value_or(*gate.expires_us), *gate.expires_us);
    }
    Words words{
        gates.empty() ? "somebody has to decide" : joined(gates),
        row.owner + " or an administrator, by kheishctl approvals allow or deny"};
    words.until_us = first_end_us;
    return words;
}

Words explain_question(const journal::RunRow& row, const RunDetails& details) {
    Words words{
        "somebody has to answer its question",
        row.owner + " or an administrator, by kheishctl questions answer"};
    for (const journal::ApprovalRow& gate : details.approvals)
        if (gate.kind == journal::GateKind::question) {
            // The summary was escaped when it was made.
            words.text += ": " + std::string(truncate_utf8(gate.summary, kExplainedBytes)) + " (" +
                          gate.approval.value + ")";
            words.until_us = gate.expires_us;
        }
    return words;
}

Words explain_end(const journal::RunRow& row) {
    const std::string why = row.error.empty() ? "" : ": " + foreign(row.error);
    const std::string rest = row.scope_open ? "; its scope is being stopped" : "";
    return {"it is over, " + row.status + why + rest, ""};
}

Words explain_wait(
    const journal::RunRow& row, const RunDetails& details, const Surroundings& around) {
    switch (engine::parse_wait_reason(row.wait_reason).value_or(WaitReason::none)) {
    case WaitReason::none:
        return explain_end(row);
    case WaitReason::queue:
        return explain_queue(details, around);
    case WaitReason::model:
        return explain_model(row, around.state);
    case WaitReason::timer:
        return explain_retry(around.state, false);
    case WaitReason::network:
        return explain_retry(around.state, true);
    case WaitReason::audit:
        return explain_audit(around.state);
    case WaitReason::credential:
        return explain_credential(row, around.state);
    case WaitReason::tools:
        return explain_tools(around.state);
    case WaitReason::launch:
        return explain_launch(around.state);
    case WaitReason::approval:
    case WaitReason::outcome_unknown:
        return explain_gates(row, details);
    case WaitReason::question:
        return explain_question(row, details);
    default: // an event of a newer kheishd
        return {"it waits for " + foreign(row.wait_reason), row.owner + " or an administrator"};
    }
}

} // namespace

Json explain(
    const journal::RunRow& row, const RunDetails& details, const Surroundings& surroundings) {
    Words words = explain_wait(row, details, surroundings);
    if (!surroundings.writable && !row.wait_reason.empty())
        words.text += "; and the journal cannot be written, so that nothing goes on";
    if (row.cancel_requested && !row.finished_us)
        words.text += "; it is being cancelled";
    Json view = Json::object({{"text", words.text}});
    if (!words.ended_by.empty())
        view.set("ended_by", words.ended_by);
    if (words.until_us)
        view.set("until_ms", to_milliseconds(*words.until_us));
    return view;
}

} // namespace kheish::control
