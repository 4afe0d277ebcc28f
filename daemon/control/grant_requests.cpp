#include "control/grant_requests.hpp"

#include "base/text.hpp"
#include "control/requests.hpp"
#include "govern/path_pattern.hpp"

#include <array>
#include <utility>

namespace kheish::control {

using codec::Json;
using codec::ObjectReader;

Result<Remember> parse_remember(const Json& value, std::string where) {
    static constexpr std::array<std::string_view, 4> kMatches{"exact", "command", "path", "host"};
    static constexpr std::array<std::string_view, 3> kLifetimes{"run", "session", "days"};
    ObjectReader reader(value, std::move(where));
    Remember remember;
    remember.kind = static_cast<govern::GrantKind>(reader.required_word("match", kMatches));
    remember.pattern =
        reader.optional_string("pattern", govern::kPathPatternLimitBytes).value_or("");
    remember.lifetime = static_cast<govern::GrantLifetime>(
        reader.optional_word("for", kLifetimes).value_or(std::size_t{0}));
    const std::optional<std::int64_t> days =
        reader.optional_integer("days", 1, govern::kGrantDaysMax);
    if (days.has_value() != (remember.lifetime == govern::GrantLifetime::days))
        reader.reject("days", "is given exactly where \"for\" is \"days\"");
    if (remember.pattern.empty() != (remember.kind == govern::GrantKind::exact))
        reader.reject("pattern", "is given exactly where \"match\" is not \"exact\"");
    KHEISH_CHECK(reader.finish());
    remember.days = days.value_or(0);
    return remember;
}

std::string describe(const Remember& remember) {
    std::string text = "this very action again";
    if (remember.kind == govern::GrantKind::command)
        text = "every command \"" + escape_for_display(remember.pattern) + "\"";
    if (remember.kind == govern::GrantKind::path)
        text = "every such call about \"" + escape_for_display(remember.pattern) + "\"";
    if (remember.kind == govern::GrantKind::host)
        text = "every page of \"" + escape_for_display(remember.pattern) + "\"";
    switch (remember.lifetime) {
    case govern::GrantLifetime::run:
        return text + " in this run";
    case govern::GrantLifetime::session:
        return text + " in this session";
    case govern::GrantLifetime::days:
        break;
    }
    return text + " for " + std::to_string(remember.days) + " days";
}

Result<ListGrants> parse_list_grants(const Json& query) {
    ObjectReader reader(query, "query");
    const std::optional<std::string> session = reader.optional_string("session_id");
    KHEISH_CHECK(reader.finish());
    ListGrants request;
    if (session) {
        KHEISH_TRY(request.session, parse_session_id(*session));
    }
    return request;
}

Result<RevokeGrant> parse_revoke_grant(std::string grant, const Json& body) {
    ObjectReader reader(body, "body");
    RevokeGrant request{.grant = std::move(grant)};
    request.reason = reader.optional_string("reason", kReasonLimitBytes).value_or("");
    KHEISH_CHECK(reader.finish());
    return request;
}

Result<RevokeGrant> parse_revoke_grant(const Json& options) {
    const std::optional<Json> grant = options.find("grant");
    if (!grant || !grant->is_string() || grant->string().size() > kGrantIdLimitBytes)
        return fail(Errc::bad_request, "options.grant must name a grant, such as grant-17-1");
    Json body = Json::object();
    for (const std::string& key : options.keys())
        if (key != "grant")
            body.set(key, *options.find(key));
    return parse_revoke_grant(grant->string(), body);
}

} // namespace kheish::control
