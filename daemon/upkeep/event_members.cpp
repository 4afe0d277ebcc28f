#include "upkeep/event_members.hpp"

namespace kheish::upkeep {

codec::Json event_members(const journal::StoredEvent& stored) {
    codec::Json event = codec::Json::object({
        {"seq", stored.seq},
        {"session_id", stored.event.session.value},
        {"agent_id", stored.event.agent.value},
        {"at_us", stored.event.at_us},
        {"type", stored.event.type},
        {"version", stored.event.version},
        {"authority", stored.event.authority},
    });
    if (stored.event.run)
        event.set("run_id", stored.event.run->to_string());
    return event;
}

} // namespace kheish::upkeep
