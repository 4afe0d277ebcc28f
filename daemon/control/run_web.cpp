// Pages of the web that a run asks for. kheishd gets them: the run's sandbox has no network.

#include "control/run_actor.hpp"
#include "tools/input.hpp"
#include "tools/limits.hpp"
#include "tools/tool.hpp"

#include <algorithm>
#include <utility>

namespace kheish::control {

namespace {

scopes::Outcome::Kind kind_of(outbound::WebAnswer::Kind kind) {
    switch (kind) {
    case outbound::WebAnswer::Kind::ok:
        return scopes::Outcome::Kind::ok;
    case outbound::WebAnswer::Kind::timed_out:
        return scopes::Outcome::Kind::timed_out;
    case outbound::WebAnswer::Kind::failed:
        break;
    }
    return scopes::Outcome::Kind::failed;
}

scopes::Outcome ending_of(const CallId& call, scopes::Outcome::Kind kind, std::string text) {
    scopes::Outcome outcome;
    outcome.call = call;
    outcome.kind = kind;
    outcome.text = std::move(text);
    return outcome;
}

} // namespace

void RunActor::fetch(const engine::CallState& call, const std::string& input) {
    const CallId& id = call.proposal.call;
    const Result<codec::Json> json = tools::parse_input(input);
    Result<tools::WebFetchInput> parsed = json ? tools::WebFetchInput::parse(*json)
                                               : Result<tools::WebFetchInput>(fail(json.error()));
    if (!parsed) {
        on_finished(ending_of(id, scopes::Outcome::Kind::failed, parsed.error().message));
        return;
    }
    const tools::Tool* tool = find_tool(call.proposal.tool);
    outbound::WebRequest request{
        .key =
            engine::idempotency_key(state(), id) + "/execution-" + std::to_string(call.executions),
        .authority = agent_batch().authority,
        .url = std::move(parsed->url),
        .offset = parsed->offset,
        .text_limit_bytes = static_cast<std::int64_t>(tools::kExcerptBytes),
        .body_limit_bytes = tools::kWebBodyBytes,
        .redirects = tools::kWebRedirects,
        .timeout = std::min(
            settings_.tool_timeout_max,
            tool != nullptr ? tools::timeout_of(*tool, input) : std::chrono::milliseconds(1))};
    Fetch& fetch = fetches_[id];
    fetch.begun_boot_us = outside_.clock.now().boot_us;
    fetch.call = outside_.web.start(
        std::move(request), [weak = weak_from_this(), id](outbound::WebAnswer answer) {
            if (const std::shared_ptr<RunActor> self = weak.lock())
                self->take_page(id, std::move(answer));
        });
}

void RunActor::take_page(const CallId& id, outbound::WebAnswer answer) {
    const auto found = fetches_.find(id);
    if (found == fetches_.end())
        return;
    scopes::Outcome outcome = ending_of(id, kind_of(answer.kind), std::move(answer.text));
    outcome.truncated = answer.truncated;
    outcome.duration_us = outside_.clock.now().boot_us - found->second.begun_boot_us;
    fetches_.erase(found);
    on_finished(std::move(outcome));
}

void RunActor::cancel_fetch(const CallId& id) {
    if (fetches_.erase(id) > 0)
        on_finished(ending_of(id, scopes::Outcome::Kind::cancelled, "given up"));
}

} // namespace kheish::control
