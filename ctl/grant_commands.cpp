#include "command.hpp"
#include "listing.hpp"
#include "output.hpp"
#include "session.hpp"

namespace kheish::ctl {

namespace {

using codec::Json;

/// "command git push *", "path src/**", "exact".
std::string what_text(const Json& grant) {
    const std::string pattern = text_at(grant, "pattern");
    return text_at(grant, "tool_name") + ": " + text_at(grant, "match") +
           (pattern.empty() ? "" : " " + pattern);
}

Result<int> list(Session& session, const Invocation& invocation) {
    Json options = Json::object();
    set_given(options, invocation, "--session-id", "session_id");
    KHEISH_TRY(
        const Json view,
        session.call_json(
            {.path = manager_path(),
             .interface = kManager,
             .member = "ListGrants",
             .options = std::move(options)}));
    return show_list(
        session,
        view,
        {"GRANT", "SESSION", "FOR", "ALLOWS", "BY", "EXPIRES"},
        [](const Json& item) {
            return std::vector<std::string>{
                text_at(item, "id"),
                text_at(item, "session_id"),
                text_at(item, "for"),
                what_text(item),
                text_at(item, "created_by"),
                time_text(number_at(item, "expires_at_ms"))};
        });
}

Result<int> revoke(Session& session, const Invocation& invocation) {
    Json options = Json::object({{"grant", invocation.required("GRANT")}});
    set_given(options, invocation, "--reason", "reason");
    KHEISH_TRY(
        const Json view,
        session.call_json(
            {.path = manager_path(),
             .interface = kManager,
             .member = "RevokeGrant",
             .options = std::move(options)}));
    return session.show(view, fields_text(view));
}

} // namespace

std::vector<Command> grant_commands() {
    return {
        {"grants list",
         "List what is allowed beforehand",
         {},
         {{"--session-id", "SESSION", "Only what comes from this session"}},
         list},
        {"grants revoke",
         "End it: people are asked again",
         {{"GRANT", "The grant's id"}},
         {{"--reason", "TEXT", "Kept with it"}},
         revoke},
    };
}

} // namespace kheish::ctl
