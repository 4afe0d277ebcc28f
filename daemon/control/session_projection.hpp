#pragma once

#include "engine/event.hpp"
#include "journal/rows.hpp"

namespace kheish::control {

/// The row of a session from its first event. Errc::journal_corrupt where that is another than
/// session.created.
Result<journal::SessionRow> begin_session_row(const engine::Event& created);
/// One event more of the session: only session.ended changes the row.
void follow_session(journal::SessionRow& row, const engine::Event& event);

} // namespace kheish::control
