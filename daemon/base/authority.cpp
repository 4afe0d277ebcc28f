#include "base/authority.hpp"

#include "base/text.hpp"

#include <array>
#include <optional>
#include <utility>

namespace kheish {

namespace {

constexpr std::string_view kSeparator = " for ";

constexpr std::array<std::pair<Principal::Kind, std::string_view>, 6> kKinds{{
    {Principal::Kind::user, "user"},
    {Principal::Kind::token, "token"},
    {Principal::Kind::connector, "connector"},
    {Principal::Kind::schedule, "schedule"},
    {Principal::Kind::agent, "agent"},
    {Principal::Kind::daemon, "daemon"},
}};

} // namespace

Principal Principal::user(uid_t uid) {
    return {Kind::user, std::to_string(uid)};
}

Principal Principal::agent(std::string_view agent_id) {
    return {Kind::agent, std::string(agent_id)};
}

Principal Principal::token(std::string_view token_name) {
    return {Kind::token, std::string(token_name)};
}

std::string Principal::to_string() const {
    for (const auto& [row_kind, word] : kKinds)
        if (row_kind == kind)
            return name.empty() ? std::string(word) : std::string(word) + ":" + name;
    return {};
}

Result<Principal> Principal::parse(std::string_view text) {
    const std::size_t colon = text.find(':');
    const std::string_view word = text.substr(0, colon);
    const std::string_view name =
        colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
    for (const auto& [kind, row_word] : kKinds) {
        if (row_word != word)
            continue;
        const bool named = kind != Kind::daemon;
        const bool has_colon = colon != std::string_view::npos;
        if (named != has_colon || named == name.empty())
            break;
        if (kind == Kind::user && !parse_number<uid_t>(name))
            break;
        return Principal{kind, std::string(name)};
    }
    return fail(Errc::bad_request, "\"" + std::string(text) + "\" is not a principal");
}

uid_t Principal::uid() const {
    if (kind != Kind::user)
        return static_cast<uid_t>(-1);
    return parse_number<uid_t>(name).value_or(static_cast<uid_t>(-1));
}

Authority Authority::delegated_to(Principal delegate) const {
    Authority longer;
    longer.chain.reserve(chain.size() + 1);
    longer.chain.push_back(std::move(delegate));
    longer.chain.insert(longer.chain.end(), chain.begin(), chain.end());
    return longer;
}

std::string Authority::to_string() const {
    std::string text;
    for (const Principal& principal : chain) {
        if (!text.empty())
            text += kSeparator;
        text += principal.to_string();
    }
    return text;
}

Result<Authority> Authority::parse(std::string_view text) {
    Authority authority;
    for (;;) {
        const std::size_t end = text.find(kSeparator);
        KHEISH_TRY(Principal principal, Principal::parse(text.substr(0, end)));
        authority.chain.push_back(std::move(principal));
        if (end == std::string_view::npos)
            return authority;
        text.remove_prefix(end + kSeparator.size());
    }
}

} // namespace kheish
