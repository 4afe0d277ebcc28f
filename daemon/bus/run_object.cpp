#include "bus/dictionary.hpp"
#include "bus/edge.hpp"
#include "bus/follow_call.hpp"
#include "bus/gate_details.hpp"
#include "bus/interface.hpp"
#include "bus/method.hpp"
#include "bus/object_path.hpp"
#include "bus/property.hpp"

namespace kheish::bus {

namespace {

using codec::Json;
using control::Caller;
using control::Operation;
using control::RunSummary;

Result<AccessRequest> access_to(BusEdge& edge, Operation operation, RunId run) {
    KHEISH_TRY(Principal owner, edge.service().run_owner(run));
    return AccessRequest{
        .operation = operation, .owner = std::move(owner), .details = {{"run", run.to_string()}}};
}

Result<Plan> plan_describe(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const RunId run, run_of(call));
    KHEISH_TRY(AccessRequest access, access_to(edge, Operation::runs_get, run));
    return Plan{std::move(access), [&edge, run](const Caller& caller, const BusMessage& message) {
                    reply_json(message.get(), edge.service().run_view(caller, run));
                }};
}

Result<Plan> plan_events(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const RunId run, run_of(call));
    KHEISH_TRY(AccessRequest access, access_to(edge, Operation::runs_events, run));
    return Plan{std::move(access), [&edge, run](const Caller& caller, const BusMessage& message) {
                    reply_json_file(message.get(), edge.service().run_events_view(caller, run));
                }};
}

Result<Plan> plan_external_actions(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const RunId run, run_of(call));
    KHEISH_TRY(AccessRequest access, access_to(edge, Operation::runs_external_actions, run));
    return Plan{std::move(access), [&edge, run](const Caller& caller, const BusMessage& message) {
                    reply_json_file(
                        message.get(), edge.service().external_actions_view(caller, run));
                }};
}

Result<Plan> plan_follow(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const RunId run, run_of(call));
    return plan_follow_of(edge, Operation::runs_follow, {.session = {}, .run = run}, call);
}

Result<Plan> plan_cancel(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const RunId run, run_of(call));
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(control::EndRequest request, control::parse_end(options));
    KHEISH_TRY(AccessRequest access, access_to(edge, Operation::runs_cancel, run));
    return Plan{
        std::move(access),
        [&edge, run, request = std::move(request)](const Caller& caller, BusMessage message) {
            edge.service().cancel_run(caller, run, request, json_responder(std::move(message)));
        }};
}

/// The prompt shows what the gates release: how many they are, and the first of them.
Result<AccessRequest>
access_to_gates(BusEdge& edge, RunId run, const control::ResolveApprovals& request) {
    KHEISH_TRY(AccessRequest access, access_to(edge, Operation::runs_resolve, run));
    KHEISH_TRY(access.details, details_of(edge.service(), run, request.resolutions));
    return access;
}

Result<Plan> plan_resolve(BusEdge& edge, sd_bus_message* call) {
    KHEISH_TRY(const RunId run, run_of(call));
    KHEISH_TRY(const Json options, read_dictionary(call));
    KHEISH_TRY(control::ResolveApprovals request, control::parse_resolve_approvals(options));
    KHEISH_TRY(AccessRequest access, access_to_gates(edge, run, request));
    return Plan{
        std::move(access),
        [&edge, run, request = std::move(request)](
            const Caller& caller, BusMessage message) mutable {
            edge.service().resolve_approvals(
                caller, run, std::move(request), json_responder(std::move(message)));
        }};
}

/// What a property getter of this interface needs to know of its object.
struct RunTraits {
    using Summary = RunSummary;
    static Result<Summary> read(BusEdge& edge, const char* path) {
        const std::optional<RunId> run = run_at(path);
        if (!run)
            return fail(Errc::run_not_found, std::string(path) + " names no run");
        return edge.run_summary(*run);
    }
};
template <auto Get>
constexpr sd_bus_property_get_t kGet = get_property<RunTraits, Get>;

std::string get_id(const RunSummary& summary) {
    return summary.run.to_string();
}
std::string get_session(const RunSummary& summary) {
    return summary.session.value;
}
std::string get_owner(const RunSummary& summary) {
    return summary.owner.to_string();
}

constexpr std::uint64_t kOpen = SD_BUS_VTABLE_UNPRIVILEGED; // polkit decides, not the bus library
constexpr std::uint64_t kConst = SD_BUS_VTABLE_PROPERTY_CONST;
constexpr std::uint64_t kChanges = SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE;
constexpr std::uint64_t kContent = SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION;

const sd_bus_vtable kVtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_PROPERTY("Id", "s", kGet<get_id>, 0, kConst),
    SD_BUS_PROPERTY("Session", "s", kGet<get_session>, 0, kConst),
    SD_BUS_PROPERTY("Owner", "s", kGet<get_owner>, 0, kConst),
    SD_BUS_PROPERTY("Status", "s", kGet<&RunSummary::status>, 0, kChanges),
    SD_BUS_PROPERTY("WaitReason", "s", kGet<&RunSummary::wait_reason>, 0, kChanges),
    SD_BUS_PROPERTY("Unit", "s", kGet<&RunSummary::unit>, 0, kChanges),
    SD_BUS_PROPERTY("Route", "s", kGet<&RunSummary::route>, 0, kChanges),
    SD_BUS_PROPERTY("Model", "s", kGet<&RunSummary::model>, 0, kChanges),
    SD_BUS_PROPERTY("TextPreview", "s", kGet<&RunSummary::text_preview>, 0, kContent),
    SD_BUS_PROPERTY("Error", "s", kGet<&RunSummary::error>, 0, kContent),
    SD_BUS_PROPERTY("SubmittedUSec", "t", kGet<&RunSummary::submitted_us>, 0, kConst),
    SD_BUS_PROPERTY("StartedUSec", "t", kGet<&RunSummary::started_us>, 0, kChanges),
    SD_BUS_PROPERTY("FinishedUSec", "t", kGet<&RunSummary::finished_us>, 0, kChanges),
    SD_BUS_PROPERTY("CPUUsageUSec", "t", kGet<&RunSummary::cpu_usage_us>, 0, kChanges),
    SD_BUS_PROPERTY("InputTokens", "t", kGet<&RunSummary::input_tokens>, 0, kChanges),
    SD_BUS_PROPERTY("OutputTokens", "t", kGet<&RunSummary::output_tokens>, 0, kChanges),
    SD_BUS_PROPERTY("PendingApprovals", "t", kGet<&RunSummary::pending_approvals>, 0, kChanges),
    SD_BUS_METHOD_WITH_ARGS(
        "Describe", SD_BUS_NO_ARGS, SD_BUS_RESULT("s", view), handle<plan_describe>, kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "Events", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", view), handle<plan_events>, kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "ExternalActions",
        SD_BUS_NO_ARGS,
        SD_BUS_RESULT("h", view),
        handle<plan_external_actions>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "Follow",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("h", stream),
        handle<plan_follow>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "Cancel",
        SD_BUS_ARGS("a{sv}", options),
        SD_BUS_RESULT("s", view),
        handle<plan_cancel>,
        kOpen),
    SD_BUS_METHOD_WITH_ARGS(
        "ResolveApprovals",
        SD_BUS_ARGS("a{sv}", resolutions),
        SD_BUS_RESULT("s", view),
        handle<plan_resolve>,
        kOpen),
    SD_BUS_VTABLE_END,
};

} // namespace

const sd_bus_vtable* run_vtable() {
    return kVtable;
}

} // namespace kheish::bus
