#include "command.hpp"
#include "input.hpp"
#include "listing.hpp"
#include "output.hpp"
#include "run_view.hpp"
#include "session.hpp"
#include "waiting.hpp"

namespace kheish::ctl {

namespace {

using codec::Json;

Result<Call>
session_call(const Invocation& invocation, const char* member, std::optional<Json> options = {}) {
    KHEISH_TRY(std::string path, session_path(invocation.required("SESSION")));
    return Call{
        .path = std::move(path),
        .interface = kSession,
        .member = member,

        .options = std::move(options)};
}

Result<int> create(Session& session, const Invocation& invocation) {
    KHEISH_TRY(
        const std::string id, create_session(session, invocation, invocation.value("SESSION")));
    if (!session.json())
        return session.show({}, shown(id) + "\n");
    KHEISH_TRY(std::string path, session_path(id));
    KHEISH_TRY(
        const Json view,
        session.call_json({.path = std::move(path), .interface = kSession, .member = "Describe"}));
    return session.show(view, "");
}

Result<int> list(Session& session, const Invocation& invocation) {
    KHEISH_TRY(
        const Json view,
        session.call_json(
            {.path = manager_path(),
             .interface = kManager,
             .member = "ListSessions",

             .options = list_options(invocation, "session_id")}));
    return show_list(
        session,
        view,
        {"SESSION", "STATUS", "OWNER", "CREATED", "WORKSPACE"},
        [](const Json& item) {
            return std::vector<std::string>{
                text_at(item, "session_id"),
                item.find("ended_at_ms") ? "ended" : text_at(item, "status"),
                text_at(item, "owner"),
                time_text(number_at(item, "created_at_ms")),
                text_at(item, "workspace")};
        });
}

Result<int> get(Session& session, const Invocation& invocation) {
    KHEISH_TRY(const Call call, session_call(invocation, "Describe"));
    KHEISH_TRY(const Json view, session.call_json(call));
    return session.show(view, fields_text(view));
}

Result<int> input(Session& session, const Invocation& invocation) {
    KHEISH_TRY(
        const Submitted submitted,
        submit_input(session, invocation, invocation.required("SESSION"), "CONTENT"));
    if (invocation.flag("--wait"))
        return wait_and_show(session, submitted.run, false);
    if (!session.json())
        return session.show({}, shown(submitted.run) + "\n");
    KHEISH_TRY(std::string path, run_path(submitted.run));
    KHEISH_TRY(
        const Json view,
        session.call_json({.path = std::move(path), .interface = kRun, .member = "Describe"}));
    return session.show(view, "");
}

Result<int> events(Session& session, const Invocation& invocation) {
    KHEISH_TRY(const Call call, session_call(invocation, "Events"));
    return show_events(session, call);
}

Result<int> stream(Session& session, const Invocation& invocation) {
    KHEISH_TRY(Call call, session_call(invocation, "Follow"));
    return show_stream(session, std::move(call), invocation.value("--cursor"), "");
}

Result<int> interrupt(Session& session, const Invocation& invocation) {
    Json options = Json::object();
    set_given(options, invocation, "--reason", "reason");
    set_given(options, invocation, "--idempotency-key", "idempotency_key");
    KHEISH_TRY(const Call call, session_call(invocation, "Interrupt", options));
    KHEISH_TRY(const Json view, session.call_json(call));
    const bool interrupted = object_at(view, "interrupted").boolean();
    return session.show(view, interrupted ? "interrupted\n" : "nothing was running\n");
}

Result<int> end(Session& session, const Invocation& invocation) {
    Json options = Json::object();
    set_given(options, invocation, "--reason", "reason");
    set_given(options, invocation, "--idempotency-key", "idempotency_key");
    KHEISH_TRY(const Call call, session_call(invocation, "End", options));
    KHEISH_TRY(const Json view, session.call_json(call));
    return session.show(view, shown(invocation.required("SESSION")) + " has ended\n");
}

Result<int> stream_all(Session& session, const Invocation& invocation) {
    Json options = Json::object();
    set_given(options, invocation, "--session-id", "session");
    set_given(options, invocation, "--run-id", "run");
    return show_stream(
        session,
        {.path = manager_path(),
         .interface = kManager,
         .member = "Follow",

         .options = options},
        invocation.value("--cursor"),
        "");
}

const Positional kSessionArgument{"SESSION", "The session's id"};
const Option kKeyOption{"--idempotency-key", "KEY", "The same key does it once"};
const Option kCursorOption{"--cursor", "ID", "Go on behind event ID; 0 is the beginning"};

} // namespace

std::vector<Command> session_commands() {
    return {
        {"sessions create",
         "Create a session, or find it",
         {{"SESSION", "Its id; chosen by kheishd where absent", false}},
         {{"--workspace", "DIR", "Where its runs work; default: here"},
          {"--permissions", "FILE", "Rules of its own, which only narrow"},
          {"--credential-scope-json", "JSON", "The routes that it may use at most"},
          {"--credential-scope-file", "FILE", "The same from a file, - for standard input"},
          {"--capability-scope-json", "JSON", "The MCP servers and tools that it sees at most"},
          {"--capability-scope-file", "FILE", "The same from a file, - for standard input"},
          {"--thread-id", "ID", "A label of the caller's own"},
          {"--idempotency-key", "KEY", "The same key names the same session"}},
         create},
        {"sessions list", "List sessions", {}, page_options(), list},
        {"sessions get", "Show a session", {kSessionArgument}, {}, get},
        {"sessions input",
         "Queue input as a run, print the run's id",
         {kSessionArgument, {"CONTENT", "The input", false}},
         input_options(),
         input},
        {"sessions events", "Show what happened in a session", {kSessionArgument}, {}, events},
        {"sessions stream", "Follow a session live", {kSessionArgument}, {kCursorOption}, stream},
        {"sessions interrupt",
         "Interrupt the active run, cancel queued ones",
         {kSessionArgument},
         {{"--reason", "TEXT", "Kept with the runs"}, kKeyOption},
         interrupt},
        {"sessions end",
         "End a session: it takes no more input",
         {kSessionArgument},
         {{"--reason", "TEXT", "Kept with the session"}, kKeyOption},
         end},
        {"events stream",
         "Follow everything live",
         {},
         {{"--session-id", "SESSION", "Only of this session"},
          {"--run-id", "RUN", "Only of this run"},
          kCursorOption},
         stream_all},
    };
}

} // namespace kheish::ctl
