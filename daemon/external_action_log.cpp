#include "external_action_log.hpp"

#include "base/log.hpp"

#include <utility>

namespace kheish {

namespace {

std::string_view word(outbound::ExternalOutcome::Kind kind) {
    switch (kind) {
    case outbound::ExternalOutcome::Kind::answered:
        return "answered";
    case outbound::ExternalOutcome::Kind::failed:
        return "failed";
    case outbound::ExternalOutcome::Kind::aborted:
        return "aborted";
    }
    return "failed";
}

} // namespace

void ExternalActionLog::begin(
    outbound::ExternalAction action, Responder<outbound::ExternalActionId> ready) {
    if (journal_ == nullptr)
        return ready.fail(Errc::journal_unavailable, "there is no journal yet");
    if (const journal::Health health = journal_->health(); !health.writable)
        return ready.fail(health.error);
    const outbound::ExternalActionId id = ++last_id_;
    log(Level::info,
        "external action begins",
        {{"KHEISH_ACTION", action.kind},
         {"KHEISH_ACTION_KEY", action.key},
         {"KHEISH_TARGET", action.target},
         {"KHEISH_REQUEST_SHA256", action.request_digest.to_hex()},
         {log_field::kCaller, action.authority.to_string()}});
    begun_.emplace(id, std::move(action));
    ready.answer(id);
}

void ExternalActionLog::end(outbound::ExternalActionId id, outbound::ExternalOutcome outcome) {
    const auto action = begun_.find(id);
    if (action == begun_.end())
        return;
    log(Level::info,
        "external action ended",
        {{"KHEISH_ACTION", action->second.kind},
         {"KHEISH_ACTION_KEY", action->second.key},
         {"KHEISH_OUTCOME", std::string(word(outcome.kind))},
         {"KHEISH_STATUS", std::to_string(outcome.status)},
         {"KHEISH_RESPONSE_SHA256", outcome.response_digest.to_hex()},
         {log_field::kError, outcome.error}});
    begun_.erase(action);
}

} // namespace kheish
