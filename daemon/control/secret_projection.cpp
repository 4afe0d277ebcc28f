#include "control/secret_projection.hpp"

#include <utility>

namespace kheish::control {

using journal::SecretRow;
using journal::SecretState;

namespace {

Result<SecretRow>
store(std::optional<SecretRow> known, const engine::SecretStored& stored, std::int64_t at_us) {
    const std::int64_t next = known ? known->version + 1 : 1;
    if (stored.version != next)
        return fail(
            Errc::journal_corrupt,
            "version " + std::to_string(next) + " of secret " + stored.name + " is next");
    SecretRow row = known ? *std::move(known) : SecretRow{};
    if (row.name.empty()) {
        row.name = stored.name;
        row.created_us = at_us;
    }
    row.version = stored.version;
    row.state = SecretState::stored;
    return row;
}

Result<SecretRow> end(std::optional<SecretRow> known, const std::string& name, SecretState state) {
    const bool may = known && known->state != SecretState::deleted &&
                     !(state == SecretState::revoked && known->state == SecretState::revoked);
    if (!may)
        return fail(Errc::journal_corrupt, "there is no secret " + name + " to be ended");
    SecretRow row = *std::move(known);
    row.state = state;
    row.value.clear();
    row.data_key.clear();
    row.master_key.clear();
    return row;
}

} // namespace

std::optional<std::string> secret_of(const engine::Event& event) {
    if (const auto* stored = std::get_if<engine::SecretStored>(&event.body))
        return stored->name;
    if (const auto* revoked = std::get_if<engine::SecretRevoked>(&event.body))
        return revoked->name;
    if (const auto* deleted = std::get_if<engine::SecretDeleted>(&event.body))
        return deleted->name;
    return std::nullopt;
}

Result<SecretRow> follow_secret(std::optional<SecretRow> known, const engine::Event& event) {
    Result<SecretRow> row = fail(Errc::internal, "not an event of a secret");
    if (const auto* stored = std::get_if<engine::SecretStored>(&event.body))
        row = store(std::move(known), *stored, event.at_us);
    else if (const auto* revoked = std::get_if<engine::SecretRevoked>(&event.body))
        row = end(std::move(known), revoked->name, SecretState::revoked);
    else if (const auto* deleted = std::get_if<engine::SecretDeleted>(&event.body))
        row = end(std::move(known), deleted->name, SecretState::deleted);
    if (row) {
        row->updated_us = event.at_us;
        row->updated_by = event.authority.to_string();
    }
    return row;
}

} // namespace kheish::control
