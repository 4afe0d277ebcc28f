#include "control/grant_projection.hpp"

#include <utility>

namespace kheish::control {

using journal::GrantRow;

namespace {

Result<GrantRow> begin(const engine::GrantCreated& created, const engine::Event& event) {
    GrantRow row;
    row.grant = created.grant;
    row.run = event.run;
    row.session = event.session;
    row.call = created.call;
    row.approval = created.approval;
    row.tool = created.tool;
    row.kind = created.kind;
    row.pattern = created.pattern;
    row.action = created.action;
    row.lifetime = created.lifetime;
    row.expires_us = created.expires_us;
    row.created_us = event.at_us;
    row.created_by = event.authority.to_string();
    KHEISH_CHECK(grant_of(row));
    return row;
}

} // namespace

std::optional<std::string> grant_id_of(const engine::Event& event) {
    if (const auto* created = std::get_if<engine::GrantCreated>(&event.body))
        return created->grant;
    if (const auto* revoked = std::get_if<engine::GrantRevoked>(&event.body))
        return revoked->grant;
    return std::nullopt;
}

Result<GrantRow> follow_grant(std::optional<GrantRow> known, const engine::Event& event) {
    const auto* created = std::get_if<engine::GrantCreated>(&event.body);
    if ((created != nullptr) == known.has_value())
        return fail(
            Errc::journal_corrupt,
            grant_id_of(event).value_or("") + (known ? " was made before" : " was never made"));
    if (created != nullptr)
        return begin(*created, event);
    if (known->revoked_us)
        return fail(Errc::journal_corrupt, known->grant + " was revoked before");
    known->revoked_us = event.at_us;
    known->revoked_by = event.authority.to_string();
    known->revoke_reason = std::get<engine::GrantRevoked>(event.body).reason;
    return *std::move(known);
}

Result<govern::Grant> grant_of(const GrantRow& row) {
    const std::optional<govern::GrantKind> kind = govern::parse_grant_kind(row.kind);
    const std::optional<govern::GrantLifetime> lifetime =
        govern::parse_grant_lifetime(row.lifetime);
    const bool is_exact = kind == govern::GrantKind::exact;
    const bool has_end = lifetime == govern::GrantLifetime::days;
    if (!kind || !lifetime || is_exact != row.action.has_value() ||
        has_end != row.expires_us.has_value())
        return fail(Errc::journal_corrupt, row.grant + " is no grant");
    Result<govern::Grant> grant = govern::make_grant(
        row.grant, row.tool, *kind, row.pattern, row.action.value_or(codec::Digest{}));
    if (!grant)
        return fail(Errc::journal_corrupt, row.grant + ": " + grant.error().message);
    return grant;
}

} // namespace kheish::control
