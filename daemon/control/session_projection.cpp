#include "control/session_projection.hpp"

namespace kheish::control {

Result<journal::SessionRow> begin_session_row(const engine::Event& event) {
    const auto* created = std::get_if<engine::SessionCreated>(&event.body);
    if (created == nullptr)
        return fail(Errc::journal_corrupt, "session " + event.session.value + " was never created");
    journal::SessionRow row;
    row.session = event.session;
    row.owner = created->owner.to_string();
    row.run_as = created->run_as;
    row.workspace = created->workspace;
    row.thread_id = created->thread_id;
    row.permission_rules = created->permission_rules;
    row.credential_scope = created->credential_scope;
    row.capability_scope = created->capability_scope;
    row.created_us = event.at_us;
    return row;
}

void follow_session(journal::SessionRow& row, const engine::Event& event) {
    const auto* ended = std::get_if<engine::SessionEnded>(&event.body);
    if (ended == nullptr)
        return;
    row.ended_us = event.at_us;
    row.end_reason = ended->reason;
}

} // namespace kheish::control
