#include "control/token_projection.hpp"

#include "control/operations.hpp"

#include <utility>

namespace kheish::control {

namespace {

using journal::TokenRow;

Result<TokenRow> begin(const engine::TokenCreated& created, const engine::Event& event) {
    if (!parse_role(created.role))
        return fail(Errc::journal_corrupt, "\"" + created.role + "\" is no role");
    TokenRow row;
    row.name = created.name;
    row.role = created.role;
    row.digest = created.digest;
    row.created_us = event.at_us;
    row.created_by = event.authority.to_string();
    row.expires_us = created.expires_us;
    return row;
}

} // namespace

std::optional<std::string> token_of(const engine::Event& event) {
    if (const auto* created = std::get_if<engine::TokenCreated>(&event.body))
        return created->name;
    if (const auto* rotated = std::get_if<engine::TokenRotated>(&event.body))
        return rotated->name;
    if (const auto* revoked = std::get_if<engine::TokenRevoked>(&event.body))
        return revoked->name;
    return std::nullopt;
}

Result<TokenRow> follow_token(std::optional<TokenRow> known, const engine::Event& event) {
    const auto* created = std::get_if<engine::TokenCreated>(&event.body);
    if ((created != nullptr) == known.has_value())
        return fail(
            Errc::journal_corrupt,
            "token " + token_of(event).value_or("") +
                (known ? " was created before" : " was never created"));
    if (created != nullptr)
        return begin(*created, event);
    if (known->revoked_us)
        return fail(Errc::journal_corrupt, "token " + known->name + " was revoked before");
    if (const auto* rotated = std::get_if<engine::TokenRotated>(&event.body)) {
        known->digest = rotated->digest;
        known->expires_us = rotated->expires_us;
        known->rotated_us = event.at_us;
    } else {
        known->revoked_us = event.at_us;
    }
    return *std::move(known);
}

} // namespace kheish::control
