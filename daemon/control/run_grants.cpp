// What a person allows beforehand when they release a gate.

#include "control/run_actor.hpp"
#include "govern/shell_command.hpp"
#include "tools/limits.hpp"

#include <algorithm>
#include <utility>

namespace kheish::control {

namespace {

constexpr std::int64_t kMicrosPerDay = std::int64_t{24} * 3600 * 1'000'000;
constexpr std::string_view kGatePrefix = "approval-";

/// Whether the grant covers the call, or of a script one command at least.
bool covers_any(const govern::Grant& grant, const govern::Subject& subject) {
    const govern::ShellScript script = govern::read_shell_script(subject.command);
    if (!script.is_plain || script.commands.empty())
        return govern::covers(grant, subject, nullptr);
    return std::any_of(
        script.commands.begin(),
        script.commands.end(),
        [&grant, &subject](const std::vector<std::string>& command) {
            return govern::covers(grant, subject, &command);
        });
}

/// Gate and grant have the same number: "approval-17-1" makes "grant-17-1".
std::string grant_id(const ApprovalId& approval) {
    return "grant-" + approval.value.substr(kGatePrefix.size());
}

} // namespace

Result<engine::EventBody> RunActor::grant_of(const Resolution& resolution) const {
    const engine::CallState* call = state().find_gate(resolution.approval);
    if (call == nullptr)
        return fail(
            Errc::approval_state_conflict,
            resolution.approval.value + " asks for an outcome: nothing of it can be remembered");
    KHEISH_CHECK(observer_.grants().check_room(state().session));
    KHEISH_TRY(std::string input, input_of(*call));
    if (resolution.updated_input) {
        KHEISH_TRY(input, judge_update(*call, *resolution.updated_input));
    }
    KHEISH_TRY(
        const codec::Json object, codec::parse_json(input, {.bytes = tools::kMaxInputBytes}));
    std::string argument;
    govern::Subject subject = govern::subject_of(call->proposal.tool, object, argument);
    subject.action = govern::recurring_digest(action_of(*call, std::move(input)));
    const Remember& remember = *resolution.remember;
    KHEISH_TRY(
        const govern::Grant grant,
        govern::make_grant(
            grant_id(resolution.approval),
            call->proposal.tool,
            remember.kind,
            remember.pattern,
            *subject.action));
    if (!covers_any(grant, subject))
        return fail(
            Errc::bad_request,
            "remember.pattern \"" + remember.pattern + "\" does not cover the call that " +
                resolution.approval.value + " shows: nothing was released");
    engine::GrantCreated created{
        .grant = grant.id,
        .approval = resolution.approval,
        .call = call->proposal.call,
        .tool = grant.tool,
        .kind = std::string(govern::to_string(grant.kind)),
        .pattern = remember.pattern,
        .action = grant.action,
        .lifetime = std::string(govern::to_string(remember.lifetime))};
    if (remember.lifetime == govern::GrantLifetime::days)
        created.expires_us = outside_.clock.now().wall_us + remember.days * kMicrosPerDay;
    return created;
}

} // namespace kheish::control
