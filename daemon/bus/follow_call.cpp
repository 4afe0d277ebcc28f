#include "bus/follow_call.hpp"

#include "bus/dictionary.hpp"
#include "bus/edge.hpp"
#include "bus/error_reply.hpp"

namespace kheish::bus {

namespace {

using codec::Json;

Status answer_stream(
    BusEdge& edge,
    const control::Caller& caller,
    const control::StreamFilter& filter,
    std::optional<EventSeq> cursor,
    sd_bus_message* call) {
    KHEISH_TRY(const Fd stream, edge.followers().follow(caller, filter, cursor));
    (void)sd_bus_reply_method_return(call, "h", stream.get());
    return {};
}

} // namespace

Result<std::optional<EventSeq>> read_cursor(codec::ObjectReader& reader) {
    const std::optional<Json> cursor = reader.optional_value("cursor");
    if (!cursor)
        return std::optional<EventSeq>();
    const std::string text =
        cursor->is_integer() ? std::to_string(cursor->integer()) : cursor->string();
    KHEISH_TRY(const EventSeq position, control::parse_event_cursor(text));
    return std::optional<EventSeq>(position);
}

Result<Plan> plan_follow_of(
    BusEdge& edge,
    control::Operation operation,
    control::StreamFilter filter,
    sd_bus_message* call) {
    KHEISH_TRY(const Json options, read_dictionary(call));
    codec::ObjectReader reader(options, "options");
    KHEISH_TRY(const std::optional<EventSeq> cursor, read_cursor(reader));
    KHEISH_CHECK(reader.finish());
    return follow_plan(edge, operation, std::move(filter), cursor);
}

Result<Plan> follow_plan(
    BusEdge& edge,
    control::Operation operation,
    control::StreamFilter filter,
    std::optional<EventSeq> cursor) {
    AccessRequest access{.operation = operation};
    if (filter.run) {
        KHEISH_TRY(access.owner, edge.service().run_owner(*filter.run));
    } else if (filter.session) {
        KHEISH_TRY(access.owner, edge.service().session_owner(*filter.session));
    } else {
        access.listing = true;
    }
    return Plan{
        std::move(access),
        [&edge, filter = std::move(filter), cursor](
            const control::Caller& caller, const BusMessage& call) {
            const Status answered = answer_stream(edge, caller, filter, cursor, call.get());
            if (!answered)
                reply_error(call.get(), answered.error());
        }};
}

} // namespace kheish::bus
