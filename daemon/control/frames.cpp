#include "control/frames.hpp"

#include "control/views.hpp"

#include <array>

namespace kheish::control {

namespace {

using codec::Json;

enum class FrameKind { run_updated, output, session_state_changed, trace };

struct FrameRow {
    std::string_view prefix; ///< of the event's type
    FrameKind kind;
};

// The first row whose prefix matches.
constexpr std::array kFrames{
    FrameRow{"session.", FrameKind::session_state_changed},
    FrameRow{"output.", FrameKind::output},
    FrameRow{"approval.", FrameKind::run_updated},
    FrameRow{"outcome.", FrameKind::run_updated},
    FrameRow{"question.", FrameKind::run_updated},
    FrameRow{"tool.outcome_unknown", FrameKind::run_updated},
    FrameRow{"run.accepted", FrameKind::run_updated},
    FrameRow{"run.queued", FrameKind::run_updated},
    FrameRow{"run.started", FrameKind::run_updated},
    FrameRow{"run.stuck", FrameKind::run_updated},
    FrameRow{"run.cancel", FrameKind::run_updated},
    FrameRow{"run.completed", FrameKind::run_updated},
    FrameRow{"run.failed", FrameKind::run_updated},
    FrameRow{"run.interrupted", FrameKind::run_updated},
    FrameRow{"", FrameKind::trace},
};

constexpr std::array<std::string_view, 4> kFrameNames{
    "run_updated", "output", "session_state_changed", "trace"};

FrameKind kind_of(std::string_view type) {
    for (const FrameRow& row : kFrames)
        if (type.starts_with(row.prefix))
            return row.kind;
    return FrameKind::trace;
}

/// An event's own members: the body that the journal has.
Json body_of(const engine::Event& event) {
    return codec::parse_json(engine::encode(event.body).body, {.bytes = std::size_t{32} << 20U})
        .value_or(Json::object());
}

/// The names under which the wire contract knows some traces; every other keeps its type with an
/// underscore for the dot.
std::string trace_type(const engine::Event& event) {
    const std::string_view type = engine::event_type(event.body);
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kNames{{
        {"model.requested", "model_attempt_started"},
        {"model.completed", "model_attempt_finished"},
        {"model.failed", "model_attempt_finished"},
        {"model.retry_scheduled", "model_retry_scheduled"},
        {"permission.decided", "permission_evaluated"},
    }};
    for (const auto& [from, to] : kNames)
        if (type == from)
            return std::string(to);
    std::string name(type);
    for (char& c : name)
        c = c == '.' ? '_' : c;
    return name;
}

Json trace_of(const engine::Event& event) {
    Json kind = body_of(event);
    kind.set("type", trace_type(event));
    if (const auto* finished = std::get_if<engine::ToolFinished>(&event.body))
        kind.set("call_id", finished->call.value);
    if (const auto* started = std::get_if<engine::ToolStarted>(&event.body))
        kind.set("call_id", started->call.value);
    return Json::object({
        {"timestamp_ms", to_milliseconds(event.at_us)},
        {"session_id", event.session.value},
        {"agent_id", event.agent.value},
        {"run_id", event.run ? Json(event.run.to_string()) : Json()},
        {"principal_id", event.authority.actor().to_string()},
        {"kind", kind},
    });
}

} // namespace

Frame frame_of(const engine::Event& event, const FrameViews& views) {
    const FrameKind kind = kind_of(engine::event_type(event.body));
    Frame frame;
    frame.id = event.seq;
    frame.event = kFrameNames[static_cast<std::size_t>(kind)];
    Json data = Json::object({{"type", frame.event}});
    switch (kind) {
    case FrameKind::run_updated:
        data.set("run", views.run(event.run));
        data.set("cause", Json(engine::event_type(event.body)));
        break;
    case FrameKind::output:
        data.set("output", views.output(event));
        break;
    case FrameKind::session_state_changed:
        data = views.session_state(event.session);
        data.set("type", frame.event);
        break;
    case FrameKind::trace:
        data.set("trace", trace_of(event));
        break;
    }
    frame.data = codec::canonical_json(data);
    return frame;
}

Frame text_frame(RunId run, const SessionId& session, std::string_view text) {
    Frame frame;
    frame.event = "text_delta";
    frame.data = codec::canonical_json(Json::object({
        {"type", frame.event},
        {"run_id", run.to_string()},
        {"session_id", session.value},
        {"text", text},
    }));
    return frame;
}

Json event_entry(const engine::Event& event) {
    Json body = body_of(event);
    const std::string_view type = engine::event_type(event.body);
    // The contract's names for a run's own milestones carry no prefix.
    const std::string_view name = type.starts_with("run.") ? type.substr(4) : type;
    body.set("type", name);
    return Json::object({
        {"id", event.seq},
        {"timestamp_ms", to_milliseconds(event.at_us)},
        {"run_id", event.run ? Json(event.run.to_string()) : Json()},
        {"session_id", event.session.value},
        {"agent_id", event.agent.value},
        {"authority", event.authority.to_string()},
        {"event", body},
    });
}

} // namespace kheish::control
