#include "bus/dictionary.hpp"
#include "bus/edge.hpp"
#include "bus/error_reply.hpp"
#include "bus/follow_call.hpp"
#include "bus/interface.hpp"
#include "bus/method.hpp"
#include "bus/object_path.hpp"
#include "bus/property.hpp"

namespace kheish::bus {

namespace {

using codec::Json;
using control::Caller;
using control::Operation;
using control::SessionSummary;

Result<AccessRequest> access_to(BusEdge& edge, Operation operation, const SessionId& session) {
    KHEISH_TRY(Principal owner, edge.service().session_owner(session));
    return AccessRequest{
        .operation = operation, .owner = std::move(owner), .details = {{"session", session.value}}};
}

Result<Plan> plan_describe(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const SessionId session, session_of(call));
    KHEISH_TRY(AccessRequest access, access_to(edge, Operation::sessions_get, session));
    return Plan{
        std::move(access), [&edge, session](const Caller& caller, const BusMessage& message) {
            reply_json(message.get(), edge.service().session_view(caller, session));
        }};
}

Result<Plan> plan_events(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const SessionId session, session_of(call));
    KHEISH_TRY(AccessRequest access, access_to(edge, Operation::sessions_events, session));
    return Plan{
        std::move(access), [&edge, session](const Caller& caller, const BusMessage& message) {
            reply_json_file(message.get(), edge.service().session_events_view(caller, session));
        }};
}

Result<Plan> plan_follow(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(SessionId session, session_of(call));
    return plan_follow_of(
        edge, Operation::sessions_follow, {.session = std::move(session), .run = {}}, call);
}

Result<Json> submit_body(const char* content, const Json& options) {
    if (options.find("content"))
        return fail(Errc::bad_request, "options.content: the content is an argument of its own");
    KHEISH_TRY(Json body, with_json_text(options, "metadata", control::kMetadataLimitBytes));
    // Items make the content where there are some.
    if (*content != '\0' || !body.find("input_items"))
        body.set("content", content);
    return body;
}

void answer_submitted(sd_bus_message* call, const Result<control::SubmittedRun>& submitted) {
    if (!submitted)
        return reply_error(call, submitted.error());
    (void)sd_bus_reply_method_return(
        call, "so", submitted->run.to_string().c_str(), object_path(submitted->run).c_str());
}

Result<Plan> plan_submit(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(SessionId session, session_of(call));
    const char* content = nullptr;
    if (sd_bus_message_read(call, "s", &content) <= 0)
        return fail(Errc::bad_request, "the content cannot be read");
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(const Json body, submit_body(content, options));
    KHEISH_TRY(control::SubmitInput input, control::parse_submit_input(body));
    KHEISH_TRY(AccessRequest access, access_to(edge, Operation::sessions_submit, session));
    return Plan{
        std::move(access),
        [&edge, session = std::move(session), input = std::move(input)](
            const Caller& caller, BusMessage message) mutable {
            edge.service().submit(
                caller,
                std::move(session),
                std::move(input),
                Responder<control::SubmittedRun>(
                    [message = std::move(message)](const Result<control::SubmittedRun>& run) {
                        answer_submitted(message.get(), run);
                    }));
        }};
}

Result<Plan> plan_interrupt(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(SessionId session, session_of(call));
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(control::EndRequest request, control::parse_end(options));
    KHEISH_TRY(AccessRequest access, access_to(edge, Operation::sessions_interrupt, session));
    return Plan{
        std::move(access),
        [&edge, session = std::move(session), request = std::move(request)](
            const Caller& caller, BusMessage message) {
            edge.service().interrupt_session(
                caller, session, request, json_responder(std::move(message)));
        }};
}

Result<Plan> plan_end(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(SessionId session, session_of(call));
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(control::EndRequest request, control::parse_end(options));
    KHEISH_TRY(AccessRequest access, access_to(edge, Operation::sessions_end, session));
    return Plan{
        std::move(access),
        [&edge, session = std::move(session), request = std::move(request)](
            const Caller& caller, BusMessage message) {
            edge.service().end_session(
                caller, session, request, json_responder(std::move(message)));
        }};
}

/// What a property getter of this interface needs to know of its object.
struct SessionTraits {
    using Summary = SessionSummary;
    static Result<Summary> read(BusEdge& edge, const char* path) {
        const std::optional<SessionId> session = session_at(path);
        if (!session)
            return fail(Errc::session_not_found, std::string(path) + " names no session");
        return edge.session_summary(*session);
    }
};
template <auto Get>
constexpr sd_bus_property_get_t kGet = get_property<SessionTraits, Get>;

std::string get_id(const SessionSummary& summary) {
    return summary.session.value;
}
std::string get_owner(const SessionSummary& summary) {
    return summary.owner.to_string();
}
std::string get_active_run(const SessionSummary& summary) {
    return summary.active_run ? summary.active_run->to_string() : std::string();
}

constexpr std::uint64_t kOpen = SD_BUS_VTABLE_UNPRIVILEGED; // polkit decides, not the bus library
constexpr std::uint64_t kConst = SD_BUS_VTABLE_PROPERTY_CONST;
constexpr std::uint64_t kChanges = SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE;
constexpr std::uint64_t kContent = SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION;

const sd_bus_vtable kVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("Id", "s", kGet<get_id>, 0, kConst),
    SD_BUS_PROPERTY("Owner", "s", kGet<get_owner>, 0, kConst),
    SD_BUS_PROPERTY("Workspace", "s", kGet<&SessionSummary::workspace>, 0, kContent),
    SD_BUS_PROPERTY("CreatedUSec", "t", kGet<&SessionSummary::created_us>, 0, kConst),
    SD_BUS_PROPERTY("EndedUSec", "t", kGet<&SessionSummary::ended_us>, 0, kChanges),
    SD_BUS_PROPERTY("Status", "s", kGet<&SessionSummary::status>, 0, kChanges),
    SD_BUS_PROPERTY("ActiveRun", "s", kGet<get_active_run>, 0, kChanges),
    SD_BUS_PROPERTY("QueuedRuns", "t", kGet<&SessionSummary::queued_runs>, 0, kChanges),
    SD_BUS_METHOD_WITH_ARGS(
        "Describe", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", view), handle<plan_describe>, kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "Events", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", view), handle<plan_events>, kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "Follow",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("h", stream),
        handle<plan_follow>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "SubmitInput",
        SD_BUS_ARGS("s", content, "a{sv}", options),
        SD_BUS_RESULT("s", run_id, "o", run),
        handle<plan_submit>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "Interrupt",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_interrupt>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "End", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("s", view), handle<plan_end>, kOpen),
    SD_BUS_VTABLE_END,
};

} // namespace

const sd_bus_vtable* session_vtable() {
    return kVtable;
}

} // namespace kheish::bus
