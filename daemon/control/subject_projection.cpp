#include "control/subject_projection.hpp"

#include <utility>

namespace kheish::control {

std::optional<std::string> subject_of(const engine::Event& event) {
    if (const auto* revoked = std::get_if<engine::SubjectRevoked>(&event.body))
        return revoked->subject;
    if (const auto* restored = std::get_if<engine::SubjectRestored>(&event.body))
        return restored->subject;
    return std::nullopt;
}

Result<journal::SubjectRow>
follow_subject(std::optional<journal::SubjectRow> known, const engine::Event& event) {
    const auto* revoked = std::get_if<engine::SubjectRevoked>(&event.body);
    const bool is_revoked = known && known->revoked;
    const std::string subject = subject_of(event).value_or("");
    if (is_revoked == (revoked != nullptr))
        return fail(
            Errc::journal_corrupt,
            "subject " + subject + (is_revoked ? " was revoked before" : " was not revoked"));
    journal::SubjectRow row = known ? *std::move(known) : journal::SubjectRow{};
    row.subject = subject;
    row.revoked = revoked != nullptr;
    row.epoch += revoked != nullptr ? 1 : 0;
    row.reason =
        revoked != nullptr ? revoked->reason : std::get<engine::SubjectRestored>(event.body).reason;
    row.updated_us = event.at_us;
    row.updated_by = event.authority.to_string();
    return row;
}

} // namespace kheish::control
