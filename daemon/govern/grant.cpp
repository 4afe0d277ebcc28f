#include "govern/grant.hpp"

#include "govern/path_pattern.hpp"
#include "govern/shell_command.hpp"

#include <array>
#include <utility>

namespace kheish::govern {

namespace {

constexpr std::array<std::string_view, 4> kKinds{"exact", "command", "path", "host"};
constexpr std::array<std::string_view, 3> kLifetimes{"run", "session", "days"};
/// Where a project says what it does not permit.
constexpr std::string_view kProjectDirectory = ".kheish/";

template <class Value, std::size_t Count>
std::optional<Value>
parse_word(const std::array<std::string_view, Count>& words, std::string_view text) {
    for (std::size_t i = 0; i < words.size(); ++i)
        if (words[i] == text)
            return static_cast<Value>(i);
    return std::nullopt;
}

} // namespace

std::string_view to_string(GrantKind kind) {
    return kKinds[static_cast<std::size_t>(kind)];
}
std::optional<GrantKind> parse_grant_kind(std::string_view text) {
    return parse_word<GrantKind>(kKinds, text);
}

std::string_view to_string(GrantLifetime lifetime) {
    return kLifetimes[static_cast<std::size_t>(lifetime)];
}
std::optional<GrantLifetime> parse_grant_lifetime(std::string_view text) {
    return parse_word<GrantLifetime>(kLifetimes, text);
}

Result<Grant> make_grant(
    std::string id,
    std::string tool,
    GrantKind kind,
    const std::string& pattern,
    const codec::Digest& action) {
    Grant grant{.id = std::move(id), .tool = std::move(tool), .kind = kind, .action = {}};
    switch (kind) {
    case GrantKind::exact:
        if (!pattern.empty())
            return fail(Errc::bad_request, "a grant for the exact action takes no pattern");
        grant.action = action;
        break;
    case GrantKind::command: {
        if (grant.tool != kShellTool)
            return fail(
                Errc::bad_request,
                "only calls of bash run commands, those of " + grant.tool +
                    " do not: remember a path, or the exact action");
        KHEISH_TRY(grant.command, parse_command_pattern(pattern));
        break;
    }
    case GrantKind::path:
        if (grant.tool == kShellTool)
            return fail(
                Errc::bad_request,
                "which paths a command of bash uses cannot be told: remember a command, or the "
                "exact action");
        if (grant.tool == kWebTool)
            return fail(
                Errc::bad_request,
                "web_fetch goes to hosts, not to paths: remember a host, or the exact action");
        KHEISH_CHECK(check_path_pattern(pattern));
        grant.path = pattern;
        break;
    case GrantKind::host: {
        if (grant.tool != kWebTool)
            return fail(
                Errc::bad_request,
                "only calls of web_fetch go to hosts, those of " + grant.tool +
                    " do not: remember the exact action");
        KHEISH_TRY(grant.host, codec::parse_host_pattern(pattern));
        break;
    }
    }
    return grant;
}

bool covers(const Grant& grant, const Subject& subject, const std::vector<std::string>* command) {
    if (grant.tool != subject.tool)
        return false;
    switch (grant.kind) {
    case GrantKind::exact:
        return subject.action && grant.action == *subject.action;
    case GrantKind::command:
        return command != nullptr && matches_command(*grant.command, *command);
    case GrantKind::path: {
        const std::string inside = std::string(kProjectDirectory) + "**";
        const bool is_project = matches_path(inside, subject.path);
        return !subject.path.empty() && matches_path(*grant.path, subject.path) &&
               (!is_project || grant.path->starts_with(kProjectDirectory));
    }
    case GrantKind::host:
        return subject.url && codec::covers(*grant.host, *subject.url);
    }
    return false;
}

} // namespace kheish::govern
