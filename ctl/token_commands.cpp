#include "command.hpp"
#include "listing.hpp"
#include "output.hpp"
#include "session.hpp"

#include "base/text.hpp"

#include <unistd.h>

namespace kheish::ctl {

namespace {

using codec::Json;

constexpr std::int64_t kMillisecondsPerDay = 86'400'000;
constexpr std::int64_t kDaysMax = 3660;

Call manager_call(const char* member, Json options) {
    return {
        .path = manager_path(),
        .interface = kManager,
        .member = member,
        .options = std::move(options)};
}

Result<int> list(Session& session, const Invocation& /*invocation*/) {
    KHEISH_TRY(const Json view, session.call_json(manager_call("ListTokens", Json::object())));
    return show_list(
        session, view, {"TOKEN", "ROLE", "STATE", "SINCE", "EXPIRES"}, [](const Json& item) {
            const std::int64_t rotated = number_at(item, "rotated_at_ms");
            return std::vector<std::string>{
                text_at(item, "name"),
                text_at(item, "role"),
                text_at(item, "state"),
                time_text(rotated > 0 ? rotated : number_at(item, "created_at_ms")),
                time_text(number_at(item, "expires_at_ms"))};
        });
}

Result<Json> named(const Invocation& invocation) {
    Json options = Json::object({{"name", invocation.required("TOKEN")}});
    const std::optional<std::string> days = invocation.value("--expires-after");
    if (!days)
        return options;
    const std::optional<std::int64_t> number = parse_number<std::int64_t>(*days);
    if (!number || *number < 1 || *number > kDaysMax)
        return fail(
            Errc::bad_request,
            "--expires-after is a number of days, 1 to " + std::to_string(kDaysMax));
    return options.set("expires_after_ms", *number * kMillisecondsPerDay);
}

/// The secret alone on standard output, so that it can go into a file; it is shown this once.
int show_secret(const Session& session, const Json& view) {
    if (!session.json())
        print_message(
            "This is the secret of " + shown(text_at(view, "name")) + ". It is not shown again.\n");
    return session.show(view, text_at(view, "token") + "\n");
}

Result<int> create(Session& session, const Invocation& invocation) {
    KHEISH_TRY(Json options, named(invocation));
    options.set("role", invocation.value("--role").value_or("reader"));
    KHEISH_TRY(const Json view, session.call_json(manager_call("CreateToken", std::move(options))));
    return show_secret(session, view);
}

Result<int> rotate(Session& session, const Invocation& invocation) {
    KHEISH_TRY(Json options, named(invocation));
    KHEISH_TRY(const Json view, session.call_json(manager_call("RotateToken", std::move(options))));
    return show_secret(session, view);
}

Result<int> revoke(Session& session, const Invocation& invocation) {
    KHEISH_TRY(Json options, named(invocation));
    set_given(options, invocation, "--reason", "reason");
    KHEISH_TRY(const Json view, session.call_json(manager_call("RevokeToken", std::move(options))));
    return session.show(view, fields_text(view));
}

const Positional kTokenArgument{"TOKEN", "The token's name"};
const Option kLifetimeOption{"--expires-after", "DAYS", "How long it is good; else for ever"};

} // namespace

std::vector<Command> token_commands() {
    return {
        {"tokens list", "List the tokens that have not been revoked", {}, {}, list},
        {"tokens create",
         "Make a token and print its secret, once",
         {kTokenArgument},
         {{"--role", "ROLE", "reader (default), operator or admin"}, kLifetimeOption},
         create},
        {"tokens rotate",
         "Give it a new secret; the old one is void at once",
         {kTokenArgument},
         {kLifetimeOption},
         rotate},
        {"tokens revoke",
         "End it for ever, and what is open with it",
         {kTokenArgument},
         {{"--reason", "TEXT", "Kept with it"}},
         revoke},
    };
}

} // namespace kheish::ctl
