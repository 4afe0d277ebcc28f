#include "waiting.hpp"

#include "event_stream.hpp"
#include "live_view.hpp"
#include "output.hpp"
#include "run_view.hpp"

#include <chrono>
#include <optional>
#include <unistd.h>

namespace kheish::ctl {

namespace {

using codec::Json;

/// What follows a run's end (the scope's accounting) comes within this.
constexpr int kQuietMs = 400;

Call describe(const std::string& path) {
    return {.path = path, .interface = kRun, .member = "Describe"};
}

bool ends_run(const StreamFrame& frame) {
    return frame.event == "run_updated" &&
           is_terminal_status(text_at(object_at(frame.data, "run"), "status"));
}

void show_progress(LiveView& view, const StreamFrame& frame) {
    if (const std::string text = view.text_of(frame); !text.empty())
        print_message(text.substr(0, text.find_last_not_of('\n') + 1));
}

using TimePoint = std::chrono::steady_clock::time_point;

/// The run as it is now; nothing where kheishd is away and may come back, which `away_since` keeps
/// from the first question without an answer on.
Result<std::optional<Json>>
look_at(Session& session, const std::string& path, std::optional<TimePoint>& away_since) {
    Result<Json> view = session.call_json(describe(path));
    if (view) {
        away_since.reset();
        return std::optional(std::move(*view));
    }
    const TimePoint now = std::chrono::steady_clock::now();
    if (!away_since)
        away_since = now;
    if (!may_come_back(view.error()) || now - *away_since >= EventStream::kReconnectPatience)
        return fail(std::move(view.error()));
    return std::optional<Json>();
}

std::string json_line(const StreamFrame& frame) {
    Json line = Json::object({{"event", frame.event}, {"data", frame.data}});
    if (frame.id != 0)
        line.set("id", frame.id);
    return shown_json(line) + "\n";
}

} // namespace

Result<Json> wait_for_run(Session& session, const std::string& run) {
    KHEISH_TRY(const std::string path, run_path(run));
    EventStream stream(session, {.path = path, .interface = kRun, .member = "Follow"}, {});
    KHEISH_CHECK(stream.open());
    const bool progress = is_terminal(STDERR_FILENO);
    LiveView view(false);
    bool look = true; // before the first frame and after each time kheishd was away
    std::optional<TimePoint> away_since;
    for (;;) {
        if (look) {
            KHEISH_TRY(const std::optional<Json> now, look_at(session, path, away_since));
            if (now && is_terminal_status(text_at(*now, "status")))
                return *now;
            if (now && progress)
                show_progress(
                    view, {.event = "run_updated", .data = Json::object({{"run", *now}})});
        }
        // A kheishd that is leaving refuses the question and closes the stream in either order.
        const int patience_ms = away_since ? EventStream::kFirstRetryMs : -1;
        KHEISH_TRY(const std::optional<StreamFrame> frame, stream.next(patience_ms));
        if (frame && progress && frame->event != "text_delta")
            show_progress(view, *frame);
        look = stream.reopened() || away_since || (frame && ends_run(*frame));
    }
}

Result<int> wait_and_show(Session& session, const std::string& run, bool answer_only) {
    KHEISH_TRY(const Json view, wait_for_run(session, run));
    const std::string status = text_at(view, "status");
    const int exit_code = exit_code_of(view);
    if (answer_only && exit_code != 0)
        print_message(
            shown(run) + " " + shown(status) +
            (text_at(view, "error").empty() ? "" : ": " + shown(text_at(view, "error"))));
    const int shown_code = session.show(view, answer_only ? answer_text(view) : run_text(view));
    return exit_code != 0 ? exit_code : shown_code;
}

Result<int> show_stream(
    Session& session, Call follow, std::optional<std::string> cursor, const std::string& run) {
    EventStream stream(session, std::move(follow), std::move(cursor));
    KHEISH_CHECK(stream.open());
    LiveView view(run.empty());
    bool over = false;
    for (;;) {
        KHEISH_TRY(const std::optional<StreamFrame> frame, stream.next(over ? kQuietMs : -1));
        const bool reopened = stream.reopened();
        if (!frame && over && !reopened)
            break;
        if (!frame)
            continue;
        over = over || (!run.empty() && ends_run(*frame));
        if (!print(session.json() ? json_line(*frame) : view.text_of(*frame)))
            return 1;
    }
    (void)print(view.finish());
    return 0;
}

} // namespace kheish::ctl
