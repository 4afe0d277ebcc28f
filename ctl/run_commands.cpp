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
run_call(const Invocation& invocation, const char* member, std::optional<Json> options = {}) {
    KHEISH_TRY(std::string path, run_path(invocation.required("RUN")));
    return Call{
        .path = std::move(path),
        .interface = kRun,
        .member = member,

        .options = std::move(options)};
}

Result<int> list(Session& session, const Invocation& invocation) {
    Json options = list_options(invocation, "session_id");
    set_given(options, invocation, "--order", "order");
    if (invocation.flag("--live"))
        options.set("live", true);
    KHEISH_TRY(
        const Json view,
        session.call_json(
            {.path = manager_path(),
             .interface = kManager,
             .member = "ListRuns",

             .options = options}));
    return show_list(
        session,
        view,
        {"RUN", "SESSION", "STATUS", "WAITS FOR", "SUBMITTED", "INPUT"},
        [](const Json& item) {
            return std::vector<std::string>{
                text_at(item, "run_id"),
                text_at(item, "session_id"),
                text_at(item, "status"),
                text_at(item, "wait_reason"),
                time_text(number_at(item, "submitted_at_ms")),
                text_at(object_at(item, "request"), "text_preview")};
        });
}

Result<int> get(Session& session, const Invocation& invocation) {
    KHEISH_TRY(const Call call, run_call(invocation, "Describe"));
    KHEISH_TRY(const Json view, session.call_json(call));
    return session.show(view, run_text(view));
}

Result<int> explain(Session& session, const Invocation& invocation) {
    KHEISH_TRY(const Call call, run_call(invocation, "Describe"));
    KHEISH_TRY(const Json view, session.call_json(call));
    return session.show(view, explanation_text(view));
}

Result<int> wait(Session& session, const Invocation& invocation) {
    return wait_and_show(session, invocation.required("RUN"), false);
}

Result<int> stream(Session& session, const Invocation& invocation) {
    KHEISH_TRY(Call call, run_call(invocation, "Follow"));
    return show_stream(
        session,
        std::move(call),
        invocation.value("--cursor").value_or("0"),
        invocation.required("RUN"));
}

Result<int> events(Session& session, const Invocation& invocation) {
    KHEISH_TRY(const Call call, run_call(invocation, "Events"));
    return show_events(session, call);
}

Result<int> external_actions(Session& session, const Invocation& invocation) {
    KHEISH_TRY(const Call call, run_call(invocation, "ExternalActions"));
    KHEISH_TRY(const Json view, call_json_file(session, call));
    return show_list(
        session, view, {"WHEN", "ACTION", "PHASE", "TARGET", "OUTCOME"}, [](const Json& item) {
            return std::vector<std::string>{
                time_text(number_at(item, "timestamp_ms")),
                text_at(item, "action_id"),
                text_at(item, "phase"),
                text_at(item, "target"),
                text_at(item, "outcome")};
        });
}

Result<int> cancel(Session& session, const Invocation& invocation) {
    Json options = Json::object();
    set_given(options, invocation, "--reason", "reason");
    set_given(options, invocation, "--idempotency-key", "idempotency_key");
    KHEISH_TRY(const Call call, run_call(invocation, "Cancel", options));
    KHEISH_TRY(const Json view, session.call_json(call));
    return session.show(view, run_text(view));
}

Result<int> run_text_in_one(Session& session, const Invocation& invocation) {
    std::optional<std::string> id = invocation.value("--session-id");
    if (!id || invocation.value("--workspace") || invocation.value("--permissions")) {
        KHEISH_TRY(id, create_session(session, invocation, id));
    }
    KHEISH_TRY(const Submitted submitted, submit_input(session, invocation, *id, "TEXT"));
    if (invocation.flag("--wait"))
        return wait_and_show(session, submitted.run, true);
    if (!session.json())
        return session.show({}, shown(submitted.run) + "\n");
    KHEISH_TRY(std::string path, run_path(submitted.run));
    KHEISH_TRY(
        const Json view,
        session.call_json({.path = std::move(path), .interface = kRun, .member = "Describe"}));
    return session.show(view, "");
}

const Positional kRunArgument{"RUN", "The run's id, such as run-17"};

} // namespace

std::vector<Command> run_commands() {
    std::vector<Option> list_choices = page_options();
    list_choices.push_back({"--session-id", "SESSION", "Only of this session"});
    list_choices.push_back({"--live", "", "Only runs that are not over"});
    list_choices.push_back({"--order", "ORDER", "asc or desc (default, newest first)"});
    return {
        {"runs list", "List runs", {}, std::move(list_choices), list},
        {"runs get", "Show a run", {kRunArgument}, {}, get},
        {"runs explain", "Say what a run waits for", {kRunArgument}, {}, explain},
        {"runs wait", "Wait for a run's end, show it", {kRunArgument}, {}, wait},
        {"runs stream",
         "Follow a run live, from its beginning",
         {kRunArgument},
         {{"--cursor", "ID", "Go on behind event ID instead"}},
         stream},
        {"runs events", "Show what happened in a run", {kRunArgument}, {}, events},
        {"runs external-actions",
         "Show what was done outside of kheishd for a run",
         {kRunArgument},
         {},
         external_actions},
        {"runs cancel",
         "Cancel a run",
         {kRunArgument},
         {{"--reason", "TEXT", "Kept with the run"},
          {"--idempotency-key", "KEY", "The same key does it once"}},
         cancel},
    };
}

std::vector<Command> one_shot_commands() {
    std::vector<Option> options = input_options();
    options.push_back({"--session-id", "SESSION", "Use this session instead of a new one"});
    options.push_back({"--workspace", "DIR", "The new session's; default: here"});
    options.push_back({"--permissions", "FILE", "The new session's rules"});
    return {
        {"run",
         "Run TEXT; with --wait print the answer",
         {{"TEXT", "The input", false}},
         std::move(options),
         run_text_in_one},
    };
}

} // namespace kheish::ctl
