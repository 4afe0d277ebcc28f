#include "control/stored_record.hpp"

namespace kheish::control {

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

std::string audit_record(const journal::StoredEvent& stored) {
    std::string record = codec::canonical_json(event_members(stored));
    // Only "body" sorts where it goes: behind "authority". The body's own bytes, never printed
    // anew.
    const std::string key = ",\"body\":";
    const std::size_t place = record.find(R"(,"run_id":)");
    const std::size_t end = place != std::string::npos ? place : record.find(R"(,"seq":)");
    record.insert(end, key + stored.event.body);
    return record;
}

} // namespace kheish::control
