#pragma once

#include "bus/method.hpp"
#include "codec/object_reader.hpp"

/// The Follow() methods of Manager, Session and Run.
namespace kheish::bus {

/// Member "cursor": a journal sequence number as text or number; nothing where it is absent.
Result<std::optional<EventSeq>> read_cursor(codec::ObjectReader& reader);

/// Reads {cursor} and follows what `filter` lets through.
Result<Plan> plan_follow_of(
    BusEdge& edge,
    control::Operation operation,
    control::StreamFilter filter,
    sd_bus_message* call);

/// Answers with the reader's end of the stream. Whose things it is about follows from the filter.
Result<Plan> follow_plan(
    BusEdge& edge,
    control::Operation operation,
    control::StreamFilter filter,
    std::optional<EventSeq> cursor);

} // namespace kheish::bus
