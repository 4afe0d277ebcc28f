#include "live_view.hpp"

#include "base/ids.hpp"
#include "output.hpp"
#include "run_view.hpp"

namespace kheish::ctl {

namespace {

using codec::Json;

std::string quoted(const std::string& text) {
    return text.empty() ? std::string() : ": " + shown(text);
}

std::string scope_of(const std::string& run, std::int64_t attempt) {
    const std::optional<RunId> id = RunId::parse(run);
    if (!id || attempt <= 0)
        return {};
    return " in " + run_scope_name(*id, static_cast<int>(attempt));
}

std::string indented(const std::string& text) {
    std::string result;
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = rest.find('\n');
        result.append("    ").append(rest.substr(0, end)).append("\n");
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return result;
}

/// Text of the traces that take one line and nothing else.
std::string plain_trace(const std::string& type, const Json& kind, const std::string& run) {
    const std::string turn = std::to_string(number_at(kind, "turn"));
    if (type == "model_attempt_started")
        return "model   turn " + turn + " asks " + shown(text_at(kind, "route")) + "/" +
               shown(text_at(kind, "model"));
    if (type == "model_attempt_finished" && kind.find("error"))
        return "model   turn " + turn + " failed" + quoted(text_at(kind, "error"));
    if (type == "model_attempt_finished") {
        const Json usage = object_at(kind, "usage");
        return "model   turn " + turn + " answers, " + std::to_string(number_at(usage, "input")) +
               " tokens in, " + std::to_string(number_at(usage, "output")) + " out" +
               quoted(text_at(kind, "text_preview"));
    }
    if (type == "model_retry_scheduled")
        return "model   turn " + turn + " will be tried again";
    if (type == "run_launched")
        return "scope   " + shown(text_at(kind, "unit"));
    if (type == "run_launch_failed")
        return "scope   not started" + quoted(text_at(kind, "error"));
    if (type == "run_runner_adopted")
        return "scope   taken over after a restart" + scope_of(run, number_at(kind, "attempt"));
    if (type == "run_recovered")
        return "daemon  restarted, the run goes on";
    if (type != "run_scope_ended")
        return {};
    const Json usage = object_at(kind, "usage");
    std::string text = "scope   ended, " + duration_text(number_at(usage, "cpu_usage_us")) + " CPU";
    if (number_at(usage, "memory_peak_bytes") > 0)
        text += ", " + size_text(number_at(usage, "memory_peak_bytes")) + " memory peak";
    return text;
}

} // namespace

std::string LiveView::line(const std::string& run, const std::string& text) const {
    return (with_session_ && !run.empty() ? shown(run) + "  " : std::string()) + text + "\n";
}

std::string LiveView::finish() {
    return std::exchange(line_open_, false) ? "\n" : "";
}

void LiveView::learn_calls(const Json& kind, const std::string& run) {
    for (const Json& call : object_at(kind, "calls").items())
        tools_[run + " " + text_at(call, "call")] = text_at(call, "tool");
}

std::string LiveView::tool_line(const std::string& type, const Json& kind, const std::string& run) {
    std::string call = text_at(kind, "call_id");
    if (call.empty())
        call = text_at(kind, "call");
    std::string tool = text_at(kind, "tool_name");
    if (tool.empty())
        tool = tools_[run + " " + call];
    const std::string name = shown(tool.empty() ? call : tool);
    if (type == "tool_started")
        return line(run, "tool    " + name + scope_of(run, number_at(kind, "scope_attempt")));
    if (type == "tool_finished")
        return line(
            run,
            "tool    " + name + " " + shown(text_at(kind, "outcome")) + " after " +
                duration_text(number_at(kind, "duration_us")) +
                quoted(text_at(kind, "text_preview")));
    if (type == "permission_evaluated" && text_at(kind, "decision") != "allow")
        return line(run, "permit  " + name + ": " + shown(text_at(kind, "decision")));
    return {};
}

std::string LiveView::trace_line(const Json& trace) {
    const Json kind = object_at(trace, "kind");
    const std::string type = text_at(kind, "type");
    const std::string run = text_at(trace, "run_id");
    learn_calls(kind, run);
    const std::string plain = plain_trace(type, kind, run);
    return plain.empty() ? tool_line(type, kind, run) : line(run, plain);
}

std::string LiveView::run_line(const Json& data) {
    const Json run = object_at(data, "run");
    const std::string id = text_at(run, "run_id");
    const std::string status = text_at(run, "status");
    std::string state = status;
    for (const Json& approval : object_at(run, "pending_approvals").items())
        state += " " + text_at(approval, "id");
    for (const Json& question : object_at(run, "pending_questions").items())
        state += " " + text_at(question, "id");
    if (std::exchange(states_[id], state) == state)
        return {};
    std::string text = line(id, "run     " + shown(id) + " " + shown(status));
    for (const Json& approval : object_at(run, "pending_approvals").items())
        text += indented(approval_text(approval));
    for (const Json& question : object_at(run, "pending_questions").items())
        text += indented(question_text(question));
    if (const std::string error = text_at(run, "error"); !error.empty())
        text += line(id, "error   " + shown(error));
    if (is_terminal_status(status))
        text += line(id, "used    " + accounting_text(run));
    return text;
}

std::string LiveView::text_of(const StreamFrame& frame) {
    if (frame.event == "text_delta") {
        std::string text = shown_text(text_at(frame.data, "text"));
        if (!text.empty())
            line_open_ = text.back() != '\n';
        return text;
    }
    std::string text;
    if (frame.event == "run_updated")
        text = run_line(frame.data);
    else if (frame.event == "trace")
        text = trace_line(object_at(frame.data, "trace"));
    else if (frame.event == "output")
        text = line(text_at(object_at(frame.data, "output"), "run_id"), "output") +
               indented(shown_text(text_at(object_at(frame.data, "output"), "content")));
    else if (frame.event == "session_state_changed" && with_session_)
        text = "session " + shown(text_at(frame.data, "session_id")) + " " +
               shown(text_at(frame.data, "status")) + "\n";
    return text.empty() ? text : finish() + text;
}

} // namespace kheish::ctl
