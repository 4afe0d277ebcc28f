#include "command.hpp"
#include "listing.hpp"
#include "output.hpp"
#include "run_view.hpp"
#include "session.hpp"
#include "waiting.hpp"

#include <unistd.h>

namespace kheish::ctl {

namespace {

using codec::Json;

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

/// What is resolved is what was shown: the digest goes back with the decision.
Result<int>
resolve(Session& session, const Invocation& invocation, const char* member, const char* option) {
    KHEISH_TRY(const Json approval, find_approval(session, invocation));
    if (is_terminal(STDERR_FILENO))
        print_message(approval_text(approval));
    Json options = Json::object({{"digest", text_at(approval, "digest")}});
    set_given(options, invocation, option, std::string_view(option).substr(2));
    set_given(options, invocation, "--idempotency-key", "idempotency_key");
    KHEISH_TRY(const Call call, approval_call(text_at(approval, "id"), member, options));
    KHEISH_TRY(const Json run, session.call_json(call));
    if (invocation.flag("--wait"))
        return wait_and_show(session, text_at(run, "run_id"), false);
    return session.show(run, run_text(run));
}

Result<int> allow(Session& session, const Invocation& invocation) {
    return resolve(session, invocation, "Allow", "--justification");
}

Result<int> deny(Session& session, const Invocation& invocation) {
    return resolve(session, invocation, "Deny", "--reason");
}

const Positional kApprovalArgument{"APPROVAL", "The approval's id, or its session's"};
const Positional kRequestArgument{"REQUEST", "The approval's id behind its session's", false};
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
         {{"--justification", "TEXT", "Kept with the decision"}, kKeyOption, kWaitOption},
         allow},
        {"approvals deny",
         "Refuse it; the model is told why",
         {kApprovalArgument, kRequestArgument},
         {{"--reason", "TEXT", "Told to the model"}, kKeyOption, kWaitOption},
         deny},
    };
}

} // namespace kheish::ctl
