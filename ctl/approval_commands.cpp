#include "command.hpp"
#include "input.hpp"
#include "listing.hpp"
#include "output.hpp"
#include "run_view.hpp"
#include "session.hpp"
#include "waiting.hpp"

#include "base/text.hpp"

#include <unistd.h>

namespace kheish::ctl {

namespace {

using codec::Json;

/// As kheishd has them; beyond, there is no need to read on.
constexpr std::size_t kResultLimitBytes = std::size_t{256} << 10;
constexpr std::size_t kUpdatedInputLimitBytes = std::size_t{512} << 10;

Result<int> list(Session& session, const Invocation& invocation) {
    Json options = Json::object();
    set_given(options, invocation, "--session-id", "session_id");
    KHEISH_TRY(
        const Json view,
        session.call_json(
            {.path = manager_path(),
             .interface = kManager,
             .member = "ListApprovals",

             .options = options}));
    return show_list(
        session, view, {"APPROVAL", "SESSION", "RUN", "TOOL", "SUMMARY"}, [](const Json& item) {
            const Json request = object_at(item, "request");
            return std::vector<std::string>{
                text_at(request, "id"),
                text_at(item, "session_id"),
                text_at(item, "run_id"),
                text_at(request, "tool_name"),
                text_at(request, "summary")};
        });
}

Result<Call>
approval_call(const std::string& approval, const char* member, std::optional<Json> options = {}) {
    KHEISH_TRY(std::string path, approval_path(approval));
    return Call{
        .path = std::move(path),
        .interface = kApproval,
        .member = member,

        .options = std::move(options)};
}

Result<int> show(Session& session, const Invocation& invocation) {
    KHEISH_TRY(const Call call, approval_call(invocation.required("APPROVAL"), "Describe"));
    KHEISH_TRY(const Json view, session.call_json(call));
    return session.show(
        view, approval_text(view) + "  state       " + shown(text_at(view, "state")) + "\n");
}

/// "APPROVAL" or "SESSION APPROVAL".
Result<Json> find_approval(Session& session, const Invocation& invocation) {
    const std::string first = invocation.required("APPROVAL");
    const std::optional<std::string> second = invocation.value("REQUEST");
    const std::string& approval = second ? *second : first;
    KHEISH_TRY(const Call call, approval_call(approval, "Describe"));
    KHEISH_TRY(Json view, session.call_json(call));
    if (second && text_at(view, "session_id") != first)
        return fail(
            Errc::approval_not_found, shown(approval) + " is not of session " + shown(first));
    return view;
}

void show_at_terminal(const Json& approval) {
    if (is_terminal(STDERR_FILENO))
        print_message(approval_text(approval));
}

Result<int> show_outcome(Session& session, const Invocation& invocation, const Json& run) {
    if (invocation.flag("--wait"))
        return wait_and_show(session, text_at(run, "run_id"), false);
    return session.show(run, run_text(run));
}

/// What is resolved is what was shown: the digest goes back with the decision.
Result<int>
resolve(Session& session, const Invocation& invocation, const char* member, Json options) {
    KHEISH_TRY(const Json approval, find_approval(session, invocation));
    show_at_terminal(approval);
    options.set("digest", text_at(approval, "digest"));
    set_given(options, invocation, "--justification", "justification");
    set_given(options, invocation, "--reason", "reason");
    set_given(options, invocation, "--idempotency-key", "idempotency_key");
    KHEISH_TRY(const Call call, approval_call(text_at(approval, "id"), member, options));
    KHEISH_TRY(const Json run, session.call_json(call));
    return show_outcome(session, invocation, run);
}

/// "run", "session" or a number of days with a d behind it.
Status set_lifetime(Json& remember, const std::string& text) {
    if (text == "run" || text == "session") {
        remember.set("for", text);
        return {};
    }
    const std::optional<std::int64_t> days =
        text.ends_with('d')
            ? parse_number<std::int64_t>(std::string_view(text).substr(0, text.size() - 1))
            : std::nullopt;
    if (!days)
        return fail(
            Errc::invalid_argument, "--for is run, session, or a number of days such as 7d");
    remember.set("for", "days");
    remember.set("days", *days);
    return {};
}

/// What --remember and --for say: "exact", "command=git push *", "path=src/**", "host=example.com".
Result<std::optional<Json>> remember_of(const Invocation& invocation) {
    const std::optional<std::string> what = invocation.value("--remember");
    const std::optional<std::string> lifetime = invocation.value("--for");
    if (!what) {
        if (lifetime)
            return fail(Errc::invalid_argument, "--for goes with --remember");
        return std::nullopt;
    }
    const std::size_t sign = what->find('=');
    Json remember = Json::object({{"match", what->substr(0, sign)}});
    if (sign != std::string::npos)
        remember.set("pattern", what->substr(sign + 1));
    if (lifetime)
        KHEISH_CHECK(set_lifetime(remember, *lifetime));
    return remember;
}

Result<int> allow(Session& session, const Invocation& invocation) {
    Json options = Json::object();
    KHEISH_TRY(const std::optional<Json> remember, remember_of(invocation));
    if (remember)
        options.set("remember_json", codec::canonical_json(*remember));
    KHEISH_TRY(
        const std::optional<std::string> input,
        text_or_file(
            invocation, "--updated-input-json", "--updated-input-file", kUpdatedInputLimitBytes));
    options.set_optional("updated_input_json", input);
    return resolve(session, invocation, "Allow", std::move(options));
}

Result<int> deny(Session& session, const Invocation& invocation) {
    return resolve(session, invocation, "Deny", Json::object());
}

Result<int> supply(Session& session, const Invocation& invocation) {
    KHEISH_TRY(
        const std::optional<std::string> result,
        text_or_file(invocation, "--result", "--result-file", kResultLimitBytes));
    if (!result)
        return fail(Errc::invalid_argument, "say what came of it: --result or --result-file");
    return resolve(session, invocation, "Supply", Json::object({{"result", *result}}));
}

/// All that is pending of one session, which is of one run, in one decision: all of it or nothing.
/// A call whose outcome is unknown is not among it: what came of it is a question of its own.
Result<int> resolve_all(
    Session& session, const Invocation& invocation, const char* behavior, const char* reason) {
    const std::string session_id = invocation.required("SESSION");
    KHEISH_TRY(
        const Json pending,
        session.call_json(
            {.path = manager_path(),
             .interface = kManager,
             .member = "ListApprovals",
             .options = Json::object({{"session_id", session_id}})}));
    Json resolutions = Json::array();
    std::string run;
    for (const Json& item : pending.items()) {
        const Json gate = object_at(item, "request");
        show_at_terminal(gate);
        if (text_at(gate, "gate") != "approval")
            continue;
        run = text_at(item, "run_id");
        Json resolution = Json::object(
            {{"request_id", text_at(gate, "id")},
             {"behavior", behavior},
             {"digest", text_at(gate, "digest")}});
        set_given(resolution, invocation, reason, std::string_view(reason).substr(2));
        resolutions.append(std::move(resolution));
    }
    if (resolutions.size() == 0)
        return fail(
            Errc::approval_batch_empty,
            "session " + shown(session_id) + " has no call that waits for permission");
    Json options = Json::object({{"resolutions", resolutions}});
    set_given(options, invocation, "--idempotency-key", "idempotency_key");
    KHEISH_TRY(std::string path, run_path(run));
    KHEISH_TRY(
        const Json view,
        session.call_json(
            {.path = std::move(path),
             .interface = kRun,
             .member = "ResolveApprovals",
             .options = std::move(options)}));
    return show_outcome(session, invocation, view);
}

Result<int> allow_all(Session& session, const Invocation& invocation) {
    return resolve_all(session, invocation, "allow", "--justification");
}

Result<int> deny_all(Session& session, const Invocation& invocation) {
    return resolve_all(session, invocation, "deny", "--reason");
}

const Positional kApprovalArgument{"APPROVAL", "The approval's id, or its session's"};
const Positional kRequestArgument{"REQUEST", "The approval's id behind its session's", false};
const Positional kSessionArgument{"SESSION", "The session whose pending calls they are"};
const Option kJustificationOption{"--justification", "TEXT", "Kept with the decision"};
const Option kReasonOption{"--reason", "TEXT", "Told to the model"};
const Option kKeyOption{"--idempotency-key", "KEY", "The same key decides once"};
const Option kWaitOption{"--wait", "", "Wait for the run and show how it ended"};

} // namespace

std::vector<Command> approval_commands() {
    return {
        {"approvals list",
         "List pending approvals",
         {},
         {{"--session-id", "SESSION", "Only of this session"}},
         list},
        {"approvals show",
         "Show what an approval would let happen",
         {{"APPROVAL", "The approval's id"}},
         {},
         show},
        {"approvals allow",
         "Let exactly what was shown happen, once",
         {kApprovalArgument, kRequestArgument},
         {kJustificationOption,
          {"--updated-input-json", "JSON", "Let this happen instead of what was asked for"},
          {"--updated-input-file", "FILE", "The same from a file, - for standard input"},
          {"--remember", "WHAT", "exact, command=, path= or host=PATTERN too"},
          {"--for", "TIME", "run (default), session, or days such as 7d"},
          kKeyOption,
          kWaitOption},
         allow},
        {"approvals deny",
         "Refuse it; the model is told why",
         {kApprovalArgument, kRequestArgument},
         {kReasonOption, kKeyOption, kWaitOption},
         deny},
        {"approvals supply",
         "Say what came of a call whose outcome is unknown",
         {kApprovalArgument, kRequestArgument},
         {{"--result", "TEXT", "What the model is told as the call's result"},
          {"--result-file", "FILE", "The same from a file, - for standard input"},
          kReasonOption,
          kKeyOption,
          kWaitOption},
         supply},
        {"approvals allow-all",
         "Let all pending calls of a session happen, once",
         {kSessionArgument},
         {kJustificationOption, kKeyOption, kWaitOption},
         allow_all},
        {"approvals deny-all",
         "Refuse all pending calls of a session",
         {kSessionArgument},
         {kReasonOption, kKeyOption, kWaitOption},
         deny_all},
    };
}

} // namespace kheish::ctl
