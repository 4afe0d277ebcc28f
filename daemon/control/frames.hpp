#pragma once

#include "codec/json.hpp"
#include "control/stream.hpp"
#include "engine/event.hpp"

#include <functional>
#include <string>

namespace kheish::control {

/// Views that a frame carries, as of its delivery.
struct FrameViews {
    std::function<codec::Json(RunId)> run;
    std::function<codec::Json(const SessionId&)> session_state;
    std::function<codec::Json(const engine::Event&)> output;
};

/// The frame of one journal event: one event, one frame, whatever its type.
///
///   run.accepted ... run.cancelled, approval.*, outcome.*, tool.outcome_unknown   run_updated
///   output.recorded                                                              output
///   session.* session_state_changed everything else trace
Frame frame_of(const engine::Event& event, const FrameViews& views);

/// Model text as it streams; not journaled, no id.
Frame text_frame(RunId run, const SessionId& session, std::string_view text);

/// The entry of a run's event list: {timestamp_ms, run_id, session_id, agent_id, event{type, ...}}.
codec::Json event_entry(const engine::Event& event);

} // namespace kheish::control
