#include "control/external_actions.hpp"

#include "control/conversions.hpp"
#include "control/leases.hpp"
#include "control/stored_record.hpp"
#include "control/views.hpp"
#include "govern/merkle.hpp"
#include "tools/input.hpp"
#include "tools/tool.hpp"

#include <map>
#include <optional>

namespace kheish::control {

using codec::Json;

namespace {

std::string action_id(RunId run, int turn, int attempt) {
    return run.to_string() + "/turn-" + std::to_string(turn) + "/attempt-" +
           std::to_string(attempt);
}

/// Tells the actions of one run from its events, taken in their order.
class ActionReader {
  public:
    explicit ActionReader(const journal::Journal& journal) : journal_(journal) {}

    static bool may_concern(std::string_view type) {
        return type.starts_with("model.") || type == engine::ToolStarted::kType ||
               type == engine::ToolFinished::kType || type == engine::ApprovalResolved::kType;
    }

    /// What is told of the event, if it is one of an external action.
    std::optional<Json> take(const engine::Event& event) {
        return std::visit(
            [this, &event](const auto& body) -> std::optional<Json> {
                if constexpr (requires { this->read(event.run, body); })
                    return this->read(event.run, body);
                else
                    return std::nullopt;
            },
            event.body);
    }

  private:
    struct Fetch {
        codec::BlobRef input;
        int executions = 0;
    };

    std::optional<Json> read(RunId run, const engine::ModelRequested& requested) {
        return Json::object(
            {{"kind", "model_call"},
             {"action_id", action_id(run, requested.turn, requested.attempt)},
             {"phase", "request"},
             {"target", requested.route + "/" + requested.model},
             {"request_digest", requested.request_digest.to_hex()}});
    }

    std::optional<Json> read(RunId run, const engine::ModelCompleted& completed) {
        for (const engine::ProposedCall& call : completed.calls)
            if (call.tool == tools::kWebFetchTool)
                fetches_[call.call] = {.input = call.input};
        return Json::object(
            {{"kind", "model_call"},
             {"action_id", action_id(run, completed.turn, completed.attempt)},
             {"phase", "response"},
             {"target", completed.model},
             {"response_digest", completed.message.digest.to_hex()},
             {"outcome", "answered"}});
    }

    std::optional<Json> read(RunId run, const engine::ModelFailed& failed) {
        return Json::object(
            {{"kind", "model_call"},
             {"action_id", action_id(run, failed.turn, failed.attempt)},
             {"phase", "response"},
             {"outcome", "failed: " + failed.error_kind}});
    }

    /// Whoever allowed it may have changed the address.
    std::optional<Json> read(RunId /*run*/, const engine::ApprovalResolved& resolved) {
        const auto fetch = fetches_.find(resolved.call);
        if (fetch != fetches_.end() && resolved.updated_input)
            fetch->second.input = *resolved.updated_input;
        return std::nullopt;
    }

    std::optional<Json> read(RunId run, const engine::ToolStarted& started) {
        const auto fetch = fetches_.find(started.call);
        if (fetch == fetches_.end())
            return std::nullopt;
        fetch->second.executions = started.execution;
        return about(run, started.call, fetch->second)
            .set("phase", "request")
            .set("request_digest", fetch->second.input.digest.to_hex());
    }

    std::optional<Json> read(RunId run, const engine::ToolFinished& finished) {
        const auto fetch = fetches_.find(finished.call);
        if (fetch == fetches_.end() || fetch->second.executions == 0)
            return std::nullopt; // it was never asked for
        return about(run, finished.call, fetch->second)
            .set("phase", "response")
            .set("response_digest", finished.text.digest.to_hex())
            .set("outcome", finished.is_error ? "failed: " + finished.outcome : "answered");
    }

    Json about(RunId run, const CallId& call, const Fetch& fetch) const {
        Json view = Json::object(
            {{"kind", tools::kWebFetchTool},
             {"action_id",
              run.to_string() + "/" + call.value + "/execution-" +
                  std::to_string(fetch.executions)},
             {"tool_call_id", call.value}});
        if (std::optional<std::string> target = target_of(fetch))
            view.set("target", *std::move(target));
        return view;
    }

    /// Without the query. Nothing where its input was pruned.
    std::optional<std::string> target_of(const Fetch& fetch) const {
        const Result<std::string> text = journal_.blob(fetch.input.digest);
        const Result<Json> json =
            text ? tools::parse_input(*text) : Result<Json>(fail(text.error()));
        const Result<tools::WebFetchInput> input =
            json ? tools::WebFetchInput::parse(*json)
                 : Result<tools::WebFetchInput>(fail(json.error()));
        return input ? std::optional("GET " + input->url.without_query()) : std::nullopt;
    }

    const journal::Journal& journal_;
    std::map<CallId, Fetch> fetches_;
};

void add_circumstances(
    Json& record, const engine::Event& event, const journal::StoredEvent& stored) {
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
    ActionReader actions(journal);
    EventSeq cursor = 0;
    for (;;) {
        KHEISH_TRY(
            const journal::Page<journal::StoredEvent> page,
            journal.events(cursor, {.session = {}, .run = run}, journal::kPageLimit));
        for (const journal::StoredEvent& stored : page.items) {
            if (!ActionReader::may_concern(stored.event.type))
                continue;
            KHEISH_TRY(const engine::Event event, to_event(stored));
            if (std::optional<Json> record = actions.take(event)) {
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
