#include "status_view.hpp"

#include "output.hpp"

#include <array>

namespace kheish::ctl {

namespace {

using codec::Json;

/// "2 running, 1 queued", or "none live"; then how many are over.
std::string runs_text(const Json& runs) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kLive{{
        {"running", "running"},
        {"waiting_for_approval", "waiting for approval"},
        {"waiting_for_user_question", "waiting for an answer"},
        {"queued", "queued"},
    }};
    std::string text;
    std::int64_t over = number_at(runs, "total");
    for (const auto& [status, words] : kLive) {
        const std::int64_t count = number_at(runs, status);
        over -= count;
        if (count > 0)
            text.append(text.empty() ? "" : ", ")
                .append(std::to_string(count))
                .append(" ")
                .append(words);
    }
    return (text.empty() ? "none live" : text) + "; " + std::to_string(over) + " over";
}

/// Runs that make no progress; empty where there are none.
std::string stuck_text(const Json& runs) {
    std::string text;
    for (const Json& id : object_at(runs, "stale_non_terminal_run_ids").items())
        if (id.is_string())
            text.append(text.empty() ? "" : ", ").append(shown(id.string()));
    return text.empty() ? text : text + ": see kheishctl runs explain";
}

std::string journal_text(const Json& status) {
    const Json storage = object_at(status, "storage");
    if (const std::string error = text_at(storage, "error"); !error.empty())
        return "cannot be written, new work is refused: " + shown(error);
    return "fine, newest event " + shown(text_at(object_at(status, "events"), "newest_event_id"));
}

std::string route_text(const Json& route) {
    const std::string model = text_at(route, "model");
    std::string text = shown(text_at(route, "provider"));
    if (!model.empty() && model != text_at(route, "provider"))
        text += " " + shown(model);
    if (object_at(route, "active").boolean())
        text += ", default";
    if (text_at(route, "state") == "ok")
        return text + ", ready";
    return text + ", " + shown(text_at(route, "state")) + ": " + shown(text_at(route, "message"));
}

void add_routes(std::string& text, const Json& status) {
    const Json routes = object_at(object_at(status, "provider_readiness"), "routes");
    text += "\nModel routes:\n";
    for (const Json& route : routes.items())
        add_field(text, shown(text_at(route, "route_id")), route_text(route));
    if (routes.size() == 0)
        text += "  none, so input is refused; kheish.toml(5) says how to add one\n";
}

} // namespace

std::string status_text(const Json& status) {
    const Json runtime = object_at(status, "runtime");
    const Json runs = object_at(status, "runs");
    const std::int64_t approvals = number_at(runs, "pending_approval_count");
    std::string state = shown(text_at(status, "status"));
    if (state == "ready" && !object_at(status, "ready").boolean())
        state = "not ready";
    std::string text = "kheishd " + shown(text_at(status, "version")) + " is " + state + "\n";
    add_field(
        text,
        "process",
        std::to_string(number_at(status, "process_id")) + ", since " +
            time_text(number_at(status, "started_at_ms")));
    add_field(text, "journal", journal_text(status));
    add_field(text, "permissions", "mode " + shown(text_at(runtime, "permission_mode")));
    add_field(text, "sandbox", "profile " + shown(text_at(runtime, "sandbox_profile")));
    add_field(text, "sessions", std::to_string(number_at(object_at(status, "sessions"), "total")));
    add_field(text, "runs", runs_text(runs));
    if (const std::string stuck = stuck_text(runs); !stuck.empty())
        add_field(text, "stuck", stuck);
    if (approvals > 0)
        add_field(
            text,
            "approvals",
            std::to_string(approvals) + " pending, see kheishctl approvals list");
    if (const std::int64_t questions = number_at(runs, "pending_question_count"); questions > 0)
        add_field(
            text,
            "questions",
            std::to_string(questions) + " pending, see kheishctl questions list");
    add_routes(text, status);
    return text;
}

} // namespace kheish::ctl
