#include "control/external_actions.hpp"

#include "control/conversions.hpp"
#include "control/leases.hpp"
#include "control/stored_record.hpp"
#include "control/views.hpp"
#include "govern/merkle.hpp"

#include <optional>

namespace kheish::control {

using codec::Json;

namespace {

std::string action_id(RunId run, int turn, int attempt) {
    return run.to_string() + "/turn-" + std::to_string(turn) + "/attempt-" +
           std::to_string(attempt);
}

/// What is told of the event, if it is one of an external action.
std::optional<Json> action_of(const engine::Event& event) {
    if (const auto* requested = std::get_if<engine::ModelRequested>(&event.body))
        return Json::object(
            {{"action_id", action_id(event.run, requested->turn, requested->attempt)},
             {"phase", "request"},
             {"target", requested->route + "/" + requested->model},
             {"request_digest", requested->request_digest.to_hex()}});
    if (const auto* completed = std::get_if<engine::ModelCompleted>(&event.body))
        return Json::object(
            {{"action_id", action_id(event.run, completed->turn, completed->attempt)},
             {"phase", "response"},
             {"target", completed->model},
             {"response_digest", completed->message.digest.to_hex()},
             {"outcome", "answered"}});
    if (const auto* failed = std::get_if<engine::ModelFailed>(&event.body))
        return Json::object(
            {{"action_id", action_id(event.run, failed->turn, failed->attempt)},
             {"phase", "response"},
             {"outcome", "failed: " + failed->error_kind}});
    return std::nullopt;
}

void add_circumstances(
    Json& record, const engine::Event& event, const journal::StoredEvent& stored) {
    record.set("kind", "model_call");
    record.set("timestamp_ms", to_milliseconds(event.at_us));
    record.set("session_id", event.session.value);
    record.set("agent_id", event.agent.value);
    record.set("run_id", event.run.to_string());
    record.set("authority", event.authority.to_string());
    record.set("principal_id", event.authority.actor().to_string());
    if (event.authority.chain.size() > 1)
        record.set("parent_principal_id", event.authority.chain[1].to_string());
    if (const auto* requested = std::get_if<engine::ModelRequested>(&event.body);
        requested != nullptr && requested->lease_expires_us) {
        record.set("lease_id", Leases::id_of(event.run, requested->turn, requested->attempt));
        record.set("grant_id", Leases::grant_of(event.agent.value, requested->route));
        record.set("lease_expires_at_ms", to_milliseconds(*requested->lease_expires_us));
    }
    record.set("record", stored.seq);
    record.set("record_hash", govern::leaf_hash(audit_record(stored)).to_hex());
}

} // namespace

Result<Json> external_actions_view(const journal::Journal& journal, RunId run) {
    Json records = Json::array();
    EventSeq cursor = 0;
    for (;;) {
        KHEISH_TRY(
            const journal::Page<journal::StoredEvent> page,
            journal.events(cursor, {.session = {}, .run = run}, journal::kPageLimit));
        for (const journal::StoredEvent& stored : page.items) {
            if (!stored.event.type.starts_with("model."))
                continue;
            KHEISH_TRY(const engine::Event event, to_event(stored));
            if (std::optional<Json> record = action_of(event)) {
                add_circumstances(*record, event, stored);
                records.append(*std::move(record));
            }
        }
        if (!page.has_more)
            return records;
        cursor = page.next;
    }
}

} // namespace kheish::control
