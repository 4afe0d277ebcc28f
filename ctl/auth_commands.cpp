#include "command.hpp"
#include "listing.hpp"
#include "output.hpp"
#include "session.hpp"

namespace kheish::ctl {

namespace {

using codec::Json;

Result<int> call_named(
    Session& session, const Invocation& invocation, const char* member, std::string_view name) {
    Json options = Json::object({{"name", invocation.required(name)}});
    set_given(options, invocation, "--reason", "reason");
    KHEISH_TRY(
        const Json view,
        session.call_json(
            {.path = manager_path(),
             .interface = kManager,
             .member = member,
             .options = std::move(options)}));
    const std::optional<Json> lease = view.find("lease");
    return session.show(view, fields_text(lease.value_or(view)));
}

Result<int> subject(Session& session, const Invocation& invocation) {
    return call_named(session, invocation, "DescribeSubject", "SUBJECT");
}

Result<int> revoke_subject(Session& session, const Invocation& invocation) {
    return call_named(session, invocation, "RevokeSubject", "SUBJECT");
}

Result<int> restore_subject(Session& session, const Invocation& invocation) {
    return call_named(session, invocation, "RestoreSubject", "SUBJECT");
}

Result<int> lease(Session& session, const Invocation& invocation) {
    return call_named(session, invocation, "DescribeLease", "LEASE");
}

Result<int> revoke_lease(Session& session, const Invocation& invocation) {
    return call_named(session, invocation, "RevokeLease", "LEASE");
}

Result<int> revoke_slot(Session& session, const Invocation& invocation) {
    return call_named(session, invocation, "RevokeSlot", "SECRET");
}

const Positional kSubjectArgument{"SUBJECT", "session:ID or agent:ID"};
const Positional kLeaseArgument{"LEASE", "The lease's id, such as lease-17-1-1"};
const Option kReasonOption{"--reason", "TEXT", "Kept with it"};

} // namespace

std::vector<Command> auth_commands() {
    return {
        {"auth subject",
         "Show who may ask, and what is under way",
         {kSubjectArgument},
         {},
         subject},
        {"auth revoke-subject",
         "Let nothing be asked in its name, at once",
         {kSubjectArgument},
         {kReasonOption},
         revoke_subject},
        {"auth restore-subject",
         "Let be asked again; what waits goes on",
         {kSubjectArgument},
         {kReasonOption},
         restore_subject},
        {"auth lease", "Show what a request stands on", {kLeaseArgument}, {}, lease},
        {"auth revoke-lease",
         "Give up the request that stands on it",
         {kLeaseArgument},
         {kReasonOption},
         revoke_lease},
        {"auth revoke-slot",
         "Give up all requests that use a secret",
         {{"SECRET", "The secret's or the credential's name"}},
         {kReasonOption},
         revoke_slot},
    };
}

} // namespace kheish::ctl
