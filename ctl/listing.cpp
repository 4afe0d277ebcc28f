#include "listing.hpp"

namespace kheish::ctl {

namespace {

using codec::Json;

constexpr std::size_t kEventsLimitBytes = std::size_t{1} << 30;

std::string event_line(const Json& entry) {
    const Json event = object_at(entry, "event");
    std::string text =
        time_text(number_at(entry, "timestamp_ms")) + "  " + shown(text_at(event, "type"));
    for (const std::string& key : event.keys()) {
        const Json value = *event.find(key);
        if (key == "type" || value.is_object() || value.is_array() || value.is_null())
            continue;
        text += "  " + shown(key) + "=" +
                (value.is_string() ? shown(value.string()) : shown_json(value));
    }
    return text + "\n";
}

} // namespace

void set_given(
    Json& options, const Invocation& invocation, std::string_view option, std::string_view key) {
    options.set_optional(key, invocation.value(option));
}

std::vector<Option> page_options() {
    return {
        {"--page", "", "Show one page, and how to go on"},
        {"--limit", "N", "At most N items, 1 to 100"},
        {"--cursor", "CURSOR", "Go on behind an earlier page"},
    };
}

Json list_options(const Invocation& invocation, std::string_view session_key) {
    Json options = Json::object();
    set_given(options, invocation, "--session-id", session_key);
    set_given(options, invocation, "--limit", "limit");
    set_given(options, invocation, "--cursor", "cursor");
    if (invocation.flag("--page"))
        options.set("page", true);
    return options;
}

int show_list(
    const Session& session,
    const Json& view,
    std::vector<std::string> headings,
    const std::function<std::vector<std::string>(const Json& item)>& row) {
    Table table(std::move(headings));
    const Json items = view.is_array() ? view : object_at(view, "items");
    for (const Json& item : items.items())
        table.add(row(item));
    const int code = session.show(view, table.text());
    const std::string next = text_at(object_at(view, "pagination"), "next_cursor");
    if (!next.empty() && !session.json())
        print_message("more behind --cursor " + shown(next));
    return code;
}

Result<Json> call_json_file(Session& session, const Call& call) {
    KHEISH_TRY(const Fd file, session.call_fd(call));
    KHEISH_TRY(const std::string text, read_all(file.get(), kEventsLimitBytes));
    return codec::parse_json(text, {.bytes = kEventsLimitBytes, .depth = 64});
}

Result<int> show_events(Session& session, const Call& call) {
    KHEISH_TRY(const Json view, call_json_file(session, call));
    const Json entries = view.is_array() ? view : object_at(view, "run_events");
    std::string lines;
    if (!session.json())
        for (const Json& entry : entries.items())
            lines += event_line(entry);
    return session.show(view, lines);
}

} // namespace kheish::ctl
