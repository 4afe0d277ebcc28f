#include "run_view.hpp"

#include "base/error.hpp"
#include "output.hpp"

#include <vector>

namespace kheish::ctl {

namespace {

using codec::Json;

std::string join(const std::vector<std::string>& parts) {
    std::string text;
    for (const std::string& part : parts)
        text.append(text.empty() ? "" : ", ").append(part);
    return text;
}

} // namespace

bool is_terminal_status(const std::string& status) {
    return status == "completed" || status == "failed" || status == "interrupted" ||
           status == "cancelled";
}

int exit_code_of(const Json& run) {
    const std::string status = text_at(run, "status");
    if (status == "completed")
        return 0;
    if (status == "cancelled" || status == "interrupted")
        return error_info(Errc::cancelled).exit_code;
    return error_info(Errc::internal).exit_code;
}

std::string accounting_text(const Json& run) {
    const Json usage = object_at(run, "accounting");
    std::vector<std::string> parts;
    if (number_at(usage, "wall_us") > 0)
        parts.push_back(duration_text(number_at(usage, "wall_us")) + " wall time");
    if (usage.find("cpu_usage_us"))
        parts.push_back(duration_text(number_at(usage, "cpu_usage_us")) + " CPU");
    if (usage.find("memory_peak_bytes"))
        parts.push_back(size_text(number_at(usage, "memory_peak_bytes")) + " memory peak");
    if (usage.find("tasks_peak"))
        parts.push_back(std::to_string(number_at(usage, "tasks_peak")) + " tasks peak");
    if (usage.find("turns"))
        parts.push_back(std::to_string(number_at(usage, "turns")) + " turns");
    parts.push_back(
        std::to_string(number_at(usage, "input_tokens")) + " tokens in, " +
        std::to_string(number_at(usage, "output_tokens")) + " out");
    return join(parts);
}

std::string answer_text(const Json& run) {
    std::string text;
    for (const Json& output : object_at(run, "outputs").items()) {
        text += shown_text(text_at(output, "content"));
        if (!text.empty() && text.back() != '\n')
            text += "\n";
    }
    return text;
}

std::string approval_text(const Json& approval) {
    const std::string id = shown(text_at(approval, "id"));
    const bool is_outcome = text_at(approval, "gate") == "outcome_unknown";
    std::string text =
        shown(text_at(approval, "tool_name")) +
        (is_outcome ? " may have happened, say what came of it (" : " waits for a decision (") +
        id + ", session " + shown(text_at(approval, "session_id")) + ")\n";
    // Escaped by kheishd.
    add_field(text, is_outcome ? "unknown" : "would run", text_at(approval, "summary"));
    add_field(text, "because", shown(text_at(approval, "reason")));
    add_field(text, "digest", shown(text_at(approval, "digest")));
    add_field(text, is_outcome ? "run again" : "allow", "kheishctl approvals allow " + id);
    if (is_outcome)
        add_field(text, "supply", "kheishctl approvals supply " + id + " --result TEXT");
    add_field(text, is_outcome ? "give up" : "deny", "kheishctl approvals deny " + id);
    return text;
}

std::string question_text(const Json& request) {
    const std::string id = shown(text_at(request, "id"));
    std::string text = "a question waits for an answer (" + id + ")\n";
    for (const Json& question : object_at(request, "questions").items()) {
        text += "  " + shown(text_at(question, "id")) + ": " +
                shown(text_at(question, "question")) + "\n";
        for (const Json& option : object_at(question, "options").items()) {
            const std::string description = text_at(option, "description");
            text += "      " + shown(text_at(option, "id")) + "  " +
                    shown(text_at(option, "label")) +
                    (description.empty() ? "" : ": " + shown(description)) + "\n";
        }
    }
    add_field(text, "expires", time_text(number_at(request, "expires_at_ms")));
    add_field(text, "answer", "kheishctl questions answer " + id);
    return text;
}

std::string explanation_text(const Json& run) {
    const Json explanation = object_at(run, "explanation"); // escaped by kheishd
    const std::string id = shown(text_at(run, "run_id"));
    std::string text = id;
    if (const std::string reason = text_at(run, "wait_reason"); !reason.empty())
        text += " has waited for " + shown(reason) + " since " +
                time_text(number_at(run, "waiting_since_ms"));
    text += ": " + text_at(explanation, "text") + "\n";
    add_field(text, "ended by", text_at(explanation, "ended_by"));
    add_field(text, "until", time_text(number_at(explanation, "until_ms")));
    if (!is_terminal_status(text_at(run, "status")))
        add_field(text, "give up", "kheishctl runs cancel " + id);
    return text;
}

std::string run_text(const Json& run) {
    const Json request = object_at(run, "request");
    std::string status = shown(text_at(run, "status"));
    if (const std::string reason = text_at(run, "wait_reason"); !reason.empty())
        status += " (waits for: " + shown(reason) + ")";
    std::string text = shown(text_at(run, "run_id")) + "  " + status + "\n";
    add_field(text, "session", shown(text_at(run, "session_id")));
    add_field(text, "input", shown(text_at(request, "text_preview")));
    add_field(text, "model", shown(text_at(request, "model")));
    add_field(text, "unit", shown(text_at(run, "unit")));
    add_field(text, "submitted", time_text(number_at(run, "submitted_at_ms")));
    add_field(text, "started", time_text(number_at(run, "started_at_ms")));
    add_field(text, "finished", time_text(number_at(run, "finished_at_ms")));
    add_field(text, "used", accounting_text(run));
    add_field(text, "error", shown(text_at(run, "error")));
    for (const Json& approval : object_at(run, "pending_approvals").items())
        text += "\n" + approval_text(approval);
    for (const Json& question : object_at(run, "pending_questions").items())
        text += "\n" + question_text(question);
    const std::string answer = answer_text(run);
    if (!answer.empty())
        text += "\n" + answer;
    return text;
}

} // namespace kheish::ctl
